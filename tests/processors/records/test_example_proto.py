import dataclasses
import itertools

import numpy as np
import pytest

from processors.batches.features import Features
from processors.batches.token_dataset import UNLABELLED, TokenDataset
from processors.records import example_columns, example_proto
from runtime.files import protobuf
from runtime.files.protobuf import field_bytes, field_float, field_varint

COLUMNS = ("ids", "segments", "offsets", "label_ids")


def make_dataset(examples=300, *, largest=40_000, seed=0):
    random = np.random.default_rng(seed)
    return TokenDataset.from_features(
        [
            Features(
                random.integers(0, largest, length, np.int32),
                random.integers(0, 2, length, np.int32),
                random.choice([None, 0, 1, 200]),
            )
            for length in random.integers(1, 300, examples)
        ]
    )


def assert_equal(ours, theirs):
    for name in COLUMNS:
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))
        assert getattr(ours, name).dtype == getattr(theirs, name).dtype


def entry(name, feature):
    return field_bytes(1, field_bytes(1, name.encode()) + field_bytes(2, feature))


def int64s(*values):
    packed, _ = protobuf.encode_packed_varints(np.array(values, int))
    return field_bytes(3, field_bytes(1, packed.tobytes()))


def example(*entries):
    return field_bytes(1, b"".join(entries))


IDS, SEGMENTS = (
    entry("input_ids", int64s(2, 300, 3)),
    entry("segment_ids", int64s(0, 0, 0)),
)
USUAL = example(IDS, SEGMENTS)


def test_bytes_equal_tensorflows():
    tf = pytest.importorskip("tensorflow")

    def int64_list(values):
        return tf.train.Feature(int64_list=tf.train.Int64List(value=values))

    dataset = make_dataset()
    for index, payload in enumerate(example_proto.encode_examples(dataset)):
        row = dataset.example(index)
        feature = {
            "input_ids": int64_list(row.input_ids),
            "segment_ids": int64_list(row.segment_ids),
        }
        if row.label_id is not None:
            feature["label_ids"] = int64_list([row.label_id])
        theirs = tf.train.Example(features=tf.train.Features(feature=feature))
        assert payload == theirs.SerializeToString(deterministic=True)


def test_examples_come_back():
    for largest in (2, 200, 40_000, 2**31 - 1):
        dataset = make_dataset(largest=largest)
        payloads = list(example_proto.encode_examples(dataset))
        assert_equal(example_proto.decode_examples(payloads), dataset)


def test_negative_id_is_not_written():
    row = Features(np.array([2, -1], np.int32), np.zeros(2, np.int32), None)
    with pytest.raises(ValueError, match="negative"):
        list(example_proto.encode_examples(TokenDataset.from_features([row])))


def test_block_reader_equals_the_plain_one_in_any_order_of_features():
    entries = (IDS, SEGMENTS, entry("label_ids", int64s(7)), entry("x", int64s(1, 2)))
    payloads = [example(*order) for order in itertools.permutations(entries)]
    kinds = example_proto._KINDS
    block = example_columns._decode_block(payloads, kinds)
    plain = example_columns._decode_one_by_one(payloads, kinds)
    for name in block:
        np.testing.assert_array_equal(block[name].values, plain[name].values)
        np.testing.assert_array_equal(block[name].lengths, plain[name].lengths)
    assert block["label_ids"].values.tolist() == [7] * 24


UNUSUAL = {
    "list not packed": example(
        entry(
            "input_ids",
            field_bytes(3, b"".join(field_varint(1, n) for n in (2, 300, 3))),
        ),
        SEGMENTS,
    ),
    "list in two packs": example(
        entry(
            "input_ids",
            field_bytes(3, field_bytes(1, b"\x02\xac\x02") + field_bytes(1, b"\x03")),
        ),
        SEGMENTS,
    ),
    "value before its name": example(
        field_bytes(
            1, field_bytes(2, int64s(2, 300, 3)) + field_bytes(1, b"input_ids")
        ),
        SEGMENTS,
    ),
    "features in two parts": field_bytes(1, IDS) + field_bytes(1, SEGMENTS),
    "unknown field": field_varint(99, 1) + USUAL,
    "named twice": example(entry("input_ids", int64s(9)), IDS, SEGMENTS),
    "empty lists": example(
        entry("label_ids", field_bytes(3, b"")), IDS, SEGMENTS, entry("input_mask", b"")
    ),
    "other kinds": example(
        IDS,
        entry("guid", field_bytes(1, field_bytes(1, b"train-1"))),
        entry("weight", field_bytes(2, field_float(1, 0.5))),
        SEGMENTS,
    ),
}


@pytest.mark.parametrize("payload", UNUSUAL.values(), ids=UNUSUAL)
def test_whatever_the_format_allows_is_read(payload):
    tf = pytest.importorskip("tensorflow")
    feature = tf.train.Example.FromString(payload).features.feature
    assert feature["input_ids"].int64_list.value == [2, 300, 3]

    dataset = example_proto.decode_examples([USUAL, payload, USUAL])
    assert dataset.ids.tolist() == [2, 300, 3] * 3
    assert dataset.lengths.tolist() == [3, 3, 3]
    assert dataset.label_ids.tolist() == [-1, -1, -1]


