import json
import os
import shutil

import h5py
import numpy as np
import pytest

from runtime.errors import CheckpointError, StorageError
from tf_bert.formats.keras_hub import KerasHubSource

OUTPUT = 2e-5  # absolute


@pytest.fixture
def folder(keras_hub_dir, tmp_path):
    """The golden preset, to be changed."""
    return shutil.copytree(keras_hub_dir, tmp_path / "model")


def change(path, **values):
    content = json.loads(path.read_text())
    path.write_text(json.dumps(content | values))


def refused(folder):
    with pytest.raises((CheckpointError, StorageError)) as caught:
        KerasHubSource(str(folder))
    return str(caught.value)


def test_outputs_are_those_of_keras_hub(
    outputs_of, deviation, keras_hub_dir, keras_hub_golden
):
    golden = keras_hub_golden
    found = outputs_of(keras_hub_dir, golden)
    sequence = golden["sequence_output"]
    assert deviation(found["sequence"], sequence, golden["input_mask"]) <= OUTPUT
    assert deviation(found["pooled"], golden["pooled_output"]) <= OUTPUT
    assert deviation(found["logits"], golden["logits"]) <= OUTPUT
    assert found["report"].missing == found["report"].left_over == ()


def test_a_backbone_without_a_task(folder, keras_hub_dir):
    os.remove(folder / "task.json")
    shapes = KerasHubSource(str(folder)).shapes()
    whole = KerasHubSource(keras_hub_dir).shapes()
    assert whole.keys() - shapes.keys() == {"output_weights", "output_bias"}


def test_the_head_of_another_task_is_not_read(folder):
    change(folder / "task.json", class_name="BertTextEmbedder")
    assert "output_weights" not in KerasHubSource(str(folder)).shapes()


def test_a_masked_lm(folder):
    change(folder / "task.json", class_name="BertMaskedLM")
    os.remove(folder / "task.weights.h5")
    head = "layers/masked_lm_head"
    with h5py.File(folder / "task.weights.h5", "w") as file:
        file[f"{head}/vars/0"] = np.zeros(50, np.float32)
        file[f"{head}/_intermediate_dense/vars/0"] = np.ones((16, 16), np.float32)
        file["layers/dense/vars/0"] = np.ones((16, 3), np.float32)
    shapes = KerasHubSource(str(folder)).shapes()
    assert shapes["cls/predictions/output_bias"] == (50,)
    assert shapes["cls/predictions/transform/dense/kernel"] == (16, 16)
    assert shapes["task/layers/dense/vars/0"] == (16, 3)


# What is refused ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"class_name": "RobertaBackbone"}, "expected a BertBackbone, found 'Roberta"),
        ({"config": None}, "expected an object with a `config`"),
        ({"config": {}}, "has no vocabulary_size"),
    ],
)
def test_configurations_of_other_models(folder, values, said):
    change(folder / "config.json", **values)
    message = refused(folder)
    assert said in message
    assert f"{folder}/config.json" in message


def test_heads_that_contradict_the_weights(folder):
    config = json.loads((folder / "config.json").read_text())["config"]
    change(folder / "config.json", config=config | {"num_heads": 8})
    assert "shape (4, 4), but config.json says num_heads=8" in refused(folder)


def test_no_object_of_a_configuration_is_made(folder, tmp_path):
    """Keras would import the module that a configuration names."""
    (folder / "evil.py").write_text(f"open({str(tmp_path / 'made')!r}, 'w')")
    change(folder / "config.json", module="evil", registered_name="evil>BertBackbone")
    KerasHubSource(str(folder))
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    "name", ["config.json", "model.weights.h5", "task.json", "task.weights.h5"]
)
def test_links_out_of_the_folder(folder, tmp_path, name):
    os.rename(folder / name, tmp_path / name)
    os.symlink(tmp_path / name, folder / name)
    assert "it is a link to" in refused(folder)


def test_a_link_inside_the_weights(folder, tmp_path):
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["v"] = np.ones((16, 16), np.float32)
    with h5py.File(folder / "model.weights.h5", "a") as file:
        del file["layers/dense/vars/0"]
        outside = h5py.ExternalLink(str(tmp_path / "other.h5"), "/v")
        file["layers/dense/vars/0"] = outside
    assert "bert/pooler/dense/kernel" not in KerasHubSource(str(folder)).shapes()
