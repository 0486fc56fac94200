import dataclasses
import json
import os
import tracemalloc

import numpy as np
import pytest

from processors.batches.features import FEATURES, Features
from processors.records import store
from processors.records.manifest import Manifest, Origin
from processors.records.store import read_records, write_records
from runtime.errors import DataError, StorageError
from runtime.files import tfrecord

FINGERPRINT = {"kind": "wordpiece", "sha256": "ab", "do_lower_case": False}
LABELS = ("neg", "pos", "日本")
ORIGIN = Origin(
    tokenizer=FINGERPRINT, labels=LABELS, max_seq_length=32, features=FEATURES
)


def make_rows(examples=50, *, longest=30, seed=0):
    random = np.random.default_rng(seed)
    for number in range(examples):
        length = int(random.integers(2, longest))
        yield Features(
            random.integers(0, 30_000, length, np.int32),
            random.integers(0, 2, length, np.int32),
            None if number % 10 == 3 else number % 3,
        )


def write(path, rows=None, **settings):
    return write_records(
        path,
        make_rows() if rows is None else rows,
        origin=ORIGIN,
        **settings,
    )


def lists(rows):
    return [(r.input_ids.tolist(), r.segment_ids.tolist(), r.label_id) for r in rows]


def all_of(dataset):
    return lists(dataset.example(index) for index in range(len(dataset)))


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "run" / "train.tf_record")


def names(path):
    return sorted(os.listdir(os.path.dirname(path)))


@pytest.mark.parametrize("shards", [1, 2, 7])
def test_rows_come_back_in_order(path, shards):
    write(path, shards=shards)
    assert all_of(read_records(path)) == lists(make_rows())


def test_rows_come_back_through_many_blocks(path, monkeypatch):
    monkeypatch.setattr(store, "_EXAMPLES_A_BLOCK", 8)
    write(path, shards=3)
    assert all_of(read_records(path)) == lists(make_rows())


def test_manifest_says_what_the_data_set_is(path):
    manifest = write(path, shards=2)
    rows = list(make_rows())
    assert manifest == Manifest.load(path)
    assert manifest.examples == 50
    assert manifest.unlabelled == 5
    assert manifest.labels == LABELS
    assert manifest.tokenizer == FINGERPRINT
    assert manifest.max_seq_length == 32
    assert manifest.longest == max(len(row.input_ids) for row in rows)
    assert manifest.tokens == sum(len(row.input_ids) for row in rows)
    assert [shard.examples for shard in manifest.shards] == [25, 25]
    assert names(path) == [
        "train.tf_record-00000-of-00002",
        "train.tf_record-00001-of-00002",
        "train.tf_record.manifest.json",
    ]


def test_same_rows_same_bytes(path, tmp_path):
    other = str(tmp_path / "train.tf_record")
    assert write(path) == write(other)
    with open(path, "rb") as ours, open(other, "rb") as theirs:
        assert ours.read() == theirs.read()


def test_tensorflow_reads_them(path):
    tf = pytest.importorskip("tensorflow")
    write(path)
    spec = {
        "input_ids": tf.io.RaggedFeature(tf.int64),
        "segment_ids": tf.io.RaggedFeature(tf.int64),
        "label_ids": tf.io.FixedLenFeature([], tf.int64, default_value=-1),
    }
    payloads = tf.constant(list(tfrecord.iter_payloads(path)))
    parsed = tf.io.parse_example(payloads, spec)
    ours = read_records(path)
    assert parsed["input_ids"].flat_values.numpy().tolist() == ours.ids.tolist()
    assert parsed["input_ids"].row_splits.numpy().tolist() == ours.offsets.tolist()
    assert parsed["segment_ids"].flat_values.numpy().tolist() == ours.segments.tolist()
    assert parsed["label_ids"].numpy().tolist() == ours.label_ids.tolist()


def test_original_records_of_tensorflow_are_read(path, tmp_path):
    tf = pytest.importorskip("tensorflow")
    rows = [row for row in make_rows() if row.label_id is not None]

    def padded(values):
        values = [*values, *[0] * (32 - len(values))]
        return tf.train.Feature(int64_list=tf.train.Int64List(value=values))

    def scalar(value):
        return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))

    original = str(tmp_path / "eval.tf_record")
    with tf.io.TFRecordWriter(original) as writer:
        for row in [*rows, Features(*np.zeros((2, 0), np.int32), None)]:
            feature = {
                "input_ids": padded(row.input_ids),
                "input_mask": padded([1] * len(row.input_ids)),
                "segment_ids": padded(row.segment_ids),
                "label_ids": scalar(row.label_id or 0),
                "is_real_example": scalar(int(len(row.input_ids) > 0)),
            }
            example = tf.train.Example(features=tf.train.Features(feature=feature))
            writer.write(example.SerializeToString())
    assert all_of(read_records(original)) == lists(rows)


def test_pattern_reads_file_after_file(path):
    write(path, shards=2)
    rows = lists(make_rows())
    assert all_of(read_records(path + "*")) == rows[::2] + rows[1::2]


def test_brackets_in_a_name_are_no_pattern(tmp_path):
    path = str(tmp_path / "[run]" / "a.tf_record")
    write(path)
    os.remove(path + ".manifest.json")
    assert all_of(read_records(path)) == lists(make_rows())


def test_nothing_to_read_is_said(path, tmp_path):
    with pytest.raises(StorageError, match="does not exist"):
        read_records(path)
    with pytest.raises(DataError, match="no file matches"):
        read_records(str(tmp_path / "*.tf_record"))


def failing_rows():
    yield from make_rows()
    raise RuntimeError("power cut")


@pytest.mark.parametrize("shards", [1, 3])
def test_failed_write_leaves_nothing(path, shards):
    with pytest.raises(RuntimeError, match="power cut"):
        write(path, failing_rows(), shards=shards)
    assert names(path) == []


