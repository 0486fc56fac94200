"""Safetensors files: read tensor by tensor, written without a second copy in memory.

A file is the length of its header in 8 bytes, the header in JSON, and the tensors'
bytes one after the other. Nothing in it is executed by anyone.

The library reads a path of the local disk, or the whole file at once (twice its size
in memory); `SafetensorsFile` opens the file once and reads only the bytes that are
asked for, from wherever storage reads, and from a file that has been checked already.

Source: https://github.com/huggingface/safetensors#format
"""

from __future__ import annotations

import dataclasses
import io
import json
import math
import mmap
import weakref
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, BinaryIO

import ml_dtypes
import numpy as np

from runtime import storage
from runtime.errors import CheckpointError

_LENGTH_BYTES = 8
_LARGEST_HEADER = 100_000_000  # the library's own limit
_MAX_RANK = 32

# In the order of the format's own list: a file has the later ones first, so that every
# tensor begins at a multiple of its type's size.
_DTYPES = {
    "BOOL": "|b1",
    "U8": "|u1",
    "I8": "|i1",
    "I16": "<i2",
    "U16": "<u2",
    "F16": "<f2",
    "BF16": ml_dtypes.bfloat16,
    "I32": "<i4",
    "U32": "<u4",
    "F32": "<f4",
    "F64": "<f8",
    "I64": "<i8",
    "U64": "<u8",
}
_RANKS = {name: rank for rank, name in enumerate(_DTYPES)}
_WRITTEN = {
    np.dtype(form).name: name for name, form in _DTYPES.items() if name != "BF16"
}
_ALIGNMENT = 8


@dataclasses.dataclass(frozen=True, slots=True)
class _Place:
    """Where a tensor lies: bytes `begin` to `end` of the file."""

    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


class SafetensorsFile:
    """One file, open for reading until nobody holds it or it is closed.

    Args:
        path: The file, local or gs://.
        file: Where it is open already.

    Raises:
        CheckpointError: It is no safetensors file, or its header does not fit it.
    """

    def __init__(self, path: str, *, file: BinaryIO | None = None) -> None:
        self.path = path
        self._file = self._kept(file or storage.open_read(path))
        try:
            self._places = _read_header(self._file)
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise CheckpointError(
                f"{path}: expected a safetensors file: {error}"
            ) from error

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Returns the shape of every tensor by its name."""
        return {name: place.shape for name, place in self._places.items()}

    def read(self, name: str) -> np.ndarray:
        """Reads one tensor, and no other bytes than its own.

        Args:
            name: One of `shapes()`.

        Returns:
            The stored shape and type; bfloat16 comes as float32, which holds each of
            its values exactly.

        Raises:
            CheckpointError: The file has become shorter.
        """
        place = self._places[name]
        if self._file.closed:
            self._file = self._kept(storage.open_read(self.path))
        self._file.seek(place.begin)
        data = self._file.read(place.end - place.begin)
        if len(data) != place.end - place.begin:
            raise CheckpointError(
                f"{self.path}: truncated: {name} lies at bytes {place.begin} to "
                f"{place.end}; copy it again"
            )
        values = np.frombuffer(data, _DTYPES[place.dtype]).reshape(place.shape)
        return values.astype(np.float32) if place.dtype == "BF16" else values

    def map(self, name: str) -> np.ndarray:
        """One tensor as it lies on the disk, read as far as it is looked at.

        An object of a bucket that is small enough to be held in memory is read whole.

        Args:
            name: One of `shapes()`, not of the type bfloat16.

        Returns:
            The stored shape and type; read-only.
        """
        place = self._places[name]
        try:
            number = self._file.fileno()
        except OSError:  # it is no file of the disk
            return self.read(name)
        if place.begin == place.end:
            return np.empty(place.shape, _DTYPES[place.dtype])
        held = mmap.mmap(number, 0, access=mmap.ACCESS_READ)
        count = math.prod(place.shape)
        values = np.frombuffer(held, _DTYPES[place.dtype], count, place.begin)
        return values.reshape(place.shape)

    def close(self) -> None:
        """Lets go of the file, which may be deleted then; `read` opens it again."""
        self._file.close()

    def _kept(self, file: BinaryIO) -> BinaryIO:
        weakref.finalize(self, file.close)
        return file


class Tensors(Mapping[str, np.ndarray]):
    """The tensors of a file by name, each read when it is asked for.

    Args:
        file: The file.
    """

    def __init__(self, file: SafetensorsFile) -> None:
        self._file = file

    def __getitem__(self, name: str) -> np.ndarray:
        return self._file.read(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._file.shapes())

    def __len__(self) -> int:
        return len(self._file.shapes())

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of each; none is read."""
        return self._file.shapes()

    def close(self) -> None:
        """See `SafetensorsFile.close`."""
        self._file.close()


