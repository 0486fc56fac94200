import os

import numpy as np
import pytest

from runtime.errors import CheckpointError
from runtime.files import tf_checkpoint_writer
from runtime.files.tf_checkpoint import TensorBundle

GOLDEN = os.path.join(os.path.dirname(__file__), "../../golden/tf1_bert_tiny")
SUFFIXES = (".index", ".data-00000-of-00001")


@pytest.fixture
def tf():
    return pytest.importorskip("tensorflow")


def content(prefix):
    found = []
    for suffix in SUFFIXES:
        with open(f"{prefix}{suffix}", "rb") as file:
            found.append(file.read())
    return found


def every_type():
    random = np.random.default_rng(0)
    types = "float32 float64 float16 int64 int32 int16 int8 uint8 uint16 uint32 uint64"
    tensors = {
        name: random.integers(0, 100, (3, 4)).astype(name) for name in types.split()
    }
    tensors["bool"] = np.array([True, False])
    tensors["complex64"] = np.complex64([1 + 2j])
    tensors["complex128"] = np.complex128([3 - 4j])
    tensors["scalar"] = np.float32(3.5) * np.ones(())
    tensors["empty"] = np.zeros([0, 4], np.float32)
    tensors["name/with/語"] = np.float32([1])
    return dict(sorted(tensors.items()))


@pytest.mark.parametrize("name", ["bert_model.ckpt", "model.ckpt-20"])
def test_the_bytes_are_those_of_tensorflow_1(tmp_path, name):
    bundle = TensorBundle(f"{GOLDEN}/{name}")
    tensors = ((each, bundle.read(each)) for each in bundle.names())
    tf_checkpoint_writer.write(f"{tmp_path}/copy", tensors)
    assert content(f"{tmp_path}/copy") == content(f"{GOLDEN}/{name}")


def test_the_bytes_are_those_of_tensorflow_2(tf, tmp_path):
    tensors = every_type()
    many = {f"layer_{n}/{'deep/' * 9}kernel": np.float32([n]) for n in range(9000)}
    for name, written in (("types", tensors), ("many", dict(sorted(many.items())))):
        tf_checkpoint_writer.write(f"{tmp_path}/ours-{name}", written.items())
        tf.raw_ops.SaveV2(
            prefix=f"{tmp_path}/theirs-{name}",
            tensor_names=list(written),
            shape_and_slices=[""] * len(written),
            tensors=[tf.constant(value) for value in written.values()],
        )
        assert content(f"{tmp_path}/ours-{name}") == content(
            f"{tmp_path}/theirs-{name}"
        )


def test_tensorflow_opens_the_folder(tf, tmp_path):
    tensors = every_type()
    tf_checkpoint_writer.write(f'{tmp_path}/重み "A"', tensors.items())
    tf_checkpoint_writer.write_state(str(tmp_path), '重み "A"')
    prefix = tf.train.latest_checkpoint(str(tmp_path))
    assert prefix == f'{tmp_path}/重み "A"'
    reader = tf.train.load_checkpoint(prefix)
    assert reader.get_variable_to_shape_map().keys() == tensors.keys()
    for name, value in tensors.items():
        found = np.asarray(reader.get_tensor(name))
        assert found.dtype == value.dtype
        np.testing.assert_array_equal(found, value)


def test_a_transposed_view_is_written_as_it_looks(tmp_path):
    value = np.arange(6, dtype=np.float32).reshape(2, 3).T
    tf_checkpoint_writer.write(f"{tmp_path}/x", [("v", value)])
    np.testing.assert_array_equal(TensorBundle(f"{tmp_path}/x").read("v"), value)


@pytest.mark.parametrize(
    ("tensors", "said"),
    [
        ([("v", np.array(["a"]))], "no number type"),
        ([("v", np.zeros(1)), ("v", np.zeros(1))], "'v' again"),
    ],
)
def test_what_cannot_be_written_leaves_nothing(tmp_path, tensors, said):
    with pytest.raises(ValueError, match=said):
        tf_checkpoint_writer.write(f"{tmp_path}/x", tensors)
    assert os.listdir(tmp_path) == []


def test_more_axes_than_are_read(tmp_path):
    tf_checkpoint_writer.write(f"{tmp_path}/x", [("v", np.zeros((1,) * 33))])
    with pytest.raises(CheckpointError, match="v has 33 axes"):
        TensorBundle(f"{tmp_path}/x").check("v")
