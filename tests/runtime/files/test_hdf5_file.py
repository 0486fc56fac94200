import h5py
import ml_dtypes
import numpy as np
import pytest

from runtime import storage
from runtime.errors import CheckpointError, StorageError
from runtime.files import hdf5_file
from runtime.files.hdf5_file import Hdf5File


def test_what_is_written_is_read(tmp_path):
    arrays = {
        "layers/dense/vars/0": np.arange(6, dtype=np.float32).reshape(2, 3),
        "layers/dense/vars/1": np.float64([1]),
        "vars/0": np.int64([3]),
    }
    path = str(tmp_path / "file.h5")
    storage.write_bytes(path, hdf5_file.file_bytes(arrays))
    file = Hdf5File(path)
    assert file.shapes() == {name: value.shape for name, value in arrays.items()}
    for name, value in arrays.items():
        np.testing.assert_array_equal(file.read(name), value)


def test_bfloat16_as_keras_writes_it(tmp_path):
    values = np.array([[1, -2.5], [1e30, 0.1]], ml_dtypes.bfloat16)
    path = str(tmp_path / "file.h5")
    with h5py.File(path, "w") as file:
        made = file.create_dataset("v", data=values)
        made.attrs["dtype"] = "bfloat16"
    found = Hdf5File(path).read("v")
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, values.astype(np.float32))


def external(file, folder):
    file.create_dataset("v", (4,), "f4", external=[(f"{folder}/secret", 0, 16)])


def virtual(file, folder):
    layout = h5py.VirtualLayout((4,), "f4")
    layout[:] = h5py.VirtualSource(f"{folder}/other.h5", "v", (4,))
    file.create_virtual_dataset("v", layout)


def never_written(file, folder):
    file.create_dataset("v", (2**40,), "f4")


def bomb(file, folder):
    file.create_dataset("v", (2**40,), "f4", chunks=(2**20,), compression="gzip")


def text(file, folder):
    file["v"] = ["a", "b"]


def reference(file, folder):
    file["v"] = np.array([file.ref], h5py.ref_dtype)


def record(file, folder):
    file["v"] = np.zeros(2, [("a", "f4"), ("b", "f4")])


def no_value(file, folder):
    file["v"] = h5py.Empty("f4")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (external, "lie in another file"),
        (virtual, "lie in another file"),
        (never_written, "takes 4398046511104 bytes, but the file holds 0"),
        (bomb, "found one in chunks"),
        (text, "expected numbers"),
        (reference, "expected numbers"),
        (record, "expected numbers"),
        (no_value, "or none"),
    ],
)
def test_arrays_that_are_not_plain(tmp_path, make, said):
    (tmp_path / "secret").write_bytes(bytes(16))
    path = str(tmp_path / "file.h5")
    with h5py.File(path, "w") as file:
        make(file, str(tmp_path))
    with pytest.raises(CheckpointError, match=said) as caught:
        Hdf5File(path)
    assert str(caught.value).startswith(f"{path}: v: ")


@pytest.mark.parametrize(
    "link", [h5py.SoftLink("/v"), h5py.ExternalLink("other.h5", "/v")]
)
def test_links_are_not_followed(tmp_path, link):
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["v"] = np.float32([1])
    path = str(tmp_path / "file.h5")
    with h5py.File(path, "w") as file:
        file["w"] = np.float32([1])
        file["link"] = link
    assert Hdf5File(path).shapes() == {"w": (1,)}


@pytest.mark.parametrize("content", [b"", b"\x89HDF\r\n\x1a\n", b"no such thing" * 99])
def test_what_is_no_hdf5(tmp_path, content):
    path = str(tmp_path / "file.h5")
    storage.write_bytes(path, content)
    with pytest.raises(CheckpointError, match="expected an HDF5 file"):
        Hdf5File(path)


def test_a_truncated_file(tmp_path):
    path = str(tmp_path / "file.h5")
    whole = hdf5_file.file_bytes({"v": np.arange(5000, dtype=np.float32)})
    for length in range(0, len(whole), 1000):
        storage.write_bytes(path, whole[:length])
        with pytest.raises(CheckpointError):
            Hdf5File(path).read("v")


def test_a_missing_file(tmp_path):
    with pytest.raises(StorageError, match="does not exist"):
        Hdf5File(str(tmp_path / "file.h5"))