def write(file: BinaryIO, tensors: Mapping[str, np.ndarray]) -> None:
    """Writes a whole file.

    Args:
        file: What to write to.
        tensors: Name to value.

    Raises:
        CheckpointError: A type of number has no place in the format.
    """
    types = {name: _type(name, value.dtype) for name, value in tensors.items()}
    names = sorted(tensors, key=lambda name: (-_RANKS[types[name]], name))
    header, place = {}, 0
    for name in names:
        value = tensors[name]
        header[name] = {
            "dtype": types[name],
            "shape": list(value.shape),
            "data_offsets": [place, place + value.nbytes],
        }
        place += value.nbytes
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    file.write(len(text).to_bytes(8, "little"))
    file.write(text)
    for name in names:
        # The buffer as it lies: a transposed view would come back wrong.
        file.write(np.ascontiguousarray(_little_endian(tensors[name])).data)


def _read_header(file: BinaryIO) -> dict[str, _Place]:
    """Returns where each tensor lies, once all of it has been checked.

    Raises:
        ValueError: The header, or the file's length, is none of safetensors.
    """
    held = file.seek(0, io.SEEK_END)
    file.seek(0)
    length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
    if length > min(_LARGEST_HEADER, held - _LENGTH_BYTES):
        raise ValueError(f"a header of {length} bytes in a file of {held}")
    header = json.loads(file.read(length), object_pairs_hook=_once_each)
    if not isinstance(header, dict):
        raise ValueError(f"its header is a {type(header).__name__}")
    header.pop("__metadata__", None)
    start = _LENGTH_BYTES + length
    places = {name: _place(name, row, start) for name, row in header.items()}
    _check_tiling(places.values(), start=start, held=held)
    return places


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        raise ValueError("a name stands twice in its header")
    return dict(pairs)


def _place(name: str, row: dict[str, Any], start: int) -> _Place:
    dtype, shape = row["dtype"], tuple(row["shape"])
    begin, end = row["data_offsets"]
    if dtype not in _DTYPES:
        raise ValueError(f"{name} has the type {dtype!r}, which is not read")
    if not all(type(n) is int and n >= 0 for n in (*shape, begin, end)):
        raise ValueError(f"{name} has a size or place that is no whole number")
    if len(shape) > _MAX_RANK:
        raise ValueError(f"{name} has {len(shape)} axes; at most {_MAX_RANK} are read")
    expected = math.prod(shape) * np.dtype(_DTYPES[dtype]).itemsize
    if end - begin != expected:
        raise ValueError(
            f"{name} has shape {shape} of {dtype}, which is {expected} bytes, but "
            f"{end - begin} are listed"
        )
    return _Place(dtype, shape, start + begin, start + end)


def _check_tiling(places: Iterable[_Place], *, start: int, held: int) -> None:
    """The tensors must fill the file, one after the other, as the format demands.

    Raises:
        ValueError: They do not.
    """
    end = start
    for place in sorted(places, key=lambda place: (place.begin, place.end)):
        if place.begin != end:
            raise ValueError(f"a tensor begins at byte {place.begin}, not at {end}")
        end = place.end
    if end != held:
        raise ValueError(f"its tensors end at byte {end}, the file at byte {held}")


def _type(name: str, dtype: np.dtype) -> str:
    if dtype.name not in _WRITTEN:
        known = ", ".join(_WRITTEN)
        raise CheckpointError(f"{name} has the type {dtype}; can be saved: {known}.")
    return _WRITTEN[dtype.name]


def _little_endian(value: np.ndarray) -> np.ndarray:
    return value.astype(value.dtype.newbyteorder("<"), copy=False)