WRONG = {
    "expected a tf.train.Example": b"no message at all",
    "its features: none": b"",
    "expected int64 values in input_ids; its features: segment_ids": example(SEGMENTS),
    "as many segment_ids as input_ids; its features: input_ids": example(IDS),
    "found a list of bytes or floats": example(
        entry("input_ids", field_bytes(2, field_float(1, 2.0))), SEGMENTS
    ),
    "expected one label_ids": example(IDS, SEGMENTS, entry("label_ids", int64s(0, 1))),
    "expected input_ids of 0": example(
        entry("input_ids", int64s(2, 2**31, 3)), SEGMENTS
    ),
    "expected segment_ids of 0 to 127": example(
        IDS, entry("segment_ids", int64s(0, 0, 128))
    ),
    "expected label_ids of 0": example(
        IDS, SEGMENTS, entry("label_ids", int64s(2**32))
    ),
    "as many input_mask": example(IDS, SEGMENTS, entry("input_mask", int64s(1))),
    "marks no token": example(IDS, SEGMENTS, entry("input_mask", int64s(0, 0, 0))),
}


@pytest.mark.parametrize(("message", "payload"), WRONG.items(), ids=WRONG)
def test_wrong_example_is_found_among_right_ones(message, payload):
    usual = USUAL
    if "input_mask" in message or "marks" in message:
        usual = example(IDS, SEGMENTS, entry("input_mask", int64s(1, 1, 1)))
    with pytest.raises(example_proto.BadExampleError, match=message) as caught:
        example_proto.decode_examples([usual, usual, payload, usual])
    assert caught.value.index == 2


def test_original_loses_its_padding_and_its_filler():
    def fixed(*, real, label_id):
        return example(
            entry("is_real_example", int64s(real)),
            entry("input_ids", int64s(*[2, 300, 3, 0, 0] if real else [0] * 5)),
            entry("input_mask", int64s(*[1, 1, 1, 0, 0] if real else [0] * 5)),
            entry("segment_ids", int64s(*[0, 0, 1, 0, 0] if real else [0] * 5)),
            entry("label_ids", int64s(label_id)),
        )

    dataset = example_proto.decode_examples(
        [
            fixed(real=1, label_id=4),
            fixed(real=0, label_id=0),
            fixed(real=1, label_id=5),
        ]
    )
    assert dataset.ids.tolist() == [2, 300, 3, 2, 300, 3]
    assert dataset.segments.tolist() == [0, 0, 1, 0, 0, 1]
    assert dataset.offsets.tolist() == [0, 3, 6]
    assert dataset.label_ids.tolist() == [4, 5]


def test_any_change_of_a_byte_is_read_or_refused():
    payloads = list(example_proto.encode_examples(make_dataset(5)))
    random = np.random.default_rng(1)
    outcomes = set()
    for _ in range(500):
        index = random.integers(len(payloads))
        changed = bytearray(payloads[index])
        place = random.integers(min(len(changed), 40))  # the heads lie there
        changed[place] = random.integers(256)
        block = [*payloads[:index], bytes(changed), *payloads[index + 1 :]]
        try:
            decoded = len(example_proto.decode_examples(block))
        except example_proto.BadExampleError as error:
            outcomes.add(error.index == index)
        else:
            outcomes.add(decoded == len(block))
    assert outcomes == {True}


# Several labels, and numbers ---------------------------------------------------------


@pytest.mark.parametrize("shape", [(), (3,)])
def test_targets_come_back(shape):
    random = np.random.default_rng(0)
    plain = dataset_of(7)
    targets = random.integers(0, 2, (7, *shape)).astype(np.float32)
    label_ids = np.zeros(7, np.int32)
    targets[3], label_ids[3] = 0, UNLABELLED
    dataset = dataclasses.replace(plain, label_ids=label_ids, targets=targets)
    payloads = list(example_proto.encode_examples(dataset))
    found = example_proto.decode_examples(payloads)
    np.testing.assert_array_equal(found.targets, targets)
    np.testing.assert_array_equal(found.label_ids, label_ids)
    np.testing.assert_array_equal(found.ids, plain.ids)
    unlabelled = example_proto.decode_examples(payloads[3:4])
    assert unlabelled.targets is None
    again = TokenDataset.concatenate(
        [example_proto.decode_examples(payloads[:3]), unlabelled]
    )
    np.testing.assert_array_equal(again.targets, targets[:4])


def test_targets_are_of_one_length():
    one, other = (
        list(
            example_proto.encode_examples(
                dataclasses.replace(
                    dataset_of(1),
                    label_ids=np.zeros(1, np.int32),
                    targets=np.ones((1, width), np.float32),
                )
            )
        )
        for width in (2, 3)
    )
    with pytest.raises(
        example_columns.BadExampleError, match="expected targets of one length"
    ):
        example_proto.decode_examples(one + other)


def dataset_of(examples):
    return TokenDataset.from_features(
        [
            Features(np.arange(1, 4 + n, dtype=np.int32), np.zeros(3 + n, np.int32), 0)
            for n in range(examples)
        ]
    )
