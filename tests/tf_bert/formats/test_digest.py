import os
import shutil

import numpy as np
import pytest

from runtime.checkpoints import checkpoints
from runtime.errors import CheckpointError
from runtime.files import tf_checkpoint_writer
from tf_bert.formats import digest, find

GOLDEN = os.path.join(os.path.dirname(__file__), "../../golden")
PLACES = {
    "hugging face": "huggingface_bert_tiny/classifier",
    "kerashub": "kerashub_bert_tiny",
    "tf1": "tf1_bert_tiny/bert_model.ckpt",
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_a_copy_has_the_same(tmp_path, place):
    path = os.path.join(GOLDEN, place)
    if os.path.isdir(path):
        copy = shutil.copytree(path, tmp_path / "copy")
    else:
        shutil.copytree(os.path.dirname(path), tmp_path / "copy")
        copy = tmp_path / "copy" / os.path.basename(path)
    assert digest.of(str(copy)) == digest.of(path)


def test_the_kinds_and_models_differ():
    found = [digest.of(os.path.join(GOLDEN, place)) for place in PLACES.values()]
    assert len(set(found)) == len(PLACES)


def test_one_changed_byte_of_a_file_without_checksums(tmp_path):
    path = shutil.copytree(os.path.join(GOLDEN, PLACES["hugging face"]), tmp_path / "c")
    before = digest.of(str(path))
    weights = path / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    assert digest.of(str(path)) != before


@pytest.mark.parametrize(
    "other", [{"w": [1, 3]}, {"v": [1, 2]}, {"w": [[1, 2]]}, {"w": [1, 2], "v": [1]}]
)
def test_names_shapes_and_numbers_of_a_tensorflow_checkpoint(tmp_path, other):
    def written(values):
        tensors = {name: np.array(x, np.float32) for name, x in values.items()}
        prefix = str(tmp_path / "model.ckpt")
        tf_checkpoint_writer.write(prefix, iter(sorted(tensors.items())))
        return digest.of(prefix)

    assert written({"w": [1, 2]}) == written({"w": [1, 2]}) != written(other)


def test_our_own_is_known_by_its_manifest(tmp_path):
    def saved(name, value, step=1):
        folder = str(tmp_path / name / "checkpoints")
        values = {"w": np.full(2, value, np.float32)}
        checkpoints.save(folder, step=step, weights=values, slots={}, state={"n": name})
        return digest.of(str(tmp_path / name))

    assert saved("one", 1.0) == saved("two", 1.0, step=2) != saved("three", 2.0)
    (tmp_path / "one/checkpoints/step-00000001/weights.safetensors").unlink()
    assert digest.of(str(tmp_path / "one"))  # no weight was read


def test_what_a_run_records(tmp_path):
    path = os.path.join(GOLDEN, PLACES["tf1"])
    found = digest.initial_checkpoint(path)
    assert (found.path, found.digest) == (path, digest.of(path))
    assert digest.initial_checkpoint(None) is None
    assert digest.initial_checkpoint(str(tmp_path / "gone")).digest is None
    with pytest.raises(CheckpointError):
        digest.of(str(tmp_path / "gone"))


def test_the_step_of_each_kind(tmp_path):
    bert = os.path.join(GOLDEN, PLACES["hugging face"])
    copy = shutil.copytree(bert, tmp_path / "checkpoint-70")
    assert find.open_source(str(copy)).step == 0
    (copy / "trainer_state.json").write_text('{"global_step": 70}')
    assert find.open_source(str(copy)).step == 70
    (copy / "trainer_state.json").write_text("{")
    with pytest.raises(CheckpointError, match=r"trainer_state\.json"):
        find.open_source(str(copy))
    prefix = str(tmp_path / "model.ckpt-7")
    tensors = {"global_step": np.array(7, np.int64), "w": np.zeros(1, np.float32)}
    tf_checkpoint_writer.write(prefix, iter(tensors.items()))
    assert find.open_source(prefix).step == 7
