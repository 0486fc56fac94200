import numpy as np
import pytest

from processors.batches.token_dataset import ranges
from processors.pretraining.dynamic_masks import DynamicMasks, Tokens, rate_at

SPECIAL = (0, 1, 2, 3, 4)
VOCABULARY = 8000
MASK = 4


def make_masks(*, seed=0, max_predictions=1000):
    return DynamicMasks(
        mask_id=MASK,
        special_ids=SPECIAL,
        vocab_size=VOCABULARY,
        max_predictions=max_predictions,
        seed=seed,
    )


def make_tokens(examples=800, *, words=False, seed=0):
    """About 100,000 tokens, [CLS] and [SEP] at the ends of each example."""
    random = np.random.RandomState(seed)
    lengths = random.randint(100, 151, examples)
    ids = random.randint(5, VOCABULARY, lengths.sum()).astype(np.int32)
    ends = np.cumsum(lengths)
    ids[ends - 1], ids[ends - lengths] = 3, 2
    starts = np.ones(len(ids), np.bool_)
    if words:
        starts = random.random_sample(len(ids)) < 0.6
        starts[(ids < 5) | np.isin(np.arange(len(ids)), ends - lengths + 1)] = True
    return Tokens(ids, starts, lengths)


def choose(tokens, *, epoch=0, rate=0.15, first=0, **settings):
    count = len(tokens.lengths)
    return make_masks(**settings).choose(
        tokens,
        examples=np.arange(first, first + count),
        epochs=np.full(count, epoch),
        rates=np.full(count, rate),
    )


def test_shares_over_100_000_tokens():
    tokens = make_tokens()
    assert len(tokens.ids) > 90_000
    choice = choose(tokens)
    share = len(choice.places) / len(tokens.ids)
    assert share == pytest.approx(0.15, abs=0.003)
    old = tokens.ids[choice.places]
    assert not np.isin(old, SPECIAL).any()
    assert np.mean(choice.ids == MASK) == pytest.approx(0.8, abs=0.01)
    assert np.mean(choice.ids == old) == pytest.approx(0.1, abs=0.01)
    drawn = choice.ids[(choice.ids != MASK) & (choice.ids != old)]
    assert len(drawn) / len(old) == pytest.approx(0.1, abs=0.01)
    assert drawn.min() >= 5
    assert len(np.unique(drawn)) > 0.9 * VOCABULARY * (
        1 - np.exp(-len(drawn) / VOCABULARY)
    )


def test_whole_words_are_masked_whole():
    tokens = make_tokens(words=True)
    choice = choose(tokens, rate=0.3)
    chosen = np.zeros(len(tokens.ids), np.bool_)
    chosen[choice.places] = True
    word = np.cumsum(tokens.starts_word) - 1
    sizes = np.bincount(word)
    masked = np.bincount(word, chosen).astype(int)
    assert np.isin(masked[masked > 0] - sizes[masked > 0], 0).all()
    assert len(choice.places) / len(tokens.ids) == pytest.approx(0.3, abs=0.005)


def test_no_more_than_wanted_and_greedy_in_order():
    """Against the plain loop over the words of an example."""
    tokens = make_tokens(60, words=True)
    choice = choose(tokens, rate=0.15, max_predictions=14)
    masks = make_masks(max_predictions=14)
    keys = masks._keys(tokens, examples=np.arange(60), epochs=np.zeros(60, int))
    from processors.pretraining.dynamic_masks import _ORDER, _mixed_for

    draws = _mixed_for(keys, _ORDER)
    expected = []
    start = 0
    for length in tokens.lengths.tolist():
        words = []
        for place in range(start + 1, start + length - 1):
            if tokens.starts_word[place] or not words:
                words.append([place])
            else:
                words[-1].append(place)
        room = min(14, round(length * 0.15))
        for word in sorted(words, key=lambda word: draws[word[0]]):
            if len(word) <= room:
                expected += word
                room -= len(word)
        start += length
    assert choice.places.tolist() == sorted(expected)


def test_epochs_differ_and_repeat_with_the_seed():
    tokens = make_tokens(100)
    first = choose(tokens, epoch=3, seed=7)
    again = choose(tokens, epoch=3, seed=7)
    np.testing.assert_array_equal(first.places, again.places)
    np.testing.assert_array_equal(first.ids, again.ids)
    for other in (choose(tokens, epoch=4, seed=7), choose(tokens, epoch=3, seed=8)):
        common = np.intersect1d(first.places, other.places)
        # Independent choices share 15 % of their tokens.
        assert len(common) / len(first.places) == pytest.approx(0.15, abs=0.03)


def test_a_mask_depends_on_its_example_alone():
    tokens = make_tokens(50)
    whole = choose(tokens)
    span = ranges(np.array([tokens.lengths[:20].sum()]), lengths=tokens.lengths[20:21])
    alone = choose(
        Tokens(tokens.ids[span], tokens.starts_word[span], tokens.lengths[20:21]),
        first=20,
    )
    inside = np.isin(whole.places, span)
    np.testing.assert_array_equal(whole.places[inside] - span[0], alone.places)
    np.testing.assert_array_equal(whole.ids[inside], alone.ids)


def test_a_higher_rate_masks_more():
    tokens = make_tokens(50)
    assert set(choose(tokens, rate=0.1).places) < set(choose(tokens, rate=0.4).places)


def test_an_example_of_special_tokens_has_no_mask():
    tokens = Tokens(np.array([2, 3], np.int32), np.ones(2, np.bool_), np.array([2]))
    assert len(choose(tokens).places) == 0


@pytest.mark.parametrize(
    ("schedule", "done", "rate"),
    [
        ((0.15,), 0.7, 0.15),
        ((0.3, 0.1), 0.0, 0.3),
        ((0.3, 0.1), 0.5, 0.2),
        ((0.3, 0.1), 1.0, 0.1),
        ((0.1, 0.3, 0.2), 0.75, 0.25),
    ],
)
def test_schedule(schedule, done, rate):
    assert rate_at(schedule, done=done) == pytest.approx(rate)


def test_short_examples_have_one_mask_each():
    """Also where a cut has left an example that begins within a word."""
    tokens = Tokens(
        np.array([2, 9, 3, 2, 8, 3], np.int32),
        np.array([True, True, True, True, False, True]),
        np.array([3, 3]),
    )
    assert choose(tokens, rate=0.1).places.tolist() == [1, 4]
