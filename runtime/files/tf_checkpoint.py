"""TensorFlow's V2 checkpoints (`X.index`, `X.data-00000-of-00001`), read without it.

The index is a LevelDB table that maps a tensor's name to its type, shape, place and
checksum; the data files hold nothing but the tensors' bytes. Every length is checked
before it is believed and every byte used passes its CRC32C.

Source: tensorflow/core/util/tensor_bundle/tensor_bundle.h and
tensorflow/core/protobuf/tensor_bundle.proto.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import re
import weakref
from typing import BinaryIO

import ml_dtypes
import numpy as np

from runtime import storage
from runtime.errors import CheckpointError
from runtime.files import leveldb_table, protobuf
from runtime.files.tfrecord import masked_crc

# Source: tensorflow/core/framework/types.proto.
DTYPES = {
    1: "float32",
    2: "float64",
    3: "int32",
    4: "uint8",
    5: "int16",
    6: "int8",
    7: "string",
    8: "complex64",
    9: "int64",
    10: "bool",
    14: "bfloat16",
    17: "uint16",
    18: "complex128",
    19: "float16",
    22: "uint32",
    23: "uint64",
}
"""Element types by their number."""

_MAX_RANK = 32

_Extents = tuple[tuple[int, int], ...]


# The user's interface ----------------------------------------------------------------


class TensorBundle:
    """One checkpoint, open for reading until nobody holds it.

    Args:
        path: The prefix (`.../bert_model.ckpt`, `.../model.ckpt-1400000`), one of its
            files, or a folder whose `checkpoint` file names the newest prefix.

    Attributes:
        prefix: The path that the checkpoint's file names begin with.

    Raises:
        CheckpointError: A file is missing, or the index is damaged.
    """

    def __init__(self, path: str) -> None:
        self.prefix = find_prefix(path)
        index = f"{self.prefix}.index"
        try:
            table = leveldb_table.read_table(storage.read_bytes(index))
            self._shards = _shard_count(table.pop(b"", b""))
            self._entries = {k: _parse_entry(v) for k, v in table.items()}
            self._names = _tensor_names(table)
        except ValueError as error:
            raise CheckpointError(
                f"{index}: expected the index of a TensorFlow V2 checkpoint: {error}"
            ) from error
        self._sizes = [self._size_of(self._data_file(n)) for n in range(self._shards)]
        self._files: dict[str, BinaryIO] = {}
        self._open_files = contextlib.ExitStack()
        weakref.finalize(self, self._open_files.close)

    def names(self) -> list[str]:
        """Returns the names of all tensors, sorted."""
        return list(self._names)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Returns the shape of every tensor by its name."""
        return {name: self._entries[k].shape for name, k in self._names.items()}

    def dtype(self, name: str) -> str:
        """Returns a tensor's element type as stored, such as `float32` or `string`.

        Args:
            name: The tensor; an unknown one is a CheckpointError.
        """
        return self._entry(name).dtype

    def checksums(self) -> list[tuple[str, str, tuple[int, ...], int, int]]:
        """Returns name, element type, shape, bytes and stored CRC of every tensor.

        Those of a tensor in pieces follow it under names of their own.
        """
        return [
            (key.decode("latin-1"), entry.dtype, entry.shape, entry.size, entry.crc)
            for key, entry in sorted(self._entries.items())
        ]

    def check(self, name: str) -> None:
        """Refuses a tensor that is not numbers or does not lie whole in its file.

        Args:
            name: The tensor; an unknown one is a CheckpointError too.
        """
        entry = self._entry(name)
        pieces = [self._piece(name, extents) for extents in entry.slices]
        for each in pieces or [entry]:
            self._check_place(name, each)

    def read(self, name: str) -> np.ndarray:
        """Reads one tensor, and no other bytes than its own.

        An unknown name, a type that is no number, and damage are a CheckpointError.

        Args:
            name: The tensor.

        Returns:
            A read-only array of the stored shape and type; bfloat16 comes as float32,
            which holds each of its values exactly.
        """
        entry = self._entry(name)
        read = self._assemble if entry.slices else self._read_entry
        values = read(name, entry)
        values.flags.writeable = False
        return values

    def _entry(self, name: str) -> _Entry:
        if name not in self._names:
            raise CheckpointError(
                f"{self.prefix}: expected a tensor {name!r}; the checkpoint's "
                f"{len(self._names)} tensors are {_some(self.names())}"
            )
        return self._entries[self._names[name]]

    def _check_place(self, name: str, entry: _Entry) -> None:
        dtype = self._element_type(name, entry)
        if len(entry.shape) > _MAX_RANK:
            raise CheckpointError(
                f"{self.prefix}.index: {name} has {len(entry.shape)} axes; at most "
                f"{_MAX_RANK} are read"
            )
        expected = math.prod(entry.shape) * dtype.itemsize
        if entry.size != expected:
            raise CheckpointError(
                f"{self.prefix}.index: {name} has shape {entry.shape} of "
                f"{entry.dtype}, which is {expected} bytes, but {entry.size} are listed"
            )
        if not 0 <= entry.shard < self._shards:
            raise CheckpointError(
                f"{self.prefix}.index: {name} lies in data file {entry.shard}, but "
                f"there are {self._shards}"
            )
        end = entry.offset + entry.size
        if (held := self._sizes[entry.shard]) < end:
            raise CheckpointError(
                f"{self._data_file(entry.shard)}: truncated: {name} lies at bytes "
                f"{entry.offset} to {end}, but the file ends at byte {held}; copy it "
                "again"
            )

    def _read_entry(self, name: str, entry: _Entry) -> np.ndarray:
        self._check_place(name, entry)
        path = self._data_file(entry.shard)
        if path not in self._files:
            file = self._open_files.enter_context(storage.open_read(path))
            self._files[path] = file
        self._files[path].seek(entry.offset)
        data = self._files[path].read(entry.size)
        if masked_crc(data) != entry.crc:
            raise CheckpointError(
                f"{path}: damaged: the checksum of {name}, bytes {entry.offset} to "
                f"{entry.offset + entry.size}, is not the one in the index; copy it "
                "again"
            )
        dtype = self._element_type(name, entry)
        values = np.frombuffer(data, dtype).reshape(entry.shape)
        return values.astype(np.float32) if entry.dtype == "bfloat16" else values

    def _element_type(self, name: str, entry: _Entry) -> np.dtype:
        if entry.dtype == "string" or entry.dtype not in DTYPES.values():
            raise CheckpointError(
                f"{self.prefix}: expected numbers in {name}, found the type "
                f"{entry.dtype}, which is not read"
            )
        if entry.dtype == "bfloat16":
            return np.dtype(ml_dtypes.bfloat16)
        return np.dtype(entry.dtype).newbyteorder("<")

    def _assemble(self, name: str, entry: _Entry) -> np.ndarray:
        """Puts a partitioned variable together.

        Raises:
            CheckpointError: A piece is missing, or the pieces leave gaps.
        """
        pieces = [
            (_window(extents), self._read_entry(name, self._piece(name, extents)))
            for extents in entry.slices
        ]
        try:
            return _join(pieces, shape=entry.shape)
        except (ValueError, IndexError) as error:
            raise CheckpointError(
                f"{self.prefix}.index: the {len(pieces)} pieces of {name} do not make "
                f"up its shape {entry.shape}: {error}"
            ) from error

    def _piece(self, name: str, extents: _Extents) -> _Entry:
        key = _slice_key(name, extents)
        if key not in self._entries:
            raise CheckpointError(
                f"{self.prefix}.index: the piece {extents} of {name} is missing"
            )
        return self._entries[key]

    def _data_file(self, shard: int) -> str:
        return f"{self.prefix}.data-{shard:05d}-of-{self._shards:05d}"

    def _size_of(self, path: str) -> int:
        found = storage.stat(path)
        if found is None:
            raise CheckpointError(
                f"{path}: does not exist; {self.prefix}.index counts {self._shards} "
                "data file(s), and all of them are needed"
            )
        return found.size


