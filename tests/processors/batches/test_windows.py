import itertools

import numpy as np
import pytest

from processors.batches.batch_shape import BatchShape, PadTo
from processors.batches.batches import EvalBatches, TrainBatches
from processors.batches.features import Features
from processors.batches.token_dataset import UNLABELLED, TokenDataset
from processors.batches.windows import MIN_LENGTH, Windows, window_counts
from runtime.errors import DataError

CLS, SEP = 2, 3


def row(*text, label_id=None, target=None):
    ids = np.array([CLS, *text, SEP], np.int32)
    return Features(ids, np.zeros_like(ids), label_id, target)


TEXTS = [
    row(*range(10, 20), label_id=1),  # 3 windows
    row(5, 6),
    row(*range(20, 25), label_id=0),  # 2 windows
    row(*range(30, 34), label_id=2),  # fits exactly
]
LENGTH = 6
WINDOWS = [
    [CLS, 10, 11, 12, 13, SEP],
    [CLS, 13, 14, 15, 16, SEP],
    [CLS, 16, 17, 18, 19, SEP],
    [CLS, 5, 6, SEP],
    [CLS, 20, 21, 22, 23, SEP],
    [CLS, 21, 22, 23, 24, SEP],
    [CLS, 30, 31, 32, 33, SEP],
]
OWNERS = [0, 0, 0, 1, 2, 2, 3]


@pytest.fixture(scope="module")
def texts():
    return TokenDataset.from_features(TEXTS)


@pytest.fixture(scope="module")
def windows(texts):
    return Windows.cut(texts, max_seq_length=LENGTH)


def ids_of(dataset):
    return [dataset.example(n).input_ids.tolist() for n in range(len(dataset))]


def test_windows_of_texts(windows):
    assert ids_of(windows.rows) == WINDOWS
    assert windows.owners.tolist() == OWNERS
    assert windows.offsets.tolist() == [0, 3, 4, 6, 7]
    labels = [1, 1, 1, UNLABELLED, 0, 0, 2]
    assert windows.rows.label_ids.tolist() == labels
    assert windows.rows.ids.dtype == np.int32
    assert windows.rows.segments.dtype == np.int8


def test_the_first_windows_are_what_truncation_reads(windows):
    assert ids_of(windows.first()) == [WINDOWS[place] for place in (0, 3, 4, 6)]


def test_targets_go_with_the_windows():
    targets = [np.float32([1, 0]), np.float32([1, 1])]
    rows = [
        row(*range(10, 10 + 5 * number), label_id=0, target=target)
        for number, target in enumerate(targets, start=1)
    ]
    found = Windows.cut(TokenDataset.from_features(rows), max_seq_length=LENGTH)
    assert found.owners.tolist() == [0, 0, 1, 1, 1]
    assert found.rows.targets.tolist() == [[1, 0]] * 2 + [[1, 1]] * 3


