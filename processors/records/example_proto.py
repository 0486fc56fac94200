"""Token columns to tf.train.Example and back, many examples at a time."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from processors.batches.token_dataset import (
    UNLABELLED,
    Spans,
    TokenDataset,
    offsets_of,
)
from processors.records import example_columns
from processors.records.example_columns import BadExampleError, Column, Kind

INPUT_IDS, SEGMENT_IDS, LABEL_IDS = "input_ids", "segment_ids", "label_ids"
# Instead of label_ids, where an example has several labels or a number.
TARGET = "target"
# Where a text is learned.
TARGET_IDS = "target_ids"
# Only in the fixed-length records of google-research/bert.
INPUT_MASK, IS_REAL_EXAMPLE = "input_mask", "is_real_example"

_NAMES = (INPUT_IDS, SEGMENT_IDS, LABEL_IDS, INPUT_MASK, IS_REAL_EXAMPLE)
_INTEGERS = (*_NAMES, TARGET_IDS)
_KINDS = {**dict.fromkeys(_INTEGERS, Kind.INT64), TARGET: Kind.FLOAT}


def encode_examples(dataset: TokenDataset) -> Iterator[bytes]:
    """Yields the serialised tf.train.Example of each example.

    Unpadded input_ids and segment_ids; unless it is unlabelled label_ids [1], or, where
    the examples have targets, target: floats [labels], 1 for each that it has, or [1].
    Where they teach a text target_ids, unpadded too.

    Raises:
        ValueError: a token id is negative.
    """
    return example_columns.encode(
        {
            INPUT_IDS: Column(dataset.ids, dataset.lengths),
            SEGMENT_IDS: Column(dataset.segments, dataset.lengths),
            **_target_column(dataset),
            **_text_column(dataset.target_ids),
        }
    )


def _text_column(texts: Spans | None) -> dict[str, Column]:
    return {} if texts is None else {TARGET_IDS: Column(texts.ids, texts.lengths)}


def _target_column(dataset: TokenDataset) -> dict[str, Column]:
    labelled = dataset.label_ids != UNLABELLED
    if dataset.targets is None:
        values, name = dataset.label_ids[labelled], LABEL_IDS
    else:
        values, name = dataset.targets[labelled], TARGET
    width = values.size // max(len(values), 1)
    return {name: Column(values.ravel(), labelled * np.int64(width))}


def decode_examples(payloads: Sequence[bytes]) -> TokenDataset:
    """Returns the token columns of a block of serialised examples.

    Original fixed-length examples lose their padding, by input_mask, and those whose
    is_real_example is 0 are left out.

    Raises:
        BadExampleError: an example is no tf.train.Example, lacks a feature or holds
            one of the wrong type, length or range.
    """
    lists = example_columns.decode(payloads, _KINDS)
    for wrong, message in _complaints(lists):
        if wrong.any():
            index = int(wrong.argmax())
            names = example_columns.feature_names(payloads[index])
            raise BadExampleError(f"{message}; its features: {names}.", index=index)
    return _strip(lists)


def _complaints(lists: Mapping[str, Column]) -> Iterator[tuple[np.ndarray, str]]:
    """Yields which examples, bool [examples], break a rule, and the rule."""
    ids, segments, labels, mask, is_real = (lists[name] for name in _NAMES)
    widths = lists[TARGET].lengths
    yield ids.lengths == 0, "expected int64 values in input_ids"
    yield segments.lengths != ids.lengths, "expected as many segment_ids as input_ids"
    yield labels.lengths > 1, "expected one label_ids, or none"
    yield (widths > 0) & (labels.lengths > 0), "expected label_ids or target, not both"
    yield (widths > 0) & (widths < widths.max()), "expected targets of one length"
    yield ids.outside(2**31), "expected input_ids of 0 to 2**31 - 1"
    yield segments.outside(2**7), "expected segment_ids of 0 to 127"
    yield lists[TARGET_IDS].outside(2**31), "expected target_ids of 0 to 2**31 - 1"
    yield labels.outside(2**31), "expected label_ids of 0 to 2**31 - 1"
    if mask.values.size:
        yield mask.lengths != ids.lengths, "expected as many input_mask as input_ids"
    if is_real.values.size:
        yield is_real.lengths != 1, "expected one is_real_example"


def _strip(lists: Mapping[str, Column]) -> TokenDataset:
    ids, segments, labels, mask, is_real = (lists[name] for name in _NAMES)
    label_ids = np.full(len(ids.lengths), UNLABELLED, np.int32)
    label_ids[labels.lengths == 1] = labels.values
    label_ids[lists[TARGET].lengths > 0] = 0
    dataset = TokenDataset(
        ids=ids.values.astype(np.int32),
        segments=segments.values.astype(np.int8),
        offsets=offsets_of(ids.lengths),
        label_ids=label_ids,
        targets=_targets_of(lists[TARGET]),
        target_ids=_texts_of(lists[TARGET_IDS]),
    )
    if mask.values.size:
        dataset = _without_padding(dataset, token=mask.values != 0)
    real = is_real.values != 0 if is_real.values.size else ids.lengths > 0
    empty = real & (dataset.lengths == 0)
    if empty.any():
        raise BadExampleError("input_mask marks no token.", index=int(empty.argmax()))
    return dataset if real.all() else dataset.take(np.flatnonzero(real))


def _targets_of(column: Column) -> np.ndarray | None:
    """Returns float32 [examples] or [examples, labels], 0 where there are none."""
    width = int(column.lengths.max(initial=0))
    if width == 0:
        return None
    targets = np.zeros((len(column.lengths), width), np.float32)
    targets[column.lengths > 0] = column.values.reshape(-1, width)
    return targets[:, 0] if width == 1 else targets


def _texts_of(column: Column) -> Spans | None:
    if not column.values.size:
        return None
    return Spans(column.values.astype(np.int32), offsets_of(column.lengths))


def _without_padding(dataset: TokenDataset, *, token: np.ndarray) -> TokenDataset:
    return dataclasses.replace(
        dataset,
        ids=dataset.ids[token],
        segments=dataset.segments[token],
        offsets=offsets_of(token)[dataset.offsets],
    )
