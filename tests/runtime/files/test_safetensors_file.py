import io
import json
import struct

import numpy as np
import pytest
import safetensors.numpy

from runtime import storage
from runtime.errors import CheckpointError, StorageError
from runtime.files import safetensors_file
from runtime.files.safetensors_file import SafetensorsFile, Tensors

TYPES = "float64 float32 float16 int64 int32 int16 int8 uint64 uint32 uint16 uint8 bool"
TENSORS = {
    "b/語": np.arange(6, dtype=np.float32).reshape(2, 3).T,
    "every/second": np.arange(10)[::2],
    "empty": np.zeros((0, 4), np.float32),
    "flags": np.array([True, False, True]),
    "half": np.array([0.5, -2.0, 1.0], np.float16),
    "big-endian": np.arange(3, dtype=">f8"),
}


def write(tmp_path, header, data=b""):
    """A file by hand: the library would not write one so wrong."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path = str(tmp_path / "file.safetensors")
    storage.write_bytes(path, struct.pack("<Q", len(text)) + text + data)
    return path


def tensor(shape, begin, end, dtype="F32"):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def test_what_the_library_writes_is_read(tmp_path):
    random = np.random.default_rng(0)
    tensors = {
        name: random.integers(0, 2, (2, 3)).astype(name) for name in TYPES.split()
    }
    tensors |= {"scalar": np.float32([7]).reshape(()), "empty": np.zeros((0, 4))}
    path = str(tmp_path / "file.safetensors")
    safetensors.numpy.save_file(tensors, path, metadata={"format": "pt"})
    file = SafetensorsFile(path)
    assert file.shapes() == {name: value.shape for name, value in tensors.items()}
    for name, value in tensors.items():
        found = file.read(name)
        assert found.dtype == value.dtype
        np.testing.assert_array_equal(found, value)


def test_bfloat16_comes_as_float32_bit_by_bit(tmp_path):
    bits = np.arange(2**16, dtype=np.uint16)
    header = {"v": tensor([2**16], 0, 2**17, "BF16")}
    found = SafetensorsFile(write(tmp_path, header, bits.tobytes())).read("v")
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found.view(np.uint32), bits.astype(np.uint32) << 16)
    known = {0x3F80: 1.0, 0xC000: -2.0, 0x3DCD: 0.10009765625, 0x7F80: np.inf}
    assert [found[each] for each in known] == list(known.values())


def test_a_file_in_a_bucket_is_fetched_once(fake_bucket):
    content = written({f"w{number}": np.ones(1000) for number in range(9)})
    fake_bucket.put("file.safetensors", content)
    tensors = Tensors(SafetensorsFile("gs://my-bucket/file.safetensors"))
    assert all((tensors[name] == 1).all() for name in tensors)
    assert sum(fake_bucket.sent) == len(content)


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ({"v": tensor([2**40], 0, 2**42)}, "ends? at byte 4398046511[0-9]+"),
        ({"v": tensor([2**62, 2**62], 0, 16)}, "but 16 are listed"),
        ({"v": tensor([4], 0, 12)}, "which is 16 bytes, but 12"),
        ({"v": tensor([-4], 0, 16)}, "no whole number"),
        ({"v": tensor([4.0], 0, 16)}, "no whole number"),
        ({"v": tensor([True] * 2, 0, 16)}, "no whole number"),
        ({"v": tensor([1] * 33, 0, 4)}, "v has 33 axes"),
        ({"v": tensor([4], -16, 0)}, "no whole number"),
        ({"v": tensor([4], 0, 16), "w": tensor([4], 0, 16)}, "begins at byte"),
        ({"v": tensor([2], 8, 16)}, "begins at byte"),
        ({"v": tensor([2], 0, 8)}, "the file at byte"),
        ({"v": tensor([4], 0, 16, "F8_E4M3")}, "'F8_E4M3', which is not read"),
        ({"v": {"dtype": "F32"}}, "expected a safetensors file"),
        ({"v": 7}, "expected a safetensors file"),
        ([1], "its header is a list"),
        (b'{"v": 1, "v": 2}', "stands twice"),
        (b"{", "expected a safetensors file"),
        (b"\xff", "expected a safetensors file"),
        (b"[" * 100_000, "expected a safetensors file"),
    ],
)
def test_hostile_headers(tmp_path, header, said):
    path = write(tmp_path, header, bytes(16))
    with pytest.raises(CheckpointError, match=said) as caught:
        SafetensorsFile(path)
    assert str(caught.value).startswith(path)


@pytest.mark.parametrize("content", [b"", b"abc", b"\xff" * 8, b"\xff" * 100])
def test_a_header_longer_than_the_file_is_not_read(tmp_path, content):
    path = str(tmp_path / "file.safetensors")
    storage.write_bytes(path, content)
    with pytest.raises(CheckpointError, match=r"a header of \d+ bytes in a file of"):
        SafetensorsFile(path)


def test_every_truncation_is_noticed(tmp_path):
    path = write(tmp_path, {"v": tensor([4], 0, 16)}, bytes(16))
    whole = storage.read_bytes(path)
    for length in range(len(whole)):
        storage.write_bytes(path, whole[:length])
        with pytest.raises(CheckpointError):
            SafetensorsFile(path)


def written(tensors):
    file = io.BytesIO()
    safetensors_file.write(file, tensors)
    return file.getvalue()


def test_the_bytes_are_those_of_the_library():
    plain = {
        name: np.ascontiguousarray(value.astype(value.dtype.newbyteorder("=")))
        for name, value in TENSORS.items()
    }
    assert written(TENSORS) == safetensors.numpy.save(plain)


def opened(content):
    """The tensors of a file that is open already."""
    return Tensors(SafetensorsFile("file", file=io.BytesIO(content)))


def test_everything_comes_back():
    tensors = {**TENSORS, "scalar": np.array(7, np.int64)}
    found = opened(written(tensors))
    assert found.keys() == tensors.keys()
    assert found.shapes() == {name: value.shape for name, value in tensors.items()}
    for name, value in tensors.items():
        assert found[name].shape == value.shape
        np.testing.assert_array_equal(found[name], value)


def test_no_tensors_at_all():
    found = opened(written({}))
    assert len(found) == 0
    assert found == {}


def test_types_that_have_no_place():
    with pytest.raises(CheckpointError, match="w has the type object"):
        written({"w": np.array([{}])})


@pytest.mark.parametrize("content", [b"", b"\0" * 8, b"{}", b"\xff" * 100])
def test_bytes_of_something_else_are_refused(content):
    with pytest.raises(CheckpointError, match="file: expected a safetensors file"):
        opened(content)


def test_it_is_open_until_it_is_closed(tmp_path):
    """A folder that is deleted meanwhile does not matter, and is deleted whole."""
    path = write(tmp_path, {"v": tensor([4], 0, 16)}, bytes(16))
    file, tensors = SafetensorsFile(path), Tensors(SafetensorsFile(path))
    tensors.close()
    np.testing.assert_array_equal(tensors["v"], np.zeros(4, np.float32))
    tensors.close()
    storage.delete(path)
    np.testing.assert_array_equal(file.read("v"), np.zeros(4, np.float32))
    with pytest.raises(StorageError, match="does not exist"):
        tensors["v"]


def test_a_tensor_on_the_disk_is_looked_at_where_it_lies(tmp_path):
    values = {"a": np.arange(6, dtype=np.float16).reshape(2, 3), "b": np.ones(1)}
    path = str(tmp_path / "x.safetensors")
    with storage.open_write(path) as file:
        safetensors_file.write(file, {**values, "none": np.empty((0, 2))})
    opened = SafetensorsFile(path)
    found = opened.map("a")
    np.testing.assert_array_equal(found, values["a"])
    assert opened.map("none").shape == (0, 2)
    assert not found.flags.owndata
    opened.close()
    storage.delete(path)
    np.testing.assert_array_equal(found, values["a"])


@pytest.mark.usefixtures("fake_bucket")
def test_a_tensor_in_a_bucket_is_there_as_well():
    path = "gs://my-bucket/x.safetensors"
    with storage.open_write(path) as file:
        safetensors_file.write(file, {"a": np.arange(3.0)})
    np.testing.assert_array_equal(SafetensorsFile(path).map("a"), np.arange(3.0))
