import json
import math
import os
import shutil

import ml_dtypes
import numpy as np
import pytest
import safetensors.numpy

from processors.labels.targets import Targets
from runtime.errors import CheckpointError, SettingsError, StorageError
from tf_bert.formats import hugging_face
from tf_bert.formats.hugging_face import HuggingFaceSource

OUTPUT = 2e-5  # absolute


@pytest.fixture
def folder(hugging_face_dir, tmp_path):
    """The golden classifier, to be changed."""
    return shutil.copytree(f"{hugging_face_dir}/classifier", tmp_path / "model")


@pytest.fixture
def tensors(folder):
    return safetensors.numpy.load_file(folder / "model.safetensors")


def save(folder, tensors, name="model.safetensors"):
    arrays = {key: np.ascontiguousarray(value) for key, value in tensors.items()}
    safetensors.numpy.save_file(arrays, folder / name, metadata={"format": "pt"})


def save_shards(folder, shards, weight_map=None):
    """Replaces the file by shards: file name -> tensors."""
    (folder / "model.safetensors").unlink()
    for name, tensors in shards.items():
        save(folder, tensors, name)
    listed = {tensor: name for name, tensors in shards.items() for tensor in tensors}
    index = {"weight_map": listed if weight_map is None else weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def change_config(folder, **values):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | values))


def refused(folder):
    with pytest.raises((CheckpointError, SettingsError, StorageError)) as caught:
        HuggingFaceSource(str(folder))
    return str(caught.value)


def values(source):
    return {name: source.read(name) for name in source.shapes()}


def assert_same(folder, hugging_face_dir):
    found = values(HuggingFaceSource(str(folder)))
    expected = values(HuggingFaceSource(f"{hugging_face_dir}/classifier"))
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value)


# Numbers -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["classifier", "pretraining"])
def test_outputs_are_those_of_transformers(
    outputs_of, deviation, hugging_face_dir, hugging_face_golden, name
):
    golden = hugging_face_golden
    found = outputs_of(f"{hugging_face_dir}/{name}", golden)
    sequence = golden[f"{name}/last_hidden_state"]
    assert deviation(found["sequence"], sequence, golden["input_mask"]) <= OUTPUT
    assert deviation(found["pooled"], golden[f"{name}/pooler_output"]) <= OUTPUT
    if name == "classifier":
        assert deviation(found["logits"], golden["classifier/logits"]) <= OUTPUT
        assert found["report"].missing == found["report"].left_over == ()


def test_pretraining_heads_are_those_of_transformers(
    deviation, hugging_face_dir, hugging_face_golden
):
    """The heads in plain numpy, from our values of their weights."""
    source = HuggingFaceSource(f"{hugging_face_dir}/pretraining")
    read, golden = source.read, hugging_face_golden
    pooled = golden["pretraining/pooler_output"].astype(np.float64)
    top = "cls/seq_relationship/output_"
    relation = pooled @ read(f"{top}weights").T + read(f"{top}bias")
    expected = golden["pretraining/seq_relationship_logits"]
    assert deviation(relation, expected) <= OUTPUT

    hidden = golden["pretraining/last_hidden_state"].astype(np.float64)
    top = "cls/predictions/transform"
    wide = hidden @ read(f"{top}/dense/kernel") + read(f"{top}/dense/bias")
    wide = 0.5 * wide * (1 + np.vectorize(math.erf)(wide / np.sqrt(2)))
    wide = wide - wide.mean(axis=-1, keepdims=True)
    wide /= np.sqrt((wide**2).mean(axis=-1, keepdims=True) + 1e-5)
    wide = wide * read(f"{top}/LayerNorm/gamma") + read(f"{top}/LayerNorm/beta")
    words = read("bert/embeddings/word_embeddings")
    logits = wide @ words.T + read("cls/predictions/output_bias")
    assert deviation(logits, golden["pretraining/prediction_logits"]) <= OUTPUT


def test_settings_and_labels_follow(hugging_face_dir):
    source = HuggingFaceSource(f"{hugging_face_dir}/classifier")
    assert source.config.hidden_act == "gelu_exact"
    assert source.config.layer_norm_eps == 1e-5
    assert (source.config.vocab_size, source.config.type_vocab_size) == (50, 3)
    assert source.labels == ("cold", "mild", "hot")


# Ways in which folders differ --------------------------------------------------------


def test_old_names_without_a_prefix(folder, tensors, hugging_face_dir):
    def old(name):
        name = name.removeprefix("bert.")
        name = name.replace("LayerNorm.weight", "LayerNorm.gamma")
        return name.replace("LayerNorm.bias", "LayerNorm.beta")

    save(folder, {old(name): value for name, value in tensors.items()})
    assert_same(folder, hugging_face_dir)


