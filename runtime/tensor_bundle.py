"""TensorFlow's V2 checkpoints (`X.index`, `X.data-00000-of-00001`), read without it.

The index is a LevelDB table that maps a tensor's name to its type, shape, place and
checksum; the data files hold nothing but the tensors' bytes. Every length is checked
before it is believed and every byte used passes its CRC32C.

Source: tensorflow/core/util/tensor_bundle/tensor_bundle.h and
tensorflow/core/protobuf/tensor_bundle.proto; for the table, LevelDB's
doc/table_format.md.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterator

import numpy as np

from runtime import protobuf, storage
from runtime.errors import CheckpointError
from runtime.tfrecord import masked_crc

# Source: tensorflow/core/framework/types.proto.
_DTYPES = {
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
_STORED_AS = {"bfloat16": "uint16"}

_Extents = tuple[tuple[int, int], ...]


# The user's interface ----------------------------------------------------------------


class TensorBundle:
    """One checkpoint, open for reading.

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
            table = _read_table(storage.read_bytes(index))
            self._shards = _shard_count(table.pop(b"", b""))
            self._entries = {k: _parse_entry(v) for k, v in table.items()}
            self._names = _tensor_names(table)
        except ValueError as error:
            raise CheckpointError(
                f"{index}: expected the index of a TensorFlow V2 checkpoint: {error}"
            ) from error
        self._check_shards_exist()

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

    def _read_entry(self, name: str, entry: _Entry) -> np.ndarray:
        dtype = self._element_type(name, entry)
        path = self._data_file(entry.shard)
        expected = math.prod(entry.shape) * dtype.itemsize
        if entry.size != expected:
            raise CheckpointError(
                f"{self.prefix}.index: {name} has shape {entry.shape} of "
                f"{entry.dtype}, which is {expected} bytes, but {entry.size} are listed"
            )
        end = entry.offset + entry.size
        if (held := storage.size(path)) < end:
            raise CheckpointError(
                f"{path}: truncated: {name} lies at bytes {entry.offset} to {end}, but "
                f"the file ends at byte {held}; copy it again"
            )
        with storage.open_read(path) as file:
            file.seek(entry.offset)
            data = file.read(entry.size)
        if masked_crc(data) != entry.crc:
            raise CheckpointError(
                f"{path}: damaged: the checksum of {name}, bytes {entry.offset} to "
                f"{end}, is not the one in the index; copy it again"
            )
        values = np.frombuffer(data, dtype).reshape(entry.shape)
        return _widen(values) if entry.dtype == "bfloat16" else values

    def _element_type(self, name: str, entry: _Entry) -> np.dtype:
        if entry.dtype == "string" or entry.dtype not in _DTYPES.values():
            raise CheckpointError(
                f"{self.prefix}: expected numbers in {name}, found the type "
                f"{entry.dtype}, which is not read"
            )
        return np.dtype(_STORED_AS.get(entry.dtype, entry.dtype)).newbyteorder("<")

    def _assemble(self, name: str, entry: _Entry) -> np.ndarray:
        """Puts a partitioned variable together.

        Raises:
            CheckpointError: A piece is missing, or the pieces leave gaps.
        """
        pieces = []
        for extents in entry.slices:
            key = _slice_key(name, extents)
            if key not in self._entries:
                raise CheckpointError(
                    f"{self.prefix}.index: the piece {extents} of {name} is missing"
                )
            piece = self._read_entry(name, self._entries[key])
            pieces.append((_window(extents), piece))
        try:
            return _join(pieces, shape=entry.shape)
        except (ValueError, IndexError) as error:
            raise CheckpointError(
                f"{self.prefix}.index: the {len(pieces)} pieces of {name} do not make "
                f"up its shape {entry.shape}: {error}"
            ) from error

    def _data_file(self, shard: int) -> str:
        return f"{self.prefix}.data-{shard:05d}-of-{self._shards:05d}"

    def _check_shards_exist(self) -> None:
        missing = (
            path
            for path in map(self._data_file, range(self._shards))
            if not storage.exists(path)
        )
        if path := next(missing, None):
            raise CheckpointError(
                f"{path}: does not exist; {self.prefix}.index counts {self._shards} "
                "data file(s), and all of them are needed"
            )


def find_prefix(path: str) -> str:
    """Finds the checkpoint a user means.

    Args:
        path: A prefix, one of its files, or a folder with a `checkpoint` file.

    Returns:
        The prefix of an existing `.index` file.

    Raises:
        CheckpointError: There is none; the message says where it was looked for.
    """
    prefix = re.sub(r"\.(index|meta|data-\d{5}-of-\d{5})$", "", path)
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