def is_prefix(path: str) -> bool:
    """Whether a path, or a file's path without its ending, is a checkpoint's prefix."""
    return storage.stat(f"{_prefix(path)}.index") is not None


def find_prefix(path: str) -> str:
    """Finds the checkpoint a user means.

    Args:
        path: A prefix, one of its files, or a folder with a `checkpoint` file.

    Returns:
        The prefix of an existing `.index` file.

    Raises:
        CheckpointError: There is none; the message says where it was looked for.
    """
    prefix = _prefix(path)
    if storage.exists(f"{prefix}.index"):
        return prefix
    if storage.is_dir(prefix):
        prefix = _newest_prefix(prefix)
        if storage.exists(f"{prefix}.index"):
            return prefix
    old = (
        f"; {prefix} is one file, and TensorFlow's V1 format is not read"
        if storage.exists(prefix)
        else ""
    )
    raise CheckpointError(
        f"{prefix}: no TensorFlow checkpoint here: looked for {prefix}.index"
        f"{old}{_neighbours(storage.dirname(prefix) or '.')}"
    )


def _prefix(path: str) -> str:
    return re.sub(r"\.(index|meta|data-\d{5}-of-\d{5})$", "", path)


def _newest_prefix(folder: str) -> str:
    """Returns the prefix a folder's `checkpoint` file names, else its only one.

    Raises:
        CheckpointError: There is no such file and not exactly one prefix.
    """
    state = storage.join(folder, "checkpoint")
    if storage.exists(state):
        return _recorded_prefix(state)
    prefixes = [n[:-6] for n in storage.list_dir(folder) if n.endswith(".index")]
    if len(prefixes) == 1:
        return storage.join(folder, prefixes[0])
    raise CheckpointError(
        f"{folder}: expected a TensorFlow checkpoint's prefix, or a folder with a "
        f"`checkpoint` file or one prefix: looked for {state}{_neighbours(folder)}"
    )


