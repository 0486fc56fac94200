import numpy as np
import pytest

from runtime.files.leveldb_table import read_table, table_bytes
from runtime.files.protobuf import encode_varint
from runtime.files.tfrecord import masked_crc


def seal(block):
    block += b"\0"
    return block + masked_crc(block).to_bytes(4, "little")


def handle(offset, size):
    return encode_varint(offset) + encode_varint(size)


def row(shared, rest, value):
    return b"".join(map(encode_varint, (shared, len(rest), len(value)))) + rest + value


def by_hand(block, handles):
    """A table of one data block that the index names so often."""
    end = bytes(4) + b"\1\0\0\0"
    data = seal(block + end)
    index = b"".join(row(0, b"%08d" % n, h) for n, h in enumerate(handles)) + end
    footer = handle(0, 0) + handle(len(data), len(index))
    magic = (0xDB4775248B80FB57).to_bytes(8, "little")
    return data + seal(index) + footer.ljust(40, b"\0") + magic


@pytest.mark.parametrize("count", [0, 1, 15, 16, 17, 5000])
def test_what_is_written_is_read(count):
    random = np.random.default_rng(count)
    entries = {
        f"layer_{number}/{'deep/' * (number % 5)}kernel".encode(): random.bytes(
            int(random.integers(0, 200))
        )
        for number in range(count)
    }
    found = read_table(table_bytes(entries))
    assert found == entries
    assert list(found) == sorted(entries)


@pytest.mark.parametrize("last", [b"\xff", b"a\xff", b"ab", b""])
def test_keys_at_the_edges(last):
    entries = {b"": b"header", last: b"x", b"a\xff\xff": bytes(300_000)}
    assert read_table(table_bytes(entries)) == entries


def test_blocks_on_top_of_each_other_are_refused():
    block = row(0, b"a" * 1000, b"")
    size = len(block) + 8
    assert list(read_table(by_hand(block, [handle(0, size)]))) == [b"a" * 1000]
    with pytest.raises(ValueError, match="on top of each other"):
        read_table(by_hand(block, [handle(0, size)] * 100))


def test_keys_that_would_fill_the_memory_are_refused():
    """600 kB that say a hundred thousand keys of half a megabyte."""
    rows = row(0, b"a" * 500_000, b"") + row(499_999, b"b", b"") * 20_000
    table = by_hand(rows, [handle(0, len(rows) + 8)])
    with pytest.raises(ValueError, match="much larger than the block"):
        read_table(table)
