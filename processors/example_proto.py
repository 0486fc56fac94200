"""Token columns to tf.train.Example and back, many examples at a time.

    Example     { features: Features = 1 }
    Features    { feature: map<string, Feature> = 1 }    an entry: key = 1, value = 2
    Feature     { int64_list: Int64List = 3 }
    Int64List   { value: repeated int64 = 1, packed }

Encoding writes the features in the order of their names: that is what TensorFlow's
`SerializeToString(deterministic=True)` does, so equal examples are equal bytes.

Decoding reads a block of examples at once: the same field of every example is one
numpy step. That handles examples as every protobuf library writes them; a block that
holds anything else goes through a plain reader, which understands whatever the format
allows and says what is wrong with the rest.

Source: tensorflow/core/example/example.proto and feature.proto.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from processors.token_dataset import UNLABELLED, TokenDataset, offsets_of, ranges
from runtime import protobuf

INPUT_IDS, SEGMENT_IDS, LABEL_IDS = "input_ids", "segment_ids", "label_ids"
# Only in the fixed-length records of google-research/bert.
INPUT_MASK, IS_REAL_EXAMPLE = "input_mask", "is_real_example"

_NAMES = (INPUT_IDS, SEGMENT_IDS, LABEL_IDS, INPUT_MASK, IS_REAL_EXAMPLE)


# Encoding ----------------------------------------------------------------------------


def encode_examples(dataset: TokenDataset) -> Iterator[bytes]:
    """Yields the serialised tf.train.Example of each example.

    Unpadded input_ids and segment_ids, and label_ids [1] unless it is unlabelled.

    Raises:
        ValueError: a token id is negative.
    """
    ids = _packed_lists(dataset.ids, offsets=dataset.offsets)
    segments = _packed_lists(dataset.segments, offsets=dataset.offsets)
    for label_id, row_ids, row_segments in zip(
        dataset.label_ids.tolist(), ids, segments, strict=True
    ):
        features = b"".join(
            (
                _entry_head(INPUT_IDS, len(row_ids)),
                row_ids,
                _label_entry(label_id),
                _entry_head(SEGMENT_IDS, len(row_segments)),
                row_segments,
            )
        )
        yield _head(1, len(features)) + features


def _packed_lists(values: np.ndarray, *, offsets: np.ndarray) -> Iterator[bytes]:
    groups, sizes = protobuf.encode_packed_varints(values)
    ends = offsets_of(sizes)[offsets].tolist()
    data = groups.tobytes()
    return (data[start:end] for start, end in itertools.pairwise(ends))


@functools.lru_cache(maxsize=1 << 14)  # lengths repeat: heads are looked up, not made
def _entry_head(name: str, size: int) -> bytes:
    """Returns what precedes `size` bytes of packed values in the map entry `name`."""
    key = protobuf.field_bytes(1, name.encode())
    head = b""
    for number in (1, 3, 2):  # from the inside: value, int64_list, the entry's value
        head = _head(number, size + len(head)) + head
    return _head(1, len(key) + len(head) + size) + key + head


@functools.lru_cache(maxsize=1 << 14)
def _head(number: int, size: int) -> bytes:
    return protobuf.encode_varint(number << 3 | protobuf.BYTES) + (
        protobuf.encode_varint(size)
    )


@functools.lru_cache(maxsize=1 << 14)
def _label_entry(label_id: int) -> bytes:
    if label_id == UNLABELLED:
        return b""
    value = protobuf.encode_varint(label_id)
    return _entry_head(LABEL_IDS, len(value)) + value


# Decoding ----------------------------------------------------------------------------


class BadExampleError(ValueError):
    """An example that cannot be used.

    Attributes:
        index: Its place in the block.
    """

    def __init__(self, message: str, *, index: int) -> None:
        self.index = index
        super().__init__(message)


@dataclass(frozen=True, eq=False)
class _Lists:
    """The same feature of every example of a block.

    Attributes:
        values: int64 [total], one list after the other.
        lengths: int64 [examples]; 0 where the feature is missing or empty.
    """

    values: np.ndarray
    lengths: np.ndarray

    def outside(self, limit: int) -> np.ndarray:
        """Returns which examples hold a value under 0 or not under `limit`, bool."""
        if self.values.min(initial=0) >= 0 and self.values.max(initial=0) < limit:
            return np.zeros(len(self.lengths), np.bool_)
        places = np.flatnonzero((self.values < 0) | (self.values >= limit))
        outside = np.zeros(len(self.lengths), np.bool_)
        ends = np.cumsum(self.lengths)
        outside[np.searchsorted(ends, places, side="right")] = True
        return outside


def decode_examples(payloads: Sequence[bytes]) -> TokenDataset:
    """Returns the token columns of a block of serialised examples.

    Original fixed-length examples lose their padding, by input_mask, and those whose
    is_real_example is 0 are left out.

    Raises:
        BadExampleError: an example is no tf.train.Example, lacks a feature or holds
            one of the wrong type, length or range.
    """
    try:
        lists = _decode_block(payloads)
    except ValueError:  # unusual or damaged: the plain reader can tell
        lists = _decode_one_by_one(payloads)
    for wrong, message in _complaints(lists):
        if wrong.any():
            index = int(wrong.argmax())
            names = ", ".join(sorted(_feature_map(payloads[index]))) or "none"
            raise BadExampleError(f"{message}; its features: {names}.", index=index)
    return _strip(lists)


def _complaints(lists: Mapping[str, _Lists]) -> Iterator[tuple[np.ndarray, str]]:
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


def _strip(lists: Mapping[str, _Lists]) -> TokenDataset:
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


# A block at once: every array has one element for each example, and a step is taken by
# all of them together.


def _decode_block(payloads: Sequence[bytes]) -> dict[str, _Lists]:
    # The zeros let a step look past the last example before it is refused.
    data = np.frombuffer(b"".join(payloads) + bytes(8), np.uint8)
    spans = _find_lists(data, offsets=offsets_of([len(row) for row in payloads]))
    return {name: _decode_lists(data, *spans[name]) for name in _NAMES}


def _find_lists(data: np.ndarray, *, offsets: np.ndarray) -> dict[str, np.ndarray]:
    """Returns where each packed list starts and ends, int64 [2, examples] by name."""
    spans = {name: np.zeros((2, len(offsets) - 1), np.int64) for name in _NAMES}
    at, ends = _enter(data, offsets[:-1], tag=0x0A)
    _require(ends == offsets[1:])
    rows = np.arange(len(ends))
    while rows.size:  # once for each feature
        entry, entry_end = _enter(data, at[rows], tag=0x0A)
        _require(entry_end <= ends[rows])
        key, key_end = _enter(data, entry, tag=0x0A)
        _require(key_end <= entry_end)
        value, value_end = _enter(data, key_end, tag=0x12)
        _require(value_end == entry_end)
        for name in _NAMES:
            named = _equal(data, key, key_end, name=name)
            values, list_end = _enter(data, value[named], tag=0x1A)
            _require(list_end == entry_end[named])
            values, packed_end = _enter(data, values, tag=0x0A)
            _require(packed_end == entry_end[named])
            spans[name][:, rows[named]] = values, packed_end
        at[rows] = entry_end
        rows = rows[entry_end < ends[rows]]
    return spans


def _enter(
    data: np.ndarray, at: np.ndarray, *, tag: int
) -> tuple[np.ndarray, np.ndarray]:
    """Steps over a tag and a length; returns where what they announce starts, ends."""
    _require(data[at] == tag)
    size = np.zeros(len(at), np.int64)
    going = np.ones(len(at), np.bool_)
    for shift in (0, 7, 14, 21):
        at = at + going
        groups = data[at]
        size |= np.where(going, groups & 0x7F, 0).astype(np.int64) << shift
        going &= groups >= 0x80
        if not going.any():
            break
    _require(~going)
    return at + 1, at + 1 + size


def _equal(
    data: np.ndarray, starts: np.ndarray, ends: np.ndarray, *, name: str
) -> np.ndarray:
    """Returns the places of the spans that hold `name`, int64 [found]."""
    places = np.flatnonzero(ends - starts == len(name))
    held = data[starts[places, np.newaxis] + np.arange(len(name))]
    return places[(held == np.frombuffer(name.encode(), np.uint8)).all(axis=1)]


def _decode_lists(data: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> _Lists:
    sizes = ends - starts
    _require(data[ends[sizes > 0] - 1] < 0x80)
    groups = data[ranges(starts, lengths=sizes)]
    counts = np.searchsorted(np.flatnonzero(groups < 0x80), offsets_of(sizes))
    return _Lists(protobuf.decode_packed_varints(groups), np.diff(counts))


def _require(held: np.ndarray) -> None:
    if not held.all():
        raise ValueError("not laid out as protobuf libraries write it")


# One by one: whatever the format allows.


def _decode_one_by_one(payloads: Sequence[bytes]) -> dict[str, _Lists]:
    lists: dict[str, list[np.ndarray]] = {name: [] for name in _NAMES}
    for index, payload in enumerate(payloads):
        try:
            features = _feature_map(payload)
            for name in _NAMES:
                lists[name].append(_int64_list(features.get(name, b"")))
        except ValueError as error:
            message = f"expected a tf.train.Example of int64 features: {error}."
            raise BadExampleError(message, index=index) from error
    return {
        name: _Lists(
            np.concatenate(rows), np.array([len(row) for row in rows], np.int64)
        )
        for name, rows in lists.items()
    }


def _feature_map(payload: bytes) -> dict[str, bytes]:
    """Returns the serialised Feature of each name."""
    return {
        _last(entry, number=1).decode("utf-8", "replace"): _last(entry, number=2)
        for features in _messages(payload, number=1)
        for entry in _messages(features, number=1)
    }


def _int64_list(feature: bytes) -> np.ndarray:
    kinds = [number for number, _, _ in protobuf.iter_fields(feature)]
    if kinds and kinds[-1] != 3:
        raise ValueError("found a list of bytes or floats")
    values = [np.empty(0, np.int64)]
    for _, _, value in protobuf.iter_fields(_last(feature, number=3)):
        packed = protobuf.encode_varint(value) if isinstance(value, int) else value
        values.append(protobuf.decode_packed_varints(packed))
    return np.concatenate(values)


def _messages(buffer: bytes, *, number: int) -> list[bytes]:
    return [
        bytes(value)
        for found, _, value in protobuf.iter_fields(buffer)
        if found == number and not isinstance(value, int)
    ]


def _last(buffer: bytes, *, number: int) -> bytes:
    return (_messages(buffer, number=number) or [b""])[-1]