def _newest_prefix(folder: str) -> str:
    """Reads a folder's `checkpoint` file; its paths may date from another machine.

    Raises:
        CheckpointError: There is no such file, or it names no checkpoint.
    """
    state = storage.join(folder, "checkpoint")
    if not storage.exists(state):
        raise CheckpointError(
            f"{folder}: expected a TensorFlow checkpoint's prefix, or a folder with a "
            f"`checkpoint` file: looked for {state}{_neighbours(folder)}"
        )
    found = re.search(
        rb'^\s*model_checkpoint_path:\s*"((?:[^"\\]|\\.)*)"',
        storage.read_bytes(state),
        re.MULTILINE,
    )
    if found is None:
        raise CheckpointError(f"{state}: expected a line model_checkpoint_path")
    recorded = _unescape(found.group(1))
    beside = storage.join(folder, storage.basename(recorded))
    if storage.exists(f"{beside}.index") or "://" in recorded:
        return beside
    return storage.join(folder, recorded)


def _unescape(text: bytes) -> str:
    """Undoes the text format's escapes; letters beyond ASCII are written in octal."""

    def character(found: re.Match[bytes]) -> bytes:
        code = found.group(1)
        return bytes([int(code, 8)]) if code.isdigit() else code

    return re.sub(rb"\\([0-3][0-7]{2}|.)", character, text).decode()


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


def _widen(bfloat16: np.ndarray) -> np.ndarray:
    """A bfloat16 is the upper half of a float32."""
    return (bfloat16.astype(np.uint32) << np.uint32(16)).view(np.float32)


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
        dtype=_DTYPES.get(code, f"number {code}"),
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


# The LevelDB table -------------------------------------------------------------------

_MAGIC = (0xDB4775248B80FB57).to_bytes(8, "little")
_FOOTER_BYTES = 48
_TRAILER_BYTES = 5


def _read_table(data: bytes) -> dict[bytes, bytes]:
    """Returns all keys and values.

    Raises:
        ValueError: The bytes are no table.
    """
    if len(data) < _FOOTER_BYTES or not data.endswith(_MAGIC):
        raise ValueError(f"its {len(data)} bytes do not end as a table's do")
    footer = data[-_FOOTER_BYTES:]
    _, place = _read_handle(footer, 0)
    index, _ = _read_handle(footer, place)
    table: dict[bytes, bytes] = {}
    for _, handle in _iter_block(_read_block(data, index)):
        table.update(_iter_block(_read_block(data, _read_handle(handle, 0)[0])))
    return table


def _read_block(data: bytes, handle: tuple[int, int]) -> bytes:
    """Returns a block's bytes.

    Raises:
        ValueError: Its place, checksum or compression is wrong.
    """
    offset, size = handle
    end = offset + size
    if end + _TRAILER_BYTES > len(data):
        raise ValueError(f"a block at bytes {offset} to {end} lies outside the file")
    stored = int.from_bytes(data[end + 1 : end + _TRAILER_BYTES], "little")
    if masked_crc(data[offset : end + 1]) != stored:
        raise ValueError(f"the block at bytes {offset} to {end} has a wrong checksum")
    if data[end] != 0:
        raise ValueError(
            f"the block at byte {offset} is compressed; only uncompressed tables, "
            "which is what TensorFlow writes, are read"
        )
    return data[offset:end]


def _iter_block(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yields a block's entries; a key is stored without what it shares with the last.

    The block ends with the places of its restarts (4 bytes each) and their number.

    Raises:
        ValueError: The lengths contradict each other.
    """
    end = len(block) - 4 - 4 * int.from_bytes(block[-4:], "little")
    if end < 0:
        raise ValueError("a block is too short for its restarts")
    place, key = 0, b""
    while place < end:
        shared, place = _read_varint(block, place)
        fresh, place = _read_varint(block, place)
        length, place = _read_varint(block, place)
        value = place + fresh
        if shared > len(key) or value + length > end:
            raise ValueError("an entry reaches past its block")
        key = key[:shared] + block[place:value]
        place = value + length
        yield key, block[value:place]


def _read_handle(buffer: bytes, place: int) -> tuple[tuple[int, int], int]:
    """Returns a block's (offset, size) and the place behind them."""
    offset, place = _read_varint(buffer, place)
    size, place = _read_varint(buffer, place)
    return (offset, size), place


def _read_varint(buffer: bytes, place: int) -> tuple[int, int]:
    number = 0
    for shift, byte in enumerate(buffer[place : place + 10]):
        number |= (byte & 0x7F) << (7 * shift)
        if byte < 0x80:
            return number, place + shift + 1
    raise ValueError("a number has no end")
