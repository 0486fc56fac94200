import numpy as np
import pytest

from runtime.files import protobuf

NUMBERS = [0, 1, 127, 128, 300, 16383, 16384, 2**31 - 1, 2**32, 2**63 - 1]


@pytest.mark.parametrize(
    ("number", "wire"),
    [
        (0, b"\x00"),
        (150, b"\x96\x01"),  # the example of the encoding's own documentation
        (2**64 - 1, b"\xff" * 9 + b"\x01"),
        (-1, b"\xff" * 9 + b"\x01"),
    ],
)
def test_varint_is_seven_bits_a_byte(number, wire):
    assert protobuf.encode_varint(number) == wire


def test_fields_come_back():
    message = (
        protobuf.field_varint(1, -2)
        + protobuf.field_bytes(2, "日本".encode())
        + protobuf.field_float(3, 0.5)
        + protobuf.field_double(2**29 - 1, -0.25)
        + protobuf.field_bytes(4, b"")
    )
    assert list(protobuf.iter_fields(message)) == [
        (1, protobuf.VARINT, 2**64 - 2),
        (2, protobuf.BYTES, "日本".encode()),
        (3, protobuf.FIXED32, np.float32(0.5).tobytes()),
        (2**29 - 1, protobuf.FIXED64, np.float64(-0.25).tobytes()),
        (4, protobuf.BYTES, b""),
    ]


def test_nested_messages_need_no_copy():
    inner = protobuf.field_varint(7, 300)
    [(_, _, value)] = protobuf.iter_fields(protobuf.field_bytes(1, inner))
    assert list(protobuf.iter_fields(value)) == [(7, protobuf.VARINT, 300)]


@pytest.mark.parametrize(
    "message",
    [
        b"\x08",  # a tag without its value
        b"\x08" + b"\xff" * 11,  # a varint without an end
        b"\x0a\x05abcd",  # five bytes announced, four there
        b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",  # 2**64 - 1 bytes announced
        b"\x0d\x00\x00\x00",  # half a float
        b"\x0b\x0c",  # a group, which nothing has written for twenty years
        b"\x00\x00",  # field 0
    ],
)
def test_what_is_no_message_is_refused(message):
    with pytest.raises(ValueError, match=r"field|varint"):
        list(protobuf.iter_fields(message))


def test_packed_varints_equal_one_by_one():
    random = np.random.default_rng(0)
    for most in (1, 100, 200, 40_000, 2**31, 2**62):
        values = random.integers(0, most, 500)
        groups, sizes = protobuf.encode_packed_varints(values)
        wires = [protobuf.encode_varint(value) for value in values.tolist()]
        assert groups.tobytes() == b"".join(wires)
        assert sizes.tolist() == [len(wire) for wire in wires]
        assert (protobuf.decode_packed_varints(groups) == values).all()


@pytest.mark.parametrize("dtype", [np.int8, np.int32, np.int64])
def test_packed_varints_take_any_integer_type(dtype):
    values = np.array([0, 1, 127], dtype)
    groups, _ = protobuf.encode_packed_varints(values)
    assert protobuf.decode_packed_varints(groups).tolist() == [0, 1, 127]


def test_packed_varints_hold_the_largest_and_the_negative():
    groups, _ = protobuf.encode_packed_varints(np.array(NUMBERS))
    assert protobuf.decode_packed_varints(groups).tolist() == NUMBERS
    wire = protobuf.encode_varint(-5) + protobuf.encode_varint(-(2**63))
    assert protobuf.decode_packed_varints(wire).tolist() == [-5, -(2**63)]


def test_no_values_are_no_bytes():
    groups, sizes = protobuf.encode_packed_varints(np.empty(0, np.int32))
    assert groups.size == sizes.size == protobuf.decode_packed_varints(b"").size == 0


def test_packed_varints_refuse_what_they_cannot_hold():
    with pytest.raises(ValueError, match="negative number, got -3"):
        protobuf.encode_packed_varints(np.array([1, -3]))
    with pytest.raises(ValueError, match="does not end"):
        protobuf.decode_packed_varints(b"\x01\x80")
    with pytest.raises(ValueError, match="11 bytes"):
        protobuf.decode_packed_varints(b"\x80" * 10 + b"\x01")