def test_buffers_are_no_weights(folder, tensors, hugging_face_dir):
    places = np.arange(20, dtype=np.int64)[None]
    buffers = {
        "bert.embeddings.position_ids": places,
        "embeddings.token_type_ids": places,
    }
    save(folder, tensors | buffers)
    assert_same(folder, hugging_face_dir)


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16])
def test_weights_in_half_the_bits(folder, tensors, dtype):
    halves = {name: value.astype(dtype) for name, value in tensors.items()}
    name = "bfloat16" if dtype is ml_dtypes.bfloat16 else "float16"
    specs = {
        key: safetensors.TensorSpec(
            dtype=name,
            shape=value.shape,
            data_ptr=value.ctypes.data,
            data_len=value.nbytes,
        )
        for key, value in halves.items()
    }
    (folder / "model.safetensors").write_bytes(bytes(safetensors.serialize(specs)))
    source = HuggingFaceSource(str(folder))
    found = source.read("bert/pooler/dense/kernel")
    expected = halves["bert.pooler.dense.weight"].astype(np.float32).T
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, expected)


def test_shards(folder, tensors, hugging_face_dir):
    names = sorted(tensors)
    save_shards(
        folder,
        {
            f"model-0000{n}-of-00003.safetensors": {
                k: tensors[k] for k in names[n - 1 :: 3]
            }
            for n in (1, 2, 3)
        },
    )
    assert_same(folder, hugging_face_dir)


def test_a_head_of_another_kind_is_left_over(folder):
    change_config(folder, architectures=["BertForTokenClassification"])
    shapes = HuggingFaceSource(str(folder)).shapes()
    assert shapes["classifier.weight"] == (3, 16)
    assert "output_weights" not in shapes


@pytest.mark.parametrize("is_tied", [True, False])
def test_the_output_of_a_masked_lm(hugging_face_dir, tmp_path, is_tied):
    folder = shutil.copytree(f"{hugging_face_dir}/pretraining", tmp_path / "model")
    tensors = safetensors.numpy.load_file(folder / "model.safetensors")
    words = tensors["bert.embeddings.word_embeddings.weight"]
    tensors["cls.predictions.decoder.weight"] = words if is_tied else words + 1
    tensors["cls.predictions.decoder.bias"] = tensors["cls.predictions.bias"]
    save(folder, tensors)
    shapes = HuggingFaceSource(str(folder)).shapes()
    assert ("cls/predictions/output_bias" in shapes) is is_tied
    assert ("cls.predictions.decoder.weight" in shapes) is not is_tied


@pytest.mark.parametrize(
    "labels",
    [{"0": "LABEL_0", "1": "LABEL_1", "2": "LABEL_2"}, {"0": "a", "2": "b"}, [1], {}],
)
def test_labels_that_say_nothing(folder, labels):
    change_config(folder, id2label=labels)
    assert HuggingFaceSource(str(folder)).labels == ()


def test_the_cache_of_hugging_face(folder, tmp_path, hugging_face_dir):
    """There a snapshot's files are links to blobs."""
    snapshot, blobs = tmp_path / "cache/snapshots/0a1b", tmp_path / "cache/blobs"
    snapshot.mkdir(parents=True)
    blobs.mkdir()
    for name in ("config.json", "model.safetensors"):
        os.rename(folder / name, blobs / f"{name}-hash")
        os.symlink(f"../../blobs/{name}-hash", snapshot / name)
    assert_same(snapshot, hugging_face_dir)


# What is refused ---------------------------------------------------------------------


def test_a_name_twice(folder, tensors):
    kernel = tensors["bert.pooler.dense.weight"]
    save(folder, tensors | {"pooler.dense.weight": kernel})
    assert "both bert.pooler.dense.weight and pooler.dense.weight" in refused(folder)


def test_quantised_weights(folder, tensors):
    name = "bert.pooler.dense.weight"
    save(folder, tensors | {name: tensors[name].astype(np.int8)})
    source = HuggingFaceSource(str(folder))
    with pytest.raises(CheckpointError, match=r"floating-point .* found int8. Quant"):
        source.read("bert/pooler/dense/kernel")


