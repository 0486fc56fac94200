import numpy as np

from processors.batches.features import Features
from processors.batches.token_dataset import (
    UNLABELLED,
    TokenDataset,
    offsets_of,
    ranges,
)


def row(*ids, label_id=None):
    segments = np.arange(len(ids)) >= 2
    return Features(np.array(ids, np.int32), segments.astype(np.int32), label_id)


ROWS = [row(5, 6, 7, label_id=1), row(8, 9), row(10, 11, 12, 13, label_id=0)]


def lists(dataset):
    examples = [dataset.example(index) for index in range(len(dataset))]
    return [
        (e.input_ids.tolist(), e.segment_ids.tolist(), e.label_id) for e in examples
    ]


def test_columns_lie_end_to_end():
    dataset = TokenDataset.from_features(ROWS)
    assert dataset.ids.tolist() == [5, 6, 7, 8, 9, 10, 11, 12, 13]
    assert dataset.segments.tolist() == [0, 0, 1, 0, 0, 0, 0, 1, 1]
    assert dataset.offsets.tolist() == [0, 3, 5, 9]
    assert dataset.label_ids.tolist() == [1, UNLABELLED, 0]
    assert dataset.ids.dtype == dataset.label_ids.dtype == np.int32
    assert dataset.segments.dtype == np.int8


def test_examples_come_back():
    dataset = TokenDataset.from_features(ROWS)
    assert len(dataset) == 3
    assert [dataset.length(index) for index in range(3)] == [3, 2, 4]
    assert lists(dataset)[0] == ([5, 6, 7], [0, 0, 1], 1)
    assert lists(dataset)[1] == ([8, 9], [0, 0], None)
    assert dataset.example(2).segment_ids.dtype == np.int32


def test_take_and_concatenate():
    dataset = TokenDataset.from_features(ROWS)
    swapped = dataset.take(np.array([2, 0, 2]))
    assert lists(swapped) == [lists(dataset)[index] for index in (2, 0, 2)]
    both = TokenDataset.concatenate([dataset, swapped])
    assert lists(both) == lists(dataset) + lists(swapped)


def test_no_examples():
    empty = TokenDataset.from_features(ROWS).take(np.empty(0, np.int64))
    assert len(empty) == 0
    assert empty.offsets.tolist() == [0]


def test_ranges():
    assert offsets_of([2, 0, 3]).tolist() == [0, 2, 2, 5]
    spans = ranges(np.array([10, 99, 0]), lengths=np.array([2, 0, 3]))
    assert spans.tolist() == [10, 11, 0, 1, 2]
