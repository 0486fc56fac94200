import os
import shutil

import pytest

from runtime.errors import CheckpointError, StorageError
from tf_bert.formats import find
from tf_bert.formats.convert import Conversion, convert
from tf_bert.formats.names import WeightsFormat

TF1_FILES = (
    "bert_model.ckpt.index",
    "bert_model.ckpt.data-00000-of-00001",
    "bert_config.json",
)


def copy_tensorflow(golden_dir, folder):
    os.makedirs(folder, exist_ok=True)
    for name in TF1_FILES:
        shutil.copy(f"{golden_dir}/{name}", folder)


@pytest.fixture
def run(golden_dir, tmp_path):
    """A folder with one of our checkpoints."""
    convert(
        Conversion(
            input=f"{golden_dir}/bert_model.ckpt",
            output=str(tmp_path / "run"),
            to=WeightsFormat.NATIVE,
        )
    )
    return str(tmp_path / "run")


@pytest.mark.parametrize("ending", ["", "/"])
def test_each_folder_shows_its_kind(
    golden_dir, hugging_face_dir, keras_hub_dir, run, ending
):
    kinds = {
        golden_dir: WeightsFormat.TF1,
        f"{hugging_face_dir}/classifier": WeightsFormat.HUGGING_FACE,
        keras_hub_dir: WeightsFormat.KERAS_HUB,
        run: WeightsFormat.NATIVE,
        f"{run}/checkpoints": WeightsFormat.NATIVE,
        f"{run}/checkpoints/step-00000000": WeightsFormat.NATIVE,
    }
    assert {path: find.open_source(path + ending).kind for path in kinds} == kinds


@pytest.mark.parametrize("name", ["", "bert_model.ckpt", *TF1_FILES[:2]])
def test_a_published_folder_of_google(golden_dir, tmp_path, name):
    """It has no `checkpoint` file."""
    copy_tensorflow(golden_dir, tmp_path)
    source = find.open_source(os.path.join(tmp_path, name))
    assert source.kind is WeightsFormat.TF1
    assert source.config.hidden_size == 64


def test_several_kinds_in_a_folder(
    golden_dir, hugging_face_dir, keras_hub_dir, run, tmp_path
):
    mixed = str(tmp_path / "mixed")
    shutil.copytree(f"{hugging_face_dir}/classifier", mixed)
    copy_tensorflow(golden_dir, mixed)
    with pytest.raises(CheckpointError, match=r"kinds: huggingface and tf1\. Name the"):
        find.open_source(mixed)
    shutil.copytree(f"{run}/checkpoints", f"{mixed}/checkpoints")
    with pytest.raises(CheckpointError, match="huggingface and native and tf1"):
        find.open_source(mixed)
    for name, kind in (
        ("model.safetensors", WeightsFormat.HUGGING_FACE),
        ("bert_model.ckpt", WeightsFormat.TF1),
        ("checkpoints", WeightsFormat.NATIVE),
    ):
        assert find.open_source(f"{mixed}/{name}").kind is kind


@pytest.mark.parametrize("is_named", [True, False])
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("pytorch_model.bin", r"is a pickle.*save_pretrained\(FOLDER"),
        ("pytorch_model.bin.index.json", "is a pickle"),
        ("tf_model.h5", "give its model.safetensors"),
        ("flax_model.msgpack", "give its model.safetensors"),
        ("model.weights.json", "names weights in shards"),
    ],
)
def test_what_is_not_read(tmp_path, name, said, is_named):
    (tmp_path / name).write_bytes(b"\x80\x04cos\nsystem\n")
    path = str(tmp_path / name) if is_named else str(tmp_path)
    with pytest.raises(CheckpointError, match=said):
        find.open_source(path)


def test_a_pickle_beside_safetensors_is_passed_by(hugging_face_dir, tmp_path):
    folder = shutil.copytree(f"{hugging_face_dir}/classifier", tmp_path / "model")
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04cos\nsystem\n")
    assert find.open_source(str(folder)).kind is WeightsFormat.HUGGING_FACE


def test_nothing_at_all(tmp_path):
    for path in (tmp_path, tmp_path / "none", tmp_path / "none/bert_model.ckpt"):
        with pytest.raises(CheckpointError, match="looked for"):
            find.open_source(str(path))


@pytest.mark.parametrize("name", TF1_FILES)
def test_links_out_of_a_tensorflow_folder(golden_dir, tmp_path, name):
    folder = tmp_path / "model"
    copy_tensorflow(golden_dir, folder)
    os.rename(folder / name, tmp_path / name)
    os.symlink(tmp_path / name, folder / name)
    with pytest.raises(StorageError, match="it is a link to"):
        find.open_source(str(folder))


def test_the_configuration_of_weights_that_are_elsewhere(golden_dir, tmp_path):
    shutil.copy(f"{golden_dir}/bert_config.json", tmp_path)
    assert find.find_config(f"{tmp_path}/bert_model.ckpt").hidden_size == 64
    assert find.find_config(f"{tmp_path}/none/bert_model.ckpt") is None