def _recorded_prefix(state: str) -> str:
    """Reads a `checkpoint` file; its paths may date from another machine.

    Raises:
        CheckpointError: It names no checkpoint, or one in another folder.
    """
    found = re.search(
        rb'^\s*model_checkpoint_path:\s*"((?:[^"\\]|\\.)*)"',
        storage.read_bytes(state),
        re.MULTILINE,
    )
    if found is None:
        raise CheckpointError(f"{state}: expected a line model_checkpoint_path")
    recorded = _unescape(found.group(1))
    folder = storage.dirname(state)
    beside = storage.join(folder, storage.basename(recorded))
    if storage.exists(f"{beside}.index"):
        return beside
    raise CheckpointError(
        f"{state}: names {recorded}, which is not in {folder or '.'}"
        f"{_neighbours(folder or '.')}. Give the checkpoint's own prefix"
    )


def _unescape(text: bytes) -> str:
    """Undoes the text format's escapes; letters beyond ASCII are written in octal."""

    def character(found: re.Match[bytes]) -> bytes:
        code = found.group(1)
        return bytes([int(code, 8)]) if len(code) == 3 else code

    return re.sub(rb"\\([0-3][0-7]{2}|.)", character, text).decode(errors="replace")


def _neighbours(folder: str) -> str:
    if not storage.is_dir(folder):
        return f"; the folder {folder} does not exist"
    found = [n[:-6] for n in storage.list_dir(folder) if n.endswith(".index")]
    if not found:
        return f"; the folder {folder} holds no .index file"
    return f"; the folder {folder} holds {_some(found)}"


def _some(names: list[str]) -> str:
    rest = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + rest


