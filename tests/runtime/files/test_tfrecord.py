import gzip
import os
import struct

import google_crc32c
import pytest

from runtime.errors import DataError, StorageError
from runtime.files import tfrecord

PAYLOADS = [b"first", b"", b"\x00\xff" * 300]


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "a.tf_record")


def write(path, payloads=PAYLOADS):
    with tfrecord.RecordWriter(path) as writer:
        for payload in payloads:
            writer.write(payload)
    return writer


def put(path, data):
    with open(path, "wb") as file:
        file.write(data)


def get(path):
    with open(path, "rb") as file:
        return file.read()


def read(path):
    return list(tfrecord.iter_payloads(path))


def test_frame_has_the_published_layout():
    # The record of b"abc" as tf.io.TFRecordWriter of TensorFlow 2.21 writes it.
    assert tfrecord.frame(b"abc").hex() == "0300000000000000b099490e6162636e57f121"


def test_bytes_equal_tensorflows(path, tmp_path):
    tf = pytest.importorskip("tensorflow")
    write(path)
    theirs = str(tmp_path / "theirs")
    with tf.io.TFRecordWriter(theirs) as writer:
        for payload in PAYLOADS:
            writer.write(payload)
    assert get(path) == get(theirs)
    dataset = tf.data.TFRecordDataset(path)
    assert [record.numpy() for record in dataset] == PAYLOADS


def test_payloads_come_back(path):
    write(path)
    assert read(path) == PAYLOADS


def test_writer_counts_and_sums(path):
    writer = write(path)
    assert writer.count == 3
    assert writer.crc32c == google_crc32c.value(get(path))


def test_reader_sums_what_the_writer_did(path):
    writer, reader = write(path), tfrecord.RecordReader(path)
    assert list(reader) == PAYLOADS
    assert reader.crc32c == writer.crc32c


def test_file_is_whole_or_absent(path, tmp_path):
    def payloads():
        yield b"half"
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        write(path, payloads())
    assert os.listdir(tmp_path) == []


def test_every_truncation_is_found(path):
    write(path)
    data = get(path)
    starts = [0, 16 + 5, 16 + 5 + 16]
    for size in range(1, len(data)):
        if size in starts:  # whole records; that some are missing, the manifest knows
            continue
        put(path, data[:size])
        with pytest.raises(DataError, match="truncated") as caught:
            read(path)
        assert caught.value.path == path
        assert caught.value.offset == max(start for start in starts if start < size)


def test_every_flipped_bit_is_found(path):
    write(path, [b"first", b"second"])
    data = get(path)
    for place in range(len(data) * 8):
        flipped = bytearray(data)
        flipped[place // 8] ^= 1 << place % 8
        put(path, flipped)
        with pytest.raises(DataError, match="damaged") as caught:
            read(path)
        assert caught.value.offset == (0 if place // 8 < 16 + 5 else 16 + 5)


@pytest.mark.parametrize(
    "data",
    [
        b"label\ttext\n1\tnot records at all\n" * 10,
        gzip.compress(tfrecord.frame(b"first")),
        bytes(1000),
        b"short",
    ],
    ids=["tsv", "gzip", "zeros", "short"],
)
def test_foreign_file_is_refused(path, data):
    put(path, data)
    with pytest.raises(DataError, match=r"byte 0: .*Is it a TFRecord file"):
        read(path)


def test_empty_file_is_refused(path):
    put(path, b"")
    with pytest.raises(DataError, match="empty file"):
        read(path)


def test_length_is_not_believed_before_the_file_was_asked(path):
    length = struct.pack("<Q", 2**62)  # allocating it would fail in another way
    put(path, length + struct.pack("<I", tfrecord.masked_crc(length)) + b"rest")
    with pytest.raises(DataError, match=f"a record of {2**62} bytes.*found 4 bytes"):
        read(path)


def test_missing_file_is_a_storage_error(path):
    with pytest.raises(StorageError, match="does not exist"):
        read(path)


def test_streaming_hands_on_what_precedes_the_damage(path):
    write(path, [bytes(1000)] * 5)
    records = tfrecord.iter_payloads(path)
    with open(path, "r+b") as file:
        file.seek(2 * 1016 + 20)
        file.write(b"\x01")
    assert [len(next(records)) for _ in range(2)] == [1000, 1000]
    with pytest.raises(DataError, match="byte 2032: damaged"):
        next(records)
