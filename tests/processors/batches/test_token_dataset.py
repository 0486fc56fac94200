import dataclasses

import numpy as np
import pytest

from processors.batches import long_array, token_dataset
from processors.batches.features import Features
from processors.batches.token_dataset import (
    UNLABELLED,
    TokenDataset,
    gather,
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


def full_row(*ids):
    target = np.array([0.5, len(ids)], np.float32)
    return dataclasses.replace(
        row(*ids), target=target, target_ids=np.array(ids[1:], np.int32)
    )


@pytest.mark.parametrize("rows", [ROWS, [full_row(5, 6, 7), full_row(8), *ROWS]])
def test_columns_on_the_disk_are_those_in_memory(rows, monkeypatch):
    monkeypatch.setattr(token_dataset, "_AT_ONCE", 2)
    held = TokenDataset.collect(rows)
    order = np.array([2, 0, 2, 1])
    monkeypatch.setattr(long_array, "MOST_IN_MEMORY", 0)
    mapped = TokenDataset.collect(rows)
    assert not mapped.ids.flags.owndata
    for here, there in ((mapped, held), (mapped.take(order), held.take(order))):
        for name in ("ids", "segments", "offsets", "label_ids", "targets"):
            np.testing.assert_array_equal(getattr(here, name), getattr(there, name))
        if there.target_ids is not None:
            np.testing.assert_array_equal(here.target_ids.ids, there.target_ids.ids)
            offsets = there.target_ids.offsets
            np.testing.assert_array_equal(here.target_ids.offsets, offsets)


def test_a_gathered_column_is_its_spans(monkeypatch):
    monkeypatch.setattr(token_dataset, "_AT_ONCE", 2)
    found = gather(np.arange(9) * 10, np.array([7, 0, 3]), lengths=np.array([2, 0, 1]))
    assert found.tolist() == [70, 80, 30]


def test_no_examples():
    empty = TokenDataset.from_features(ROWS).take(np.empty(0, np.int64))
    assert len(empty) == 0
    assert empty.offsets.tolist() == [0]


def test_ranges():
    assert offsets_of([2, 0, 3]).tolist() == [0, 2, 2, 5]
    spans = ranges(np.array([10, 99, 0]), lengths=np.array([2, 0, 3]))
    assert spans.tolist() == [10, 11, 0, 1, 2]