def _join(
    pieces: list[tuple[tuple[slice, ...], np.ndarray]], *, shape: tuple[int, ...]
) -> np.ndarray:
    """Returns the array whose windows the pieces are.

    Raises:
        ValueError: They are not.
    """
    held, needed = sum(piece.size for _, piece in pieces), math.prod(shape)
    if held != needed:
        raise ValueError(f"they hold {held} values, not {needed}")
    whole = np.empty(shape, pieces[0][1].dtype)
    for window, piece in pieces:
        whole[window] = piece
    return whole


def _window(extents: _Extents) -> tuple[slice, ...]:
    return tuple(
        slice(None) if length < 0 else slice(start, start + length)
        for start, length in extents
    )


# The protocol buffers in the index ---------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True)
class _Entry:
    """A BundleEntryProto: where a tensor lies; `slices` if it lies in pieces."""

    dtype: str
    shape: tuple[int, ...]
    shard: int
    offset: int
    size: int
    crc: int
    slices: tuple[_Extents, ...]


def _shard_count(header: bytes) -> int:
    """Reads the BundleHeaderProto, which has the empty key.

    Raises:
        ValueError: Nothing can be read under this header.
    """
    numbers = _numbers(header)
    if numbers.get(2, 0) != 0:
        raise ValueError("it was written on a big-endian machine, which is not read")
    if not numbers.get(1, 0):
        raise ValueError("its header counts no data files")
    return numbers[1]


def _parse_entry(payload: bytes) -> _Entry:
    numbers = _numbers(payload)
    code = numbers.get(1, 0)
    return _Entry(
        dtype=DTYPES.get(code, f"number {code}"),
        shape=tuple(
            _numbers(dimension).get(1, 0)
            for shape in _messages(payload, number=2)
            for dimension in _messages(shape, number=2)
        ),
        shard=numbers.get(3, 0),
        offset=numbers.get(4, 0),
        size=numbers.get(5, 0),
        crc=numbers.get(6, 0),
        slices=tuple(
            tuple(map(_extent, _messages(piece, number=1)))
            for piece in _messages(payload, number=7)
        ),
    )


def _extent(message: memoryview) -> tuple[int, int]:
    """Returns (start, length) along one axis; without a length it is the whole axis."""
    numbers = _numbers(message)
    return (numbers.get(1, 0), numbers[2]) if 2 in numbers else (0, -1)


def _messages(message: bytes | memoryview, *, number: int) -> list[memoryview]:
    """Returns the messages in field `number`."""
    fields = protobuf.iter_fields(message)
    return [v for n, _, v in fields if n == number and isinstance(v, memoryview)]


def _numbers(message: bytes | memoryview) -> dict[int, int]:
    """Returns the integers of a message by their field."""
    return {
        number: value if isinstance(value, int) else int.from_bytes(value, "little")
        for number, wire_type, value in protobuf.iter_fields(message)
        if wire_type != protobuf.BYTES
    }


# The keys of the index ---------------------------------------------------------------


def _tensor_names(table: dict[bytes, bytes]) -> dict[str, bytes]:
    """Returns name -> key, without the pieces, whose keys begin with a zero byte."""
    return {key.decode(): key for key in table if not key.startswith(b"\0")}


def _slice_key(name: str, extents: _Extents) -> bytes:
    """Returns the key a piece of a partitioned variable has.

    Source: tensorflow/core/util/saved_tensor_slice_util.cc, EncodeTensorNameSlice.
    """
    escaped = name.encode().replace(b"\0", b"\0\xff")
    rank = len(extents)
    ordered = b"".join(_ordered(number) for extent in extents for number in extent)
    return b"\0" + escaped + b"\0\1" + bytes([1, rank] if rank else [0]) + ordered


def _ordered(number: int) -> bytes:
    """Writes an integer so that bytes sort as numbers do; its length is in the head.

    Source: tensorflow/core/lib/strings/ordered_code.cc, WriteSignedNumIncreasing.
    """
    magnitude = ~number if number < 0 else number
    length = magnitude.bit_length() // 7 + 1
    head = ((1 << length) - 1) << (7 * length)
    return ((number % (1 << (8 * length))) ^ head).to_bytes(length, "big")
