"""TFRecord files, written and read without tensorflow.

A file is a row of records and nothing else; a record is

    length       uint64, little endian
    length CRC   uint32, masked CRC-32C of the eight bytes before it
    payload      `length` bytes
    payload CRC  uint32, masked CRC-32C of the payload

so every damage shows: a length is believed, and memory taken for it, only after its
own checksum and the size of the file have been asked.

Source: https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details
"""

from __future__ import annotations

import functools
import io
import struct
from collections.abc import Callable, Iterator
from types import TracebackType

import google_crc32c

from runtime import storage
from runtime.errors import DataError

HEADER_BYTES = 12
FOOTER_BYTES = 4
FRAME_BYTES = HEADER_BYTES + FOOTER_BYTES  # what a record takes besides its payload

_MASK_DELTA = 0xA282EAD8


def masked_crc(data: bytes) -> int:
    """Returns the CRC-32C of `data`, rotated and shifted as TFRecord stores it.

    The mask keeps a checksum of bytes that hold checksums from being weak.
    Source: tensorflow/tsl, lib/hash/crc32c.h.
    """
    crc = google_crc32c.value(data)
    return ((crc >> 15 | crc << 17) + _MASK_DELTA) & 0xFFFFFFFF


def frame(payload: bytes) -> bytes:
    """Returns `payload` as one record."""
    footer = struct.pack("<I", masked_crc(payload))
    return b"".join((_header(len(payload)), payload, footer))


@functools.lru_cache(maxsize=1 << 14)  # lengths repeat; saves one CRC in two
def _header(length: int) -> bytes:
    packed = struct.pack("<Q", length)
    return packed + struct.pack("<I", masked_crc(packed))


class RecordWriter:
    """Writes a TFRecord file record by record; use it in a `with` statement.

    The file appears, whole, when the block ends well; after an exception nothing has
    changed.

    Attributes:
        count: Records written.
        crc32c: CRC-32C, unmasked, of all bytes written.
    """

    def __init__(self, path: str) -> None:
        self.count = 0
        self.crc32c = 0
        self._opening = storage.open_write(path)

    def __enter__(self) -> RecordWriter:
        self._file = self._opening.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._opening.__exit__(kind, error, trace)

    def write(self, payload: bytes) -> None:
        """Adds one record."""
        record = frame(payload)
        self._file.write(record)
        self.crc32c = google_crc32c.extend(self.crc32c, record)
        self.count += 1


class RecordReader:
    """Reads a TFRecord file record by record, holding one at a time.

    Iterating gives the payload of every record, and raises a DataError where the file
    is empty, truncated, damaged or no TFRecord file; it says which, and at which byte
    the record starts.

    Attributes:
        crc32c: CRC-32C, unmasked, of all bytes read.
    """

    def __init__(self, path: str) -> None:
        self.crc32c = 0
        self._path = path

    def __iter__(self) -> Iterator[bytes]:
        with storage.open_read(self._path) as file:
            self._file = file
            size = file.seek(0, io.SEEK_END)
            file.seek(0)
            yield from _walk(self._read, size=size, path=self._path)

    def _read(self, size: int) -> bytes:
        data = self._file.read(size)
        self.crc32c = google_crc32c.extend(self.crc32c, data)
        return data


def iter_payloads(path: str) -> Iterator[bytes]:
    """Yields the payload of every record; see `RecordReader`."""
    yield from RecordReader(path)


def _walk(read: Callable[[int], bytes], *, size: int, path: str) -> Iterator[bytes]:
    if size == 0:
        raise DataError("expected TFRecord records, found an empty file.", path=path)
    offset = 0
    while offset < size:
        try:
            length = _length(read(HEADER_BYTES), most=size - offset - FRAME_BYTES)
            payload = _payload(read(length + FOOTER_BYTES), length=length)
        except ValueError as error:
            advice = " Is it a TFRecord file, not compressed?" if offset == 0 else ""
            raise DataError(f"{error}{advice}", path=path, offset=offset) from error
        yield payload
        offset += length + FRAME_BYTES


def _length(header: bytes, *, most: int) -> int:
    if len(header) < HEADER_BYTES:
        raise ValueError(
            f"truncated: expected {HEADER_BYTES} bytes of record header, found"
            f" {len(header)}."
        )
    length = int.from_bytes(header[:8], "little")
    if header != _header(length):
        raise ValueError("damaged: the checksum of the record's length is wrong.")
    if length > most:
        raise ValueError(
            f"truncated: expected a record of {length} bytes and its checksum, found"
            f" {most + FOOTER_BYTES} bytes."
        )
    return length


def _payload(body: bytes, *, length: int) -> bytes:
    payload = body[:length]
    if body[length:] != struct.pack("<I", masked_crc(payload)):
        raise ValueError(
            f"damaged: the checksum of the record's {length} bytes is wrong."
        )
    return payload
