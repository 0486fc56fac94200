"""LevelDB's sorted table in one file: keys and values, in blocks with checksums.

TensorFlow writes the index of its checkpoints in it: without compression, and with the
sizes of blocks below, so that a table written here has the bytes TensorFlow would
write. Every length is checked before it is believed.

Source: LevelDB's doc/table_format.md; tensorflow/core/lib/io/table_builder.cc.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from runtime.files.protobuf import encode_varint, read_varint
from runtime.files.tfrecord import masked_crc

_MAGIC = (0xDB4775248B80FB57).to_bytes(8, "little")
_FOOTER_BYTES = 48
_TRAILER_BYTES = 5
_UNCOMPRESSED = b"\0"

# A key may repeat the one before it at the cost of three bytes: a small file could
# fill the memory. TensorFlow's own keys expand about ten times.
_LARGEST_EXPANSION = 64
_KEY_BYTES = 1 << 20

# Source: tensorflow/core/lib/io/table_options.h.
_BLOCK_BYTES = 262144
_RESTART_INTERVAL = 16


# Reading -----------------------------------------------------------------------------


def read_table(data: bytes) -> dict[bytes, bytes]:
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
    read = 0
    for _, row in _iter_block(_read_block(data, index)):
        handle, _ = _read_handle(row, 0)
        read += handle[1]
        if read > len(data):
            raise ValueError("its blocks lie on top of each other")
        table.update(_iter_block(_read_block(data, handle)))
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
    place, key, key_bytes = 0, b"", 0
    while place < end:
        shared, place = read_varint(block, at=place)
        fresh, place = read_varint(block, at=place)
        length, place = read_varint(block, at=place)
        value = place + fresh
        if shared > len(key) or value + length > end:
            raise ValueError("an entry reaches past its block")
        key = key[:shared] + block[place:value]
        key_bytes += len(key)
        if key_bytes > _KEY_BYTES + _LARGEST_EXPANSION * len(block):
            raise ValueError("the keys of a block are much larger than the block")
        place = value + length
        yield key, block[value:place]


def _read_handle(buffer: bytes, place: int) -> tuple[tuple[int, int], int]:
    """Returns a block's (offset, size) and the place behind them."""
    offset, place = read_varint(buffer, at=place)
    size, place = read_varint(buffer, at=place)
    return (offset, size), place


# Writing -----------------------------------------------------------------------------


def table_bytes(entries: Mapping[bytes, bytes]) -> bytes:
    """Returns the table of these keys and values."""
    ordered = sorted(entries.items())
    data, index = bytearray(), []
    while ordered:
        rows = _fitting(ordered)
        ordered = ordered[len(rows) :]
        handle = _append_block(data, _block_bytes(rows, _RESTART_INTERVAL))
        following = ordered[0][0] if ordered else None
        index.append((_key_between(rows[-1][0], following), handle))
    about = _append_block(data, _block_bytes([], _RESTART_INTERVAL))
    footer = about + _append_block(data, _block_bytes(index, 1))
    return bytes(data) + footer.ljust(_FOOTER_BYTES - len(_MAGIC), b"\0") + _MAGIC


_Rows = list[tuple[bytes, bytes]]


def _fitting(rows: _Rows) -> _Rows:
    """Returns the first rows, up to the one that fills a block."""
    size, last = 4, b""
    for count, (key, value) in enumerate(rows):
        is_restart = count % _RESTART_INTERVAL == 0
        row = _row_bytes(key, value, after=b"" if is_restart else last)
        size, last = size + len(row) + 4 * is_restart, key
        if size >= _BLOCK_BYTES:
            return rows[: count + 1]
    return rows


def _block_bytes(rows: _Rows, restart_interval: int) -> bytes:
    block, restarts, last = bytearray(), [], b""
    for count, (key, value) in enumerate(rows):
        if count % restart_interval == 0:
            restarts.append(len(block))
            last = b""
        block += _row_bytes(key, value, after=last)
        last = key
    restarts = restarts or [0]
    tail = [*restarts, len(restarts)]
    return bytes(block) + b"".join(each.to_bytes(4, "little") for each in tail)


def _row_bytes(key: bytes, value: bytes, *, after: bytes) -> bytes:
    shared = _shared_length(key, after)
    lengths = (shared, len(key) - shared, len(value))
    return b"".join(map(encode_varint, lengths)) + key[shared:] + value


def _shared_length(one: bytes, other: bytes) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    length = min(len(one), len(other))
    return next((place for place, (a, b) in pairs if a != b), length)


def _append_block(data: bytearray, block: bytes) -> bytes:
    """Adds a block with its trailer; returns its handle."""
    handle = encode_varint(len(data)) + encode_varint(len(block))
    block += _UNCOMPRESSED
    data += block + masked_crc(block).to_bytes(4, "little")
    return handle


def _key_between(last: bytes, following: bytes | None) -> bytes:
    """Returns a short key from `last` on and before the one that follows.

    Source: tensorflow/core/lib/io/table_builder.cc, FindShortestSeparator and
    FindShortSuccessor.
    """
    if following is None:
        place = next((i for i, byte in enumerate(last) if byte != 0xFF), None)
    else:
        place = _shared_length(last, following)
        if place == min(len(last), len(following)):
            return last
        if last[place] == 0xFF or last[place] + 1 >= following[place]:
            return last
    if place is None:
        return last
    return last[:place] + bytes([last[place] + 1])
