"""What people give for weights: taken where it can be, else refused by its name."""

import os
import shutil

import numpy as np
import pytest

from runtime.checkpoints import checkpoints
from runtime.errors import CheckpointError, SettingsError
from runtime.files import tf_checkpoint_writer
from tf_bert.formats import find, weights
from tf_bert.formats.names import WeightsFormat
from tf_bert.model.config import BertConfig

FILES = (
    "bert_model.ckpt.index",
    "bert_model.ckpt.data-00000-of-00001",
    "bert_config.json",
)


def copy_tensorflow(golden_dir, folder):
    os.makedirs(folder, exist_ok=True)
    for name in FILES:
        shutil.copy(f"{golden_dir}/{name}", folder)


def refused(path):
    with pytest.raises(CheckpointError) as caught:
        find.open_source(str(path))
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    return message


# Names instead of paths --------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("bert-base-japanese", "bert-base-japanese"),
        ("cl-tohoku/bert-base-v3", "cl-tohoku/bert-base-v3"),
        ("hf://cl-tohoku/bert-base-v3", "cl-tohoku/bert-base-v3"),
        ("https://huggingface.co/a/b", "a/b"),
        ("https://huggingface.co/a/b/tree/main", "a/b"),
        ("https://huggingface.co/a/resolve/main/x", "a"),
    ],
)
def test_models_of_hugging_face(tmp_path, monkeypatch, name, model):
    monkeypatch.chdir(tmp_path)
    message = refused(name)
    assert "nothing is downloaded" in message
    folder = model.rpartition("/")[2]
    assert f"hf download {model} --local-dir {folder}`" in message


@pytest.mark.parametrize(
    "name",
    [
        "https://tfhub.dev/google/bert_uncased_L-12_H-768_A-12/1",
        "https://www.kaggle.com/models/google/bert",
        "kaggle://google/bert",
        "tensorflow/bert/tensorFlow2/en-uncased/4",
    ],
)
def test_models_of_tf_hub(name):
    message = refused(name)
    assert "Nothing is downloaded, and their modules are not read" in message


@pytest.mark.parametrize("name", ["s3://bucket/bert", "https://example.com/bert.zip"])
def test_places_that_are_not_read(name):
    scheme = name.partition("//")[0]
    assert f"lies behind {scheme}//, from where nothing is dow" in refused(name)


def test_a_path_to_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models/uncased_L-12").mkdir(parents=True)
    message = refused("models/uncased_L12")
    assert message.endswith("/uncased_L12.index, too; models holds uncased_L-12.")
    assert "hf download" not in message
    nowhere = tmp_path / "none/bert_model.ckpt"
    assert f"; the folder {tmp_path}/none does not exist." in refused(nowhere)
    assert "; the working folder holds models." in refused("bert_model.ckpt")
    assert "hf download" not in refused("uncased.zip")


# Files and folders of other programs -------------------------------------------------


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("weights.h5", "is a file of Keras in HDF5"),
        ("model.keras", "is a whole model of Keras"),
        ("uncased_L-12.zip", "is an archive. Unpack it (unzip FILE"),
        ("bert.tar.gz", "is an archive. Unpack it (mkdir FOLDER && tar"),
        ("bert.tgz", "is an archive"),
        ("epoch=1.ckpt", "is a pickle of PyTorch"),
        ("model.pt", "is a pickle of PyTorch"),
        ("model.pth", "is a pickle of PyTorch"),
        ("pytorch_model.bin", "is a pickle of PyTorch"),
        ("model.onnx", "is an exported model"),
        ("model.gguf", "is a quantised model of llama.cpp"),
        ("flax_model.msgpack", "give its model.safetensors"),
        ("saved_model.pb", "a SavedModel of TensorFlow, which is not read"),
        ("tfhub_module.pb", "a TF-Hub module, which is not read"),
        ("vectors.npz", "holds arrays of NumPy"),
    ],
)
def test_files_that_are_not_read(tmp_path, name, said):
    """By the file, and by a folder that holds nothing else."""
    (tmp_path / name).write_bytes(b"PK\x03\x04")
    assert said in refused(tmp_path / name)
    (tmp_path / "README.md").write_text("a model")
    assert said in refused(tmp_path)


def test_a_tf_hub_module_is_no_mere_saved_model(tmp_path):
    for name in ("saved_model.pb", "tfhub_module.pb"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "variables").mkdir()
    assert "a TF-Hub module" in refused(tmp_path)


def test_a_file_that_is_no_weights(tmp_path):
    (tmp_path / "vocab.txt").write_text("[PAD]\n")
    message = refused(tmp_path / "vocab.txt")
    assert "is no file that weights are known by. Give the folder" in message
    assert refused(tmp_path).endswith("of a run; found vocab.txt.")


