"""Token columns to tf.train.Example and back, many examples at a time."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from processors.batches.token_dataset import UNLABELLED, TokenDataset, offsets_of
from processors.records import example_columns
from processors.records.example_columns import BadExampleError, Column, Kind

INPUT_IDS, SEGMENT_IDS, LABEL_IDS = "input_ids", "segment_ids", "label_ids"
# Only in the fixed-length records of google-research/bert.
INPUT_MASK, IS_REAL_EXAMPLE = "input_mask", "is_real_example"

_NAMES = (INPUT_IDS, SEGMENT_IDS, LABEL_IDS, INPUT_MASK, IS_REAL_EXAMPLE)
_KINDS = dict.fromkeys(_NAMES, Kind.INT64)


def encode_examples(dataset: TokenDataset) -> Iterator[bytes]:
    """Yields the serialised tf.train.Example of each example.

    Unpadded input_ids and segment_ids, and label_ids [1] unless it is unlabelled.

    Raises:
        ValueError: a token id is negative.
    """
    labelled = dataset.label_ids != UNLABELLED
    return example_columns.encode(
        {
            INPUT_IDS: Column(dataset.ids, dataset.lengths),
            SEGMENT_IDS: Column(dataset.segments, dataset.lengths),
            LABEL_IDS: Column(dataset.label_ids[labelled], labelled.astype(np.int64)),
        }
    )


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
    yield ids.lengths == 0, "expected int64 values in input_ids"
    yield segments.lengths != ids.lengths, "expected as many segment_ids as input_ids"
    yield labels.lengths > 1, "expected one label_ids, or none"
    yield ids.outside(2**31), "expected input_ids of 0 to 2**31 - 1"
    yield segments.outside(2**7), "expected segment_ids of 0 to 127"
    yield labels.outside(2**31), "expected label_ids of 0 to 2**31 - 1"
    if mask.values.size:
        yield mask.lengths != ids.lengths, "expected as many input_mask as input_ids"
    if is_real.values.size:
        yield is_real.lengths != 1, "expected one is_real_example"


def _strip(lists: Mapping[str, Column]) -> TokenDataset:
    ids, segments, labels, mask, is_real = (lists[name] for name in _NAMES)
    label_ids = np.full(len(ids.lengths), UNLABELLED, np.int32)
    label_ids[labels.lengths == 1] = labels.values
    dataset = TokenDataset(
        ids=ids.values.astype(np.int32),
        segments=segments.values.astype(np.int8),
        offsets=offsets_of(ids.lengths),
        label_ids=label_ids,
    )
    if mask.values.size:
        dataset = _without_padding(dataset, token=mask.values != 0)
    real = is_real.values != 0 if is_real.values.size else ids.lengths > 0
    empty = real & (dataset.lengths == 0)
    if empty.any():
        raise BadExampleError("input_mask marks no token.", index=int(empty.argmax()))
    return dataset if real.all() else dataset.take(np.flatnonzero(real))


def _without_padding(dataset: TokenDataset, *, token: np.ndarray) -> TokenDataset:
    return dataclasses.replace(
        dataset,
        ids=dataset.ids[token],
        segments=dataset.segments[token],
        offsets=offsets_of(token)[dataset.offsets],
    )