def test_failed_write_leaves_the_earlier_data_set(path):
    write(path, make_rows(7, seed=1))
    with pytest.raises(RuntimeError, match="power cut"):
        write(path, failing_rows())
    assert all_of(read_records(path)) == lists(make_rows(7, seed=1))


def test_manifest_never_vouches_for_another_data_set(path, monkeypatch):
    write(path, make_rows(7, seed=1), shards=2)

    def power_cut(*_):
        raise RuntimeError("power cut")

    monkeypatch.setattr(Manifest, "save", power_cut)
    with pytest.raises(RuntimeError, match="power cut"):
        write(path, make_rows(9, seed=2), shards=2)
    with pytest.raises(StorageError, match="does not exist"):
        read_records(path)


def test_rewriting_replaces_it(path):
    write(path, make_rows(7, seed=1), shards=2)
    write(path, make_rows(9, seed=2))
    assert all_of(read_records(path)) == lists(make_rows(9, seed=2))


@pytest.mark.parametrize(("examples", "shards"), [(0, 1), (2, 3)])
def test_fewer_rows_than_files_are_refused(path, examples, shards):
    with pytest.raises(DataError, match=f"each of {shards} file.*got {examples}"):
        write(path, make_rows(examples), shards=shards)


def test_memory_does_not_grow_with_the_rows(path, monkeypatch):
    monkeypatch.setattr(store, "_EXAMPLES_A_BLOCK", 64)

    def peak(examples):
        tracemalloc.start()
        try:
            write(path, make_rows(examples))
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(300)  # fills the caches
    assert peak(2000) < 1.1 * peak(300)


def flip_a_bit(path, *, offset):
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 0x10]))


def test_damage_names_the_file_and_the_byte(path):
    write(path, shards=2)
    shard = path + "-00001-of-00002"
    starts = np.cumsum([0, *(len(p) + 16 for p in list(tfrecord.iter_payloads(shard)))])
    flip_a_bit(shard, offset=int(starts[3]) + 20)
    with pytest.raises(DataError, match="damaged") as caught:
        read_records(path)
    assert (caught.value.path, caught.value.offset) == (shard, starts[3])


def test_missing_records_are_noticed(path):
    write(path)
    with tfrecord.RecordWriter(path) as writer:  # truncated between two records
        for payload in list(tfrecord.iter_payloads(path))[:-1]:
            writer.write(payload)
    with pytest.raises(DataError, match=r"expected 50 examples.*found 49"):
        read_records(path)


def test_swapped_shards_are_noticed(path):
    write(path, shards=2)
    first, second = (f"{path}-0000{shard}-of-00002" for shard in range(2))
    os.replace(first, second)
    with open(second, "rb") as source, open(first, "wb") as target:
        target.write(source.read())
    with pytest.raises(DataError, match="checksum") as caught:
        read_records(path)
    assert caught.value.path == second


@pytest.mark.parametrize("block", [4, 2048])
def test_foreign_example_names_the_file_and_the_byte(path, monkeypatch, block):
    monkeypatch.setattr(store, "_EXAMPLES_A_BLOCK", block)
    write(path)
    payloads = list(tfrecord.iter_payloads(path))
    other = path + ".other"
    with tfrecord.RecordWriter(other) as writer:
        for payload in [*payloads[:10], b"foreign", *payloads[10:]]:
            writer.write(payload)
    with pytest.raises(DataError, match=r"tf\.train\.Example") as caught:
        read_records(other)
    offset = sum(len(payload) + 16 for payload in payloads[:10])
    assert (caught.value.path, caught.value.offset) == (other, offset)


def test_label_outside_the_manifest_is_refused(path):
    row = Features(np.array([2, 3], np.int32), np.zeros(2, np.int32), 3)
    write(path, [row])
    with pytest.raises(DataError, match=r"label ids under 3, .* found 3"):
        read_records(path)


@pytest.mark.parametrize(
    "change",
    [
        lambda fields: fields.pop("labels"),
        lambda fields: fields.update(more=1),
        lambda fields: fields["shards"][0].pop("crc32c"),
        lambda fields: fields["shards"][0].update(name="../train.tf_record"),
        lambda fields: fields["shards"][0].update(name="/etc/passwd"),
    ],
    ids=["lacks", "has more", "shard lacks", "climbs", "is absolute"],
)
def test_wrong_manifest_is_refused(path, change):
    write(path)
    place = path + ".manifest.json"
    with open(place, encoding="utf-8") as file:
        fields = json.load(file)
    change(fields)
    with open(place, "w", encoding="utf-8") as file:
        json.dump(fields, file)
    with pytest.raises(DataError, match="expected") as caught:
        read_records(path)
    assert caught.value.path == place


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"text"'])
def test_manifest_that_is_none_is_refused(path, text):
    write(path)
    with open(path + ".manifest.json", "w", encoding="utf-8") as file:
        file.write(text)
    with pytest.raises(DataError, match=r"manifest\.json: expected a manifest"):
        read_records(path)


def test_texts_that_are_learned_come_back(tmp_path):
    path = str(tmp_path / "train.tf_record")
    rows = [
        dataclasses.replace(
            row, label_id=None, target_ids=np.arange(number % 4, dtype=np.int32)
        )
        for number, row in enumerate(make_rows())
    ]
    write(path, rows, shards=3)
    found = read_records(path)
    for number, row in enumerate(rows):
        np.testing.assert_array_equal(found.example(number).target_ids, row.target_ids)


def test_records_without_texts_to_learn_are_as_ever(tmp_path):
    path = str(tmp_path / "train.tf_record")
    write(path)
    assert read_records(path).target_ids is None
