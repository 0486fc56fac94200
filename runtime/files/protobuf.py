"""The protocol buffer wire format, without the protobuf library.

tf.train.Example, TensorBoard events and TF1 checkpoint indexes are written in it.

Messages are made by joining fields, and taken apart with `iter_fields`. Whole arrays
of varints go through numpy, because that is where the time of reading and writing
token ids goes.

Source: https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

import functools
import math
import struct
from collections.abc import Iterator

import numpy as np

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5  # wire types

_FIXED_BYTES = {FIXED64: 8, FIXED32: 4}
_LONGEST_VARINT = 10  # bytes of seven bits that a 64-bit number can take
_WORD = 2**64


# Encoding ----------------------------------------------------------------------------


def encode_varint(number: int) -> bytes:
    """Returns `number` (-2**63 .. 2**64 - 1) in groups of seven bits, lowest first."""
    rest = number % _WORD
    groups = bytearray()
    while rest > 0x7F:
        groups.append(rest & 0x7F | 0x80)
        rest >>= 7
    groups.append(rest)
    return bytes(groups)


@functools.lru_cache(maxsize=1024)
def _tag(number: int, wire_type: int) -> bytes:
    return encode_varint(number << 3 | wire_type)


def field_bytes(number: int, payload: bytes) -> bytes:
    """Returns field `number` holding a string, bytes, message or packed list."""
    return _tag(number, BYTES) + encode_varint(len(payload)) + payload


def field_varint(number: int, value: int) -> bytes:
    """Returns field `number` holding an integer, a bool or an enum."""
    return _tag(number, VARINT) + encode_varint(value)


def field_fixed32(number: int, value: int) -> bytes:
    """Returns field `number` holding an unsigned integer of 32 bits."""
    return _tag(number, FIXED32) + struct.pack("<I", value)


def field_float(number: int, value: float) -> bytes:
    """Returns field `number` holding a 32-bit float."""
    return _tag(number, FIXED32) + struct.pack("<f", value)


def field_double(number: int, value: float) -> bytes:
    """Returns field `number` holding a 64-bit float."""
    return _tag(number, FIXED64) + struct.pack("<d", value)


def encode_packed_varints(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns every value as a varint, all at once.

    Args:
        values: Integers [n], none negative.

    Returns:
        The bytes, uint8, one varint after the other, and the size of each in bytes,
        int64 [n].

    Raises:
        ValueError: a value is negative.
    """
    if values.min(initial=0) < 0:
        raise ValueError(f"expected no negative number, got {values.min()}")
    sizes = np.ones(len(values), np.int64)
    width = math.ceil(int(values.max(initial=1)).bit_length() / 7)
    if width == 1:  # segment ids, labels, masks
        return values.astype(np.uint8), sizes
    groups = np.empty((len(values), width), np.uint8)
    used = np.ones(groups.shape, np.bool_)
    groups[:, 0] = values & 0x7F
    for place in range(1, width):
        rest = values >> 7 * place
        more = rest > 0
        groups[:, place] = rest & 0x7F
        groups[:, place - 1] |= more.view(np.uint8) << 7
        used[:, place] = more
        sizes += more
    return groups[used], sizes


# Decoding ----------------------------------------------------------------------------


def iter_fields(
    buffer: bytes | memoryview,
) -> Iterator[tuple[int, int, int | memoryview]]:
    """Yields (field number, wire type, value) for each field of a message.

    A varint's value is the unsigned integer; any other value is its bytes, which for
    BYTES may be a nested message to give to `iter_fields` again.

    Raises:
        ValueError: the bytes are not a message.
    """
    view = memoryview(buffer)
    at = 0
    while at < len(view):
        tag, at = read_varint(view, at=at)
        number, wire_type = tag >> 3, tag & 7
        if number == 0:
            raise ValueError("a field has the number 0")
        if wire_type == VARINT:
            value, at = read_varint(view, at=at)
            yield number, wire_type, value
            continue
        if wire_type == BYTES:
            size, at = read_varint(view, at=at)
        elif wire_type in _FIXED_BYTES:
            size = _FIXED_BYTES[wire_type]
        else:
            raise ValueError(f"field {number} has the unknown wire type {wire_type}")
        if size > len(view) - at:
            raise ValueError(
                f"field {number} needs {size} bytes, {len(view) - at} left"
            )
        yield number, wire_type, view[at : at + size]
        at += size


def read_varint(view: bytes | memoryview, *, at: int) -> tuple[int, int]:
    """Returns the integer that starts at a byte, and the place behind it.

    Raises:
        ValueError: it does not end.
    """
    value = 0
    for place, byte in enumerate(view[at : at + _LONGEST_VARINT]):
        value |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return value % _WORD, at + place + 1
    raise ValueError("a varint does not end")


def decode_packed_varints(buffer: bytes | memoryview | np.ndarray) -> np.ndarray:
    """Returns the values of a packed list as int64 [n].

    Args:
        buffer: Varints one after the other, as bytes or uint8.

    Raises:
        ValueError: the last varint does not end, or one is over ten bytes long.
    """
    groups = np.frombuffer(buffer, np.uint8)
    if groups.max(initial=0) < 0x80:  # segment ids, labels, masks
        return groups.astype(np.int64)
    ends = np.flatnonzero(groups < 0x80)
    if groups[-1] >= 0x80:
        raise ValueError("the last varint of a packed list does not end")
    sizes = np.diff(ends, prepend=-1)
    if sizes.max() > _LONGEST_VARINT:
        raise ValueError(f"a varint is {sizes.max()} bytes long")
    values = groups[ends].astype(np.int64)
    for back in range(1, int(sizes.max())):
        lower = values << 7 | groups[ends - back] & 0x7F
        values = np.where(sizes > back, lower, values)
    return values