@pytest.mark.parametrize(
    "name",
    ["../model.safetensors", "/etc/passwd", "a/../../model.safetensors", "..\\x", ""],
)
def test_shards_outside_the_folder(folder, tensors, name):
    save(folder.parent, tensors)
    save_shards(folder, {}, dict.fromkeys(tensors, name))
    assert "expected the name of a file in it" in refused(folder)


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_links_out_of_the_folder(folder, tmp_path, name):
    os.rename(folder / name, tmp_path / name)
    os.symlink(tmp_path / name, folder / name)
    assert "it is a link to" in refused(folder)


@pytest.mark.parametrize(
    ("index", "said"),
    [
        ("[]", "found a list"),
        ("{}", "expected weight_map"),
        ('{"weight_map": {"v": 7}}', "expected weight_map"),
        ('{"weight_map": {"v": "none.safetensors"}}', "does not exist"),
        ('{"weight_map": {"v": "part.safetensors"}}', "v is not in it: part.saf"),
        ('{"weight_map": {"w": "part.safetensors"}}', "x is not listed for it: part"),
    ],
)
def test_indexes_that_do_not_fit(folder, index, said):
    save_shards(folder, {})
    save(folder, {"w": np.zeros(1), "x": np.zeros(1)}, "part.safetensors")
    (folder / "model.safetensors.index.json").write_text(index)
    assert said in refused(folder)


def test_a_file_and_an_index(folder):
    (folder / "model.safetensors.index.json").write_text("{}")
    assert "which of them is meant?" in refused(folder)


def test_a_folder_without_a_configuration(folder):
    (folder / "config.json").unlink()
    assert "config.json: does not exist; it says the sizes" in refused(folder)


def test_a_configuration_that_is_no_berts(folder):
    change_config(folder, model_type="roberta", is_decoder=True)
    message = refused(folder)
    assert message.count(f"{folder}/config.json: ") == 2


# Writing -----------------------------------------------------------------------------


@pytest.mark.parametrize("shard_bytes", [4000, 10**9])
def test_what_is_written_is_read(hugging_face_dir, tmp_path, shard_bytes):
    source = HuggingFaceSource(f"{hugging_face_dir}/classifier")
    hugging_face.write(
        str(tmp_path),
        source,
        names=list(source.shapes()),
        config=source.config,
        special=source.special_ids,
        shard_bytes=shard_bytes,
    )
    assert (tmp_path / "model.safetensors").exists() == (shard_bytes > 4000)
    assert_same(tmp_path, hugging_face_dir)
    if shard_bytes > 4000:
        theirs = f"{hugging_face_dir}/classifier/model.safetensors"
        written = safetensors.numpy.load_file(tmp_path / "model.safetensors")
        assert written.keys() == safetensors.numpy.load_file(theirs).keys()


@pytest.mark.parametrize(
    ("heads", "architecture"),
    [
        ((), "BertModel"),
        (("output_",), "BertForSequenceClassification"),
        (("cls/predictions",), "BertForMaskedLM"),
        (("cls/seq_relationship",), "BertForNextSentencePrediction"),
        (("cls/predictions", "cls/seq_relationship"), "BertForPreTraining"),
    ],
)
def test_the_architecture_follows_the_heads(
    hugging_face_dir, tmp_path, heads, architecture
):
    kind = "classifier" if heads == ("output_",) else "pretraining"
    source = HuggingFaceSource(f"{hugging_face_dir}/{kind}")
    names = [n for n in source.shapes() if n.startswith(("bert/", *heads))]
    hugging_face.write(
        str(tmp_path), source, names=names, config=source.config, special={}
    )
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["architectures"] == [architecture]
    written = safetensors.numpy.load_file(tmp_path / "model.safetensors")
    has_prefix = any(name.startswith("bert.") for name in written)
    assert has_prefix == (architecture != "BertModel")


@pytest.mark.parametrize(
    ("values", "targets"),
    [
        ({}, None),
        ({"problem_type": None}, None),
        ({"problem_type": "single_label_classification"}, Targets.LABEL),
        ({"problem_type": "multi_label_classification"}, Targets.LABELS),
        ({"problem_type": "regression"}, Targets.NUMBER),
        ({"id2label": {"0": "LABEL_0"}}, Targets.NUMBER),
        ({"id2label": None, "num_labels": 1}, Targets.NUMBER),
        (
            {"id2label": {"0": "x"}, "problem_type": "multi_label_classification"},
            Targets.LABELS,
        ),
    ],
)
def test_what_a_classifier_answers(folder, values, targets):
    change_config(folder, **values)
    assert HuggingFaceSource(str(folder)).targets is targets


def test_a_problem_that_nobody_knows(folder):
    change_config(folder, problem_type="ranking")
    assert "expected one of single_label_classification, multi_" in refused(folder)
