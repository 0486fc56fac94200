import numpy as np
import pytest

from processors.batches.batch_shape import BatchShape, PadTo
from processors.batches.batches import EvalBatches, TrainBatches, stack
from processors.batches.features import Features
from processors.batches.texts_apart import (
    Sides,
    TextsApart,
    full_pairs,
    half_a_pair,
)
from processors.batches.token_dataset import TokenDataset
from processors.example import InputExample
from runtime.errors import DataError

TEXTS = [[2, n, *range(5, 5 + n), 3] for n in range(1, 9)]
PAIRS = [(0, 1), (1, 0), (2, 2), (0, 3), (7, 6), (1, 1), (5, 4)]


def dataset(pairs=PAIRS):
    rows = []
    for number, (first, second) in enumerate(pairs):
        ids = np.array(TEXTS[first] + TEXTS[second], np.int32)
        segments = (np.arange(len(ids)) >= len(TEXTS[first])).astype(np.int32)
        rows.append(Features(ids, segments, number % 3))
    return TokenDataset.from_features(rows)


def shape(**others):
    told = {
        "per_replica_batch": 4,
        "max_seq_length": 12,
        "pad_to": PadTo.PACK,
        "sides": Sides.APART,
    }
    return BatchShape(**(told | others))


def texts_of(arrays, place, name):
    """The ids of a side of each pair, found as a model finds them."""
    part = {key: value[place] for key, value in arrays.items()}
    flat, found = part["input_ids"].ravel(), []
    for slot in part[name]:
        columns = np.flatnonzero(part["token_mask"][slot])
        found.append(flat[part["first_positions"][slot] + columns].tolist())
    return found


def test_each_text_is_kept_once():
    found = TextsApart.of(dataset())
    assert len(found.dataset) == 8
    assert found.sides.tolist()[:3] == [[0, 1], [1, 0], [2, 2]]
    firsts = [found.dataset.example(n).input_ids.tolist() for n in range(3)]
    assert firsts == TEXTS[:3]


@pytest.mark.parametrize("pad_to", list(PadTo))
@pytest.mark.parametrize("replicas", [1, 2])
def test_a_pair_finds_its_texts_and_each_text_is_there_once(pad_to, replicas):
    batches = EvalBatches(
        dataset(), shape=shape(pad_to=pad_to, replicas=replicas, per_replica_batch=2)
    )
    seen = []
    for batch in batches:
        for place in np.ndindex(1, replicas):
            sides = [texts_of(batch.arrays, place, n) for n in ("text_a", "text_b")]
            for slot, number in enumerate(batch.example_index[place]):
                if number >= 0:
                    first, second = PAIRS[number]
                    assert [side[slot] for side in sides] == [
                        TEXTS[first],
                        TEXTS[second],
                    ]
                    seen.append(number)
            real = batch.example_index[place] >= 0
            numbers = batch.example_index[place][real]
            distinct = {text for number in numbers for text in PAIRS[number]}
            starts = batch.arrays["position_ids"][place] == 0
            tokens = batch.arrays["example_ids"][place] > 0
            assert (starts & tokens).sum() == len(distinct)
            assert batch.arrays["first_positions"][place].shape == (4,)
    assert seen == list(range(len(PAIRS)))


def test_all_segments_are_the_first():
    [batch] = EvalBatches(dataset(), shape=shape(per_replica_batch=7))
    assert not batch.arrays["segment_ids"].any()


def test_the_order_of_pairs_is_that_of_other_batches():
    apart = TrainBatches(dataset(), shape=shape(), seed=3)
    together = TrainBatches(
        dataset(), shape=shape(sides=Sides.TOGETHER, max_seq_length=24), seed=3
    )
    for step in range(4):
        np.testing.assert_array_equal(
            apart.batch(step).example_index, together.batch(step).example_index
        )


def test_stacked_batches_keep_their_texts():
    batches = TrainBatches(
        dataset(),
        shape=shape(pad_to=PadTo.BUCKET, buckets=(4, 6, 9, 12), per_replica_batch=2),
        seed=1,
    )
    several = [batches.batch(step) for step in range(5)]
    assert len({each.arrays["token_mask"].shape for each in several}) > 1
    stacked = stack(several)
    for number, batch in enumerate(several):
        part = {name: value[number] for name, value in stacked.items()}
        for name in ("text_a", "text_b"):
            expected = texts_of(batch.arrays, (0, 0), name)
            assert texts_of(part, (0, 0), name) == expected


def test_a_text_that_is_too_long_is_an_error():
    with pytest.raises(DataError, match="has 11 tokens"):
        EvalBatches(dataset(), shape=shape(max_seq_length=10))


@pytest.mark.parametrize("pad_to", list(PadTo))
def test_full_pairs_leave_no_room(pad_to):
    full = full_pairs(8, length=12, target_shape=())
    assert full.targets.shape == (8,)
    [batch] = EvalBatches(full, shape=shape(pad_to=pad_to, per_replica_batch=8))
    assert batch.arrays["input_ids"].shape == (1, 1, 16, 12)
    assert (batch.arrays["example_ids"] == 1).all()
    assert batch.arrays["token_mask"].all()


def test_what_is_no_pair():
    assert "--text_b" in half_a_pair(InputExample("a", "x"))
    assert "text_a is empty" in half_a_pair(InputExample("a", "\u3000", "y"))
    assert "text_b is empty" in half_a_pair(InputExample("a", "x", " "))
    assert half_a_pair(InputExample("a", "x", "y")) is None
