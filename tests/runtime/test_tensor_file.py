import io

import numpy as np
import pytest
import safetensors.numpy

from runtime import tensor_file
from runtime.errors import CheckpointError

TENSORS = {
    "b/語": np.arange(6, dtype=np.float32).reshape(2, 3).T,
    "every/second": np.arange(10)[::2],
    "empty": np.zeros((0, 4), np.float32),
    "flags": np.array([True, False, True]),
    "half": np.array([0.5, -2.0, 1.0], np.float16),
    "big-endian": np.arange(3, dtype=">f8"),
}


def written(tensors):
    file = io.BytesIO()
    tensor_file.write(file, tensors)
    return file.getvalue()


def test_the_bytes_are_those_of_the_library():
    plain = {
        name: np.ascontiguousarray(value.astype(value.dtype.newbyteorder("=")))
        for name, value in TENSORS.items()
    }
    assert written(TENSORS) == safetensors.numpy.save(plain)


def test_everything_comes_back():
    tensors = {**TENSORS, "scalar": np.array(7, np.int64)}
    found = tensor_file.parse(written(tensors), path="file")
    assert found.keys() == tensors.keys()
    for name, value in tensors.items():
        assert found[name].shape == value.shape
        np.testing.assert_array_equal(found[name], value)


def test_nothing_at_all():
    assert tensor_file.parse(written({}), path="file") == {}


def test_types_that_have_no_place():
    with pytest.raises(CheckpointError, match="w has the type object"):
        written({"w": np.array([{}])})


@pytest.mark.parametrize("content", [b"", b"\0" * 8, b"{}", b"\xff" * 100])
def test_other_bytes_are_refused(content):
    with pytest.raises(CheckpointError, match="file: expected a safetensors file"):
        tensor_file.parse(content, path="file")