def write_tensorflow(prefix, names):
    zeros = np.zeros((2, 2), np.float32)
    tf_checkpoint_writer.write(str(prefix), iter([(n, zeros) for n in sorted(names)]))
    return str(prefix)


def test_a_checkpoint_of_tensorflow_2(tmp_path):
    prefix = write_tensorflow(
        tmp_path / "ckpt-1",
        ["model/layer-0/kernel/.ATTRIBUTES/VARIABLE_VALUE", "save_counter"],
    )
    assert "is a checkpoint of TensorFlow 2" in refused(prefix)


@pytest.mark.parametrize(
    ("more", "model"),
    [
        ("bert/encoder/transformer/group_0/inner_group_0/ffn_1/bias", "an ALBERT"),
        ("electra/encoder/layer_0/output/dense/bias", "an ELECTRA"),
        ("model/h0/attn/c_attn/w", "a GPT-2"),
    ],
)
def test_the_variables_of_another_model(tmp_path, more, model):
    """Some are called as BERT's, and their shapes would be complained of first."""
    prefix = write_tensorflow(
        tmp_path / "model.ckpt-best", ["bert/embeddings/word_embeddings", more]
    )
    with pytest.raises(CheckpointError) as caught:
        weights.check(
            find.open_source(prefix), config=BertConfig(9), allow_partial=False
        )
    assert str(caught.value).startswith(f"{prefix} is {model}, which computes other")
    assert "\n" not in str(caught.value)


def test_the_configuration_of_another_model(hugging_face_dir, tmp_path):
    folder = shutil.copytree(f"{hugging_face_dir}/classifier", tmp_path / "model")
    (folder / "config.json").write_text('{"model_type": "roberta", "vocab_size": 9}')
    with pytest.raises(SettingsError, match=r"config\.json: .* is a RoBERTa, which"):
        find.open_source(str(folder))


# What is taken -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "bert_model.ckpt.index",
        "bert_model.ckpt.data-00000-of-00001",
        "bert_model.ckpt.meta",
        "checkpoint",
    ],
)
def test_the_files_of_a_tensorflow_checkpoint(golden_dir, tmp_path, name):
    copy_tensorflow(golden_dir, tmp_path)
    (tmp_path / "bert_model.ckpt.meta").write_bytes(b"")
    state = 'model_checkpoint_path: "bert_model.ckpt"\n'
    (tmp_path / "checkpoint").write_text(state)
    source = find.open_source(str(tmp_path / name))
    assert (source.kind, source.path) == (
        WeightsFormat.TF1,
        f"{tmp_path}/bert_model.ckpt",
    )


def test_a_folder_too_many(golden_dir, hugging_face_dir, tmp_path):
    """As an archive leaves it that was unpacked in a folder of its own."""
    outer = tmp_path / "uncased"
    copy_tensorflow(golden_dir, f"{outer}/uncased_L-12")
    (outer / "__MACOSX").mkdir()
    found = find.open_source(str(outer))
    assert found.path == f"{outer}/uncased_L-12/bert_model.ckpt"
    shutil.copytree(f"{hugging_face_dir}/classifier", outer / "hugging")
    message = refused(outer)
    assert f"several of its folders: {outer}/hugging, {outer}/uncased_L-12" in message


def test_the_cache_of_hugging_face(hugging_face_dir, tmp_path):
    place = "snapshots/1f2e"
    shutil.copytree(f"{hugging_face_dir}/classifier", tmp_path / place)
    (tmp_path / "blobs").mkdir()
    assert find.open_source(str(tmp_path)).path == f"{tmp_path}/{place}"


@pytest.fixture
def run(tmp_path):
    """Saves a checkpoint of a run."""

    def save(**state):
        return checkpoints.save(
            str(tmp_path / "run/checkpoints"),
            step=5,
            weights={"bert/pooler/dense/bias": np.zeros(2, np.float32)},
            slots={},
            state=state,
        )

    return save


def test_the_weights_file_of_a_run(run, tmp_path):
    folder = run()
    run()  # again, into the second names
    assert os.path.exists(f"{folder}/weights.2.safetensors")
    assert find.open_source(f"{folder}/weights.2.safetensors").path == folder
    shutil.copy(f"{folder}/weights.2.safetensors", tmp_path / "weights.safetensors")
    assert "no file that weights are known by" in refused(
        tmp_path / "weights.safetensors"
    )


def test_a_run_without_a_complete_checkpoint(run, tmp_path):
    os.remove(f"{run()}/manifest.json")
    assert "complete checkpoints of a run; found check" in refused(tmp_path / "run")


def test_the_run_of_an_lstm(run, tmp_path):
    run(lstm_config={"hidden_size": 2})
    with pytest.raises(CheckpointError, match="is the checkpoint of an LSTM, not of"):
        find.open_source(str(tmp_path / "run"))
