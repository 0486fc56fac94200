"""Columns of numbers to tf.train.Example and back, many examples at a time.

    Example     { features: Features = 1 }
    Features    { feature: map<string, Feature> = 1 }    an entry: key = 1, value = 2
    Feature     { float_list: FloatList = 2; int64_list: Int64List = 3 }
    FloatList   { value: repeated float = 1, packed }
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

import enum
import functools
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from processors.batches.token_dataset import offsets_of, ranges
from runtime.files import protobuf


class Kind(enum.Enum):
    """What a feature is a list of; the value is its field in a Feature."""

    FLOAT = 2
    INT64 = 3


@dataclass(frozen=True, eq=False)
class Column:
    """The same feature of every example.

    Attributes:
        values: int64 or float32 [total], one list after the other.
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


class BadExampleError(ValueError):
    """An example that cannot be used.

    Attributes:
        index: Its place in the block.
    """

    def __init__(self, message: str, *, index: int) -> None:
        self.index = index
        super().__init__(message)


# Encoding ----------------------------------------------------------------------------


def encode(columns: Mapping[str, Column]) -> Iterator[bytes]:
    """Yields the serialised tf.train.Example of each example.

    A feature whose list is empty is left out.

    Args:
        columns: Float32 or integer columns by feature name, of equally many examples.

    Raises:
        ValueError: an integer is negative.
    """
    names = sorted(columns)
    kinds = [_kind_of(columns[name]) for name in names]
    lists = [_packed_lists(columns[name]) for name in names]
    for row in zip(*lists, strict=True):
        features = b"".join(
            _entry_head(name, kind, len(data)) + data
            for name, kind, data in zip(names, kinds, row, strict=True)
            if data
        )
        yield _head(1, len(features)) + features


def _kind_of(column: Column) -> Kind:
    return Kind.FLOAT if column.values.dtype.kind == "f" else Kind.INT64


def _packed_lists(column: Column) -> Iterator[bytes]:
    offsets = offsets_of(column.lengths)
    if _kind_of(column) is Kind.FLOAT:
        data, ends = column.values.astype("<f4").tobytes(), (offsets * 4).tolist()
    else:
        groups, sizes = protobuf.encode_packed_varints(column.values)
        data, ends = groups.tobytes(), offsets_of(sizes)[offsets].tolist()
    return (data[start:end] for start, end in itertools.pairwise(ends))


@functools.lru_cache(maxsize=1 << 14)  # lengths repeat: heads are looked up, not made
def _entry_head(name: str, kind: Kind, size: int) -> bytes:
    """Returns what precedes `size` bytes of packed values in the map entry `name`."""
    key = protobuf.field_bytes(1, name.encode())
    head = b""
    for number in (1, kind.value, 2):  # from the inside: value, list, the entry's value
        head = _head(number, size + len(head)) + head
    return _head(1, len(key) + len(head) + size) + key + head


@functools.lru_cache(maxsize=1 << 14)
def _head(number: int, size: int) -> bytes:
    return protobuf.encode_varint(number << 3 | protobuf.BYTES) + (
        protobuf.encode_varint(size)
    )


# Decoding ----------------------------------------------------------------------------


def decode(payloads: Sequence[bytes], kinds: Mapping[str, Kind]) -> dict[str, Column]:
    """Returns the features of a block of serialised examples.

    Args:
        payloads: The examples.
        kinds: The features that are wanted; others are passed over.

    Raises:
        BadExampleError: an example is no tf.train.Example, or a feature is of another
            kind.
    """
    try:
        return _decode_block(payloads, kinds)
    except ValueError:  # unusual or damaged: the plain reader can tell
        return _decode_one_by_one(payloads, kinds)


def feature_names(payload: bytes) -> str:
    """Returns the names of an example's features, for an error."""
    return ", ".join(sorted(_feature_map(payload))) or "none"


# A block at once: every array has one element for each example, and a step is taken by
# all of them together.


def _decode_block(
    payloads: Sequence[bytes], kinds: Mapping[str, Kind]
) -> dict[str, Column]:
    # The zeros let a step look past the last example before it is refused.
    data = np.frombuffer(b"".join(payloads) + bytes(8), np.uint8)
    offsets = offsets_of([len(row) for row in payloads])
    spans = _find_lists(data, kinds, offsets=offsets)
    return {name: _DECODERS[kind](data, *spans[name]) for name, kind in kinds.items()}


