from random import Random

import numpy as np
import pytest

from processors.pretraining.static_masks import StaticMasks, prediction_count, shuffle

CLS, SEP, MASK = 4, 5, 6


def make_masks(*, rate=0.15, most=1000, vocabulary=tuple(range(8000))):
    return StaticMasks(
        mask_id=MASK,
        special_ids=frozenset({CLS, SEP}),
        vocabulary=vocabulary,
        rate=rate,
        max_predictions=most,
    )


@pytest.mark.parametrize("count", [0, 1, 2, 3, 17, 200])
def test_shuffles_as_python_does(count):
    ours, theirs = list(range(count)), list(range(count))
    one, other = Random(3), Random(3)
    shuffle(ours, rng=one)
    other.shuffle(theirs)
    assert ours == theirs
    assert one.getstate() == other.getstate()


def test_shares_over_100_000_tokens():
    rng = Random(1)
    random = np.random.RandomState(0)
    fates = {"mask": 0, "kept": 0, "drawn": 0}
    total = chosen = 0
    for _ in range(800):
        tokens = [CLS, *random.randint(10, 8000, 126).tolist(), SEP]
        made = make_masks().mask(tokens, rng=rng)
        total, chosen = total + len(tokens), chosen + len(made.positions)
        for place, label in zip(made.positions, made.labels, strict=True):
            assert label == tokens[place]
            now = made.ids[place]
            kind = "mask" if now == MASK else "kept" if now == label else "drawn"
            fates[kind] += 1
        rest = set(range(len(tokens))) - set(made.positions)
        assert all(made.ids[place] == tokens[place] for place in rest)
        assert made.positions == sorted(set(made.positions))
        assert not {0, 127} & set(made.positions)
    assert chosen / total == pytest.approx(0.15, abs=0.003)
    assert fates["mask"] / chosen == pytest.approx(0.8, abs=0.01)
    assert fates["kept"] / chosen == pytest.approx(0.1, abs=0.01)
    assert fates["drawn"] / chosen == pytest.approx(0.1, abs=0.01)


def test_a_piece_with_the_id_0_is_masked_like_others():
    """bert-japanese's <unk> has it; padding is told by the mask alone."""
    tokens = [CLS, *[0] * 30, SEP]
    made = make_masks(rate=0.5).mask(tokens, rng=Random(0))
    assert len(made.positions) == 16
    assert made.labels == [0] * 16
    assert made.ids.count(MASK) > 8


def test_what_is_drawn_is_any_of_the_vocabulary_and_nothing_else():
    masks = make_masks(rate=0.9, vocabulary=(70, 80, 90))
    tokens = [CLS, *[7] * 4000, SEP]
    made = masks.mask(tokens, rng=Random(0))
    assert {*made.ids} == {CLS, SEP, MASK, 7, 70, 80, 90}


def test_whole_words_or_none():
    tokens = [CLS, 10, ~11, ~12, 20, 30, ~31, SEP, ~40, 50, SEP]
    words = [{1, 2, 3}, {4}, {5, 6, 8}, {9}]  # the original lets 8 go with 5 and 6
    seen = set()
    for seed in range(200):
        made = make_masks(rate=0.4).mask(tokens, rng=Random(seed))
        chosen = set(made.positions)
        for word in words:
            assert word <= chosen or not word & chosen
        assert 0 < len(chosen) <= 4
        assert made.labels == [abs_id(tokens[place]) for place in made.positions]
        assert min(made.ids) >= 0
        seen.add(frozenset(chosen))
    # A word that does not fit is passed over, and a shorter one taken.
    assert frozenset({1, 2, 3, 4}) in seen
    assert frozenset({5, 6, 8, 9}) in seen


def abs_id(token):
    return ~token if token < 0 else token


@pytest.mark.parametrize(
    ("length", "rate", "most", "count"),
    [
        (128, 0.15, 20, 19),
        (128, 0.15, 7, 7),
        (5, 0.15, 20, 1),
        (2, 0.1, 20, 1),
        (30, 0.15, 20, 4),  # 4.5 goes to the even number
        (50, 0.15, 20, 8),
    ],
)
def test_how_many_are_masked(length, rate, most, count):
    assert prediction_count(length, rate=rate, max_predictions=most) == count
