import numpy as np
import pytest

from processors.batches.batch_shape import BatchShape, PadTo
from processors.batches.batches import TrainBatches
from processors.batches.features import Features
from processors.batches.grouped_batches import GroupedBatches
from processors.batches.token_dataset import TokenDataset


def dataset_of(lengths):
    ones = [np.ones(length, np.int32) for length in lengths]
    return TokenDataset.from_features(
        [Features(ids, np.zeros_like(ids), None) for ids in ones]
    )


@pytest.fixture(scope="module")
def texts():
    """Token ids of 12 texts of 2 to 9 tokens."""
    return dataset_of(np.random.default_rng(3).integers(2, 10, 12))


def test_grouped_batches_hold_every_text_once_an_epoch(texts):
    shape = BatchShape(per_replica_batch=4, max_seq_length=16, pad_to=PadTo.MAX)
    batches = GroupedBatches(texts, shape=shape, seed=5)
    for epoch in range(3):
        steps = range(3 * epoch, 3 * epoch + 3)
        index = [batches.batch(step).example_index.ravel() for step in steps]
        assert sorted(np.concatenate(index)) == list(range(12))
        spans = [np.ptp(texts.lengths[each]) for each in index]
        assert sum(spans) <= np.ptp(texts.lengths)
    again = GroupedBatches(texts, shape=shape, seed=5)
    np.testing.assert_array_equal(
        again.batch(7).example_index, batches.batch(7).example_index
    )


def real_share(batches, dataset, *, epoch, size):
    """Share of real tokens in the rows of the batches that begin in an epoch."""
    count = len(dataset)
    steps = range(-(-epoch * count // size), -(-(epoch + 1) * count // size))
    found = [batches.batch(step) for step in steps]
    slots = sum(batch.arrays["input_ids"].size for batch in found)
    return sum(batch.real_tokens for batch in found) / slots


@pytest.mark.parametrize("count", [1000, 1003, 1031])
def test_every_epoch_of_grouped_batches_is_as_full_as_the_first(count):
    random = np.random.default_rng(1)
    lengths = np.minimum(random.geometric(0.03, count) + 1, 128)
    texts = dataset_of(lengths)
    shape = BatchShape(
        per_replica_batch=32,
        max_seq_length=128,
        pad_to=PadTo.BUCKET,
        buckets=(*range(8, 64, 8), 64, 96, 128),
    )
    grouped = GroupedBatches(texts, shape=shape, seed=0)
    plain = TrainBatches(texts, shape=shape, seed=0)
    shares = [real_share(grouped, texts, epoch=e, size=32) for e in range(6)]
    assert min(shares) > 0.8
    assert max(shares) - min(shares) < 0.03
    assert real_share(plain, texts, epoch=0, size=32) < 0.4


@pytest.mark.parametrize(
    ("count", "size"), [(13, 4), (12, 5), (7, 4), (3, 4), (2, 5), (5, 5)]
)
def test_grouped_epochs_hold_every_text_once_wherever_they_start(count, size, texts):
    few = texts.take(np.arange(count) % len(texts))
    shape = BatchShape(per_replica_batch=size, max_seq_length=16, pad_to=PadTo.MAX)
    batches = GroupedBatches(few, shape=shape, seed=2)
    stream = [batches.batch(step).example_index.ravel() for step in range(3 * count)]
    epochs = np.concatenate(stream).reshape(-1, count)
    for epoch in epochs:
        assert sorted(epoch) == list(range(count))
    again = GroupedBatches(few, shape=shape, seed=2)
    np.testing.assert_array_equal(again.batch(5).example_index.ravel(), stream[5])
    other = GroupedBatches(few, shape=shape, seed=3)
    assert any((other.batch(n).example_index != stream[n]).any() for n in range(6))


def test_the_pools_of_grouped_batches_are_shuffled(texts):
    many = texts.take(np.arange(600) % len(texts))
    shape = BatchShape(per_replica_batch=2, max_seq_length=16, pad_to=PadTo.MAX)
    batches = GroupedBatches(many, shape=shape, seed=2)
    longest = [
        many.lengths[batches.batch(step).example_index.ravel()].max()
        for step in range(300)
    ]
    assert longest[:64] != sorted(longest[:64])
    pool = [batches.batch(step).example_index.ravel() for step in range(64)]
    assert np.unique(np.concatenate(pool)).size == 128
    assert np.ptp(np.concatenate(pool)) > 500