@pytest.mark.parametrize("length", [MIN_LENGTH, 7, 16, 33])
def test_windows_of_any_text_cover_it_and_overlap(length):
    held = length - 2
    for size in range(4 * length):
        text = list(range(10, 10 + size))
        found = Windows.cut(
            TokenDataset.from_features([row(*text)]), max_seq_length=length
        )
        parts = [ids[1:-1] for ids in ids_of(found.rows)]
        assert len(parts) == window_counts(np.array([size + 2]), max_seq_length=length)
        assert {len(part) for part in parts} == {min(size, held)}
        assert sorted(set(itertools.chain(*parts))) == text
        for one, other in itertools.pairwise(parts):
            assert len(set(one) & set(other)) >= held // 4 >= 1
            assert one[0] < other[0]
        # One fewer would not overlap by a quarter.
        assert len(parts) == 1 or size > held + (len(parts) - 2) * (held - held // 4)


# In batches -----------------------------------------------------------------------


def shape_of(*, batch=2, pad_to=PadTo.PACK, in_windows=True, **others):
    return BatchShape(
        per_replica_batch=batch,
        max_seq_length=LENGTH,
        pad_to=pad_to,
        in_windows=in_windows,
        **others,
    )


def read(batch):
    """The rows of a batch that was padded, without the padding."""
    grid = batch.arrays["input_ids"].reshape(-1, LENGTH)
    return [list(filter(None, row)) for row in grid.tolist()]


def test_an_evaluation_reads_all_windows_in_order(texts):
    batches = list(EvalBatches(texts, shape=shape_of(pad_to=PadTo.MAX)))
    assert [*itertools.chain(*map(read, batches))] == [*WINDOWS, []]
    owners = np.concatenate([batch.example_index.ravel() for batch in batches])
    assert owners.tolist() == [*OWNERS, -1]


@pytest.mark.parametrize("pad_to", PadTo)
def test_windows_can_be_laid_out_in_any_way(texts, pad_to):
    batches = EvalBatches(texts, shape=shape_of(pad_to=pad_to, replicas=2))
    assert sum(batch.real_tokens for batch in batches) == sum(map(len, WINDOWS))


def drawn(texts, *, epochs, seed=0, batch=2):
    """Of each epoch, the window that each example was trained with."""
    batches = TrainBatches(
        texts, shape=shape_of(pad_to=PadTo.MAX, batch=batch), seed=seed
    )
    found = [{} for _ in range(epochs)]
    for step in range(epochs * len(texts) // batch):
        made = batches.batch(step)
        slots = (made.epochs.ravel(), made.example_index.ravel(), read(made))
        for epoch, example, ids in zip(*slots, strict=True):
            assert example not in found[epoch]
            found[epoch][example] = ids
    return found


def test_an_epoch_of_training_reads_one_window_of_each_text(texts):
    for epoch in drawn(texts, epochs=6):
        assert len(epoch) == len(texts)
        assert all(ids in WINDOWS for ids in epoch.values())
        assert all(OWNERS[WINDOWS.index(epoch[n])] == n for n in epoch)


def test_as_many_epochs_as_windows_read_all_of_them(texts):
    epochs = drawn(texts, epochs=6)
    for start in (0, 2, 3):
        read_of_first = [epoch[0] for epoch in epochs[start : start + 3]]
        assert sorted(read_of_first) == WINDOWS[:3]


def test_a_window_is_a_function_of_seed_epoch_and_example(texts):
    first = drawn(texts, epochs=6)
    assert drawn(texts, epochs=6, batch=4) == first
    fewer = texts.take(np.arange(2))
    assert drawn(fewer, epochs=6) == [{n: e[n] for n in (0, 1)} for e in first]
    assert any(drawn(texts, epochs=6, seed=seed) != first for seed in (1, 2, 3))


def test_texts_begin_with_any_of_their_windows():
    many = TokenDataset.from_features([row(*range(10, 20))] * 300)
    [epoch] = drawn(many, epochs=1)
    counts = np.unique([ids[1] for ids in epoch.values()], return_counts=True)[1]
    assert len(counts) == 3
    assert counts.min() > 70


def test_a_resumed_run_draws_the_same_windows(texts):
    shape = shape_of()
    whole = TrainBatches(texts, shape=shape, seed=4)
    steps = [whole.batch(step) for step in range(12)]
    resumed = TrainBatches(texts, shape=shape, seed=4).batch(7)
    for name, array in resumed.arrays.items():
        np.testing.assert_array_equal(array, steps[7].arrays[name], err_msg=name)


def test_a_long_example_that_is_not_to_be_cut_is_refused(texts):
    with pytest.raises(DataError, match="Example 0 has 12 tokens"):
        EvalBatches(texts, shape=shape_of(in_windows=False))
    with pytest.raises(DataError, match="Example 0 has 12 tokens"):
        TrainBatches(texts, shape=shape_of(in_windows=False), seed=0)