def _find_lists(
    data: np.ndarray, kinds: Mapping[str, Kind], *, offsets: np.ndarray
) -> dict[str, np.ndarray]:
    """Returns where each packed list starts and ends, int64 [2, examples] by name."""
    spans = {name: np.zeros((2, len(offsets) - 1), np.int64) for name in kinds}
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
        for name, kind in kinds.items():
            named = _equal(data, key, key_end, name=name)
            values, list_end = _enter(data, value[named], tag=kind.value << 3 | 2)
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


def _decode_int64(data: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> Column:
    sizes = ends - starts
    _require(data[ends[sizes > 0] - 1] < 0x80)
    groups = data[ranges(starts, lengths=sizes)]
    counts = np.searchsorted(np.flatnonzero(groups < 0x80), offsets_of(sizes))
    return Column(protobuf.decode_packed_varints(groups), np.diff(counts))


def _decode_float(data: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> Column:
    sizes = ends - starts
    _require(sizes % 4 == 0)
    values = data[ranges(starts, lengths=sizes)].view("<f4").astype(np.float32)
    return Column(values, sizes // 4)


_DECODERS = {Kind.INT64: _decode_int64, Kind.FLOAT: _decode_float}


def _require(held: np.ndarray) -> None:
    if not held.all():
        raise ValueError("not laid out as protobuf libraries write it")


# One by one: whatever the format allows.


def _decode_one_by_one(
    payloads: Sequence[bytes], kinds: Mapping[str, Kind]
) -> dict[str, Column]:
    rows: dict[str, list[np.ndarray]] = {name: [] for name in kinds}
    for index, payload in enumerate(payloads):
        try:
            features = _feature_map(payload)
            for name, kind in kinds.items():
                rows[name].append(_list(features.get(name, b""), kind=kind))
        except ValueError as error:
            message = f"expected a tf.train.Example of {_wanted(kinds)}: {error}."
            raise BadExampleError(message, index=index) from error
    return {
        name: Column(
            np.concatenate(lists), np.array([len(row) for row in lists], np.int64)
        )
        for name, lists in rows.items()
    }


def _wanted(kinds: Mapping[str, Kind]) -> str:
    names = {kind.name.lower() for kind in kinds.values()}
    return f"{' and '.join(sorted(names))} features"


def _feature_map(payload: bytes) -> dict[str, bytes]:
    """Returns the serialised Feature of each name."""
    return {
        _last(entry, number=1).decode("utf-8", "replace"): _last(entry, number=2)
        for features in _messages(payload, number=1)
        for entry in _messages(features, number=1)
    }


def _list(feature: bytes, *, kind: Kind) -> np.ndarray:
    kinds = [number for number, _, _ in protobuf.iter_fields(feature)]
    if kinds and kinds[-1] != kind.value:
        others = "floats" if kind is Kind.INT64 else "integers"
        raise ValueError(f"found a list of bytes or {others}")
    fields = protobuf.iter_fields(_last(feature, number=kind.value))
    values = [_VALUES[kind](value) for _, _, value in fields]
    dtype = np.int64 if kind is Kind.INT64 else np.float32
    return np.concatenate([np.empty(0, dtype), *values])


def _int64_values(value: int | memoryview) -> np.ndarray:
    packed = protobuf.encode_varint(value) if isinstance(value, int) else value
    return protobuf.decode_packed_varints(packed)


def _float_values(value: int | memoryview) -> np.ndarray:
    if isinstance(value, int) or len(value) % 4:
        raise ValueError("found something else than 4-byte floats")
    return np.frombuffer(value, "<f4").astype(np.float32)


_VALUES = {Kind.INT64: _int64_values, Kind.FLOAT: _float_values}


def _messages(buffer: bytes, *, number: int) -> list[bytes]:
    return [
        bytes(value)
        for found, _, value in protobuf.iter_fields(buffer)
        if found == number and not isinstance(value, int)
    ]


def _last(buffer: bytes, *, number: int) -> bytes:
    return (_messages(buffer, number=number) or [b""])[-1]
