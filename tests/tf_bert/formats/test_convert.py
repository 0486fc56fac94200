import dataclasses
import json
import os
import shutil

import numpy as np
import pytest

from processors.batches.batch_shape import PadTo
from processors.labels.targets import Targets
from runtime import storage
from runtime.errors import CheckpointError, SettingsError
from tf_bert.classifier import run as classify
from tf_bert.classifier.preparation import prepare
from tf_bert.classifier.settings import ClassifierSettings
from tf_bert.formats import find, variables
from tf_bert.formats.convert import Conversion, convert
from tf_bert.formats.names import WeightsFormat
from tf_bert.model.config import BertConfig

OUTPUT = 2e-5  # absolute
SUFFIXES = (".index", ".data-00000-of-00001")


def carry(source, output, to, **settings):
    settings = {"do_lower_case": True, "allow_inexact": True} | settings
    return convert(Conversion(input=str(source), output=str(output), to=to, **settings))


def read_bytes(path):
    with open(path, "rb") as file:
        return file.read()


@pytest.fixture(scope="module")
def sources(golden_dir, hugging_face_dir, keras_hub_dir, tmp_path_factory):
    """A path of each kind, each a model of its own; not to be changed."""
    native = tmp_path_factory.mktemp("sources") / "native"
    carry(f"{golden_dir}/model.ckpt-20", native, WeightsFormat.NATIVE)
    return {
        WeightsFormat.TF1: f"{golden_dir}/model.ckpt-20",
        WeightsFormat.HUGGING_FACE: f"{hugging_face_dir}/classifier",
        WeightsFormat.KERAS_HUB: keras_hub_dir,
        WeightsFormat.NATIVE: str(native),
    }


@pytest.mark.parametrize("to", WeightsFormat)
@pytest.mark.parametrize("kind", WeightsFormat)
def test_between_any_two(sources, tmp_path, kind, to):
    report = carry(sources[kind], tmp_path / "made", to)
    source, made = map(find.open_source, (sources[kind], str(tmp_path / "made")))
    assert (source.kind, made.kind) == (kind, to)
    names = [name for name, _, _ in report.carried]
    assert "output_weights" in names
    assert set(made.shapes()) == set(names)
    for name in names:
        np.testing.assert_array_equal(made.read(name), source.read(name))
    expected = source.config
    if (kind, to) == (WeightsFormat.HUGGING_FACE, WeightsFormat.KERAS_HUB):
        expected = dataclasses.replace(
            expected, hidden_act="gelu", layer_norm_eps=1e-12
        )
    assert variables.decided_otherwise(made.config, expected) == []
    if to is not WeightsFormat.KERAS_HUB:
        assert made.config == expected


@pytest.mark.parametrize("name", ["bert_model.ckpt", "model.ckpt-20"])
def test_tensorflow_and_back_by_hugging_face_is_identical(golden_dir, tmp_path, name):
    original = f"{golden_dir}/{name}"
    carry(original, tmp_path / "there", WeightsFormat.HUGGING_FACE)
    carry(tmp_path / "there", tmp_path / "back", WeightsFormat.TF1)
    before, after = map(find.open_source, (original, str(tmp_path / "back")))
    weights = [n for n in before.shapes() if "adam" not in n and n != "global_step"]
    assert sorted(weights) == sorted(after.shapes())
    for each in weights:
        assert before.read(each).tobytes() == after.read(each).tobytes()
    if name == "bert_model.ckpt":  # which holds nothing but weights
        for suffix in SUFFIXES:
            written = read_bytes(f"{tmp_path}/back/bert_model.ckpt{suffix}")
            assert written == read_bytes(original + suffix)


def test_the_report(golden_dir, tmp_path):
    lines = str(
        carry(f"{golden_dir}/model.ckpt-20", tmp_path / "made", WeightsFormat.KERAS_HUB)
    ).splitlines()
    assert lines[0] == f"tf1 {golden_dir}/model.ckpt-20 -> kerashub {tmp_path}/made"
    assert "  output_weights (9, 64) -> task/layers/dense/vars/0" in lines
    assert "Written and read back equal: 57 variables" in lines
    [left_out] = [line for line in lines if line.startswith("Not carried over: ")]
    assert left_out.count("cls/") == 7
    assert "Optimiser state and steps, not read: 115" in lines
    assert "No tokenizer lies beside the weights: give --vocab_file." in lines


def test_labels_travel(hugging_face_dir, tmp_path):
    carry(f"{hugging_face_dir}/classifier", tmp_path / "native", WeightsFormat.NATIVE)
    carry(tmp_path / "native", tmp_path / "back", WeightsFormat.HUGGING_FACE)
    config = json.loads((tmp_path / "back/config.json").read_text())
    assert config["id2label"] == {"0": "cold", "1": "mild", "2": "hot"}
    assert config["label2id"]["hot"] == 2
    assert config["architectures"] == ["BertForSequenceClassification"]
    assert find.open_source(str(tmp_path / "back")).labels == ("cold", "mild", "hot")


@pytest.mark.parametrize(
    ("problem_type", "targets"),
    [("multi_label_classification", Targets.LABELS), ("regression", Targets.NUMBER)],
)
def test_what_a_classifier_answers_travels(
    hugging_face_dir, tmp_path, problem_type, targets
):
    source = shutil.copytree(f"{hugging_face_dir}/classifier", tmp_path / "source")
    config = json.loads((source / "config.json").read_text())
    config["problem_type"] = problem_type
    (source / "config.json").write_text(json.dumps(config))
    carry(source, tmp_path / "native", WeightsFormat.NATIVE)
    assert find.open_source(str(tmp_path / "native")).targets is targets
    report = carry(tmp_path / "native", tmp_path / "back", WeightsFormat.HUGGING_FACE)
    assert "problem_type" not in str(report)
    written = json.loads((tmp_path / "back/config.json").read_text())
    assert written["problem_type"] == problem_type
    lost = carry(source, tmp_path / "tf1", WeightsFormat.TF1)
    assert f"the setting problem_type={problem_type}" in lost.left_out


# What is refused ---------------------------------------------------------------------


def test_an_output_that_is_not_empty(golden_dir, tmp_path):
    (tmp_path / "file").write_text("mine")
    for output in (tmp_path, tmp_path / "file"):
        with pytest.raises(SettingsError, match="there and not empty"):
            carry(f"{golden_dir}/bert_model.ckpt", output, WeightsFormat.NATIVE)
    assert os.listdir(tmp_path) == ["file"]


def test_what_keras_hub_would_compute_otherwise(hugging_face_dir, tmp_path):
    source = f"{hugging_face_dir}/classifier"
    with pytest.raises(CheckpointError) as caught:
        carry(source, tmp_path / "made", WeightsFormat.KERAS_HUB, allow_inexact=False)
    message = str(caught.value)
    assert "hidden_act=gelu, this model with gelu_exact" in message
    assert "layer_norm_eps=1e-12, this model with 1e-05" in message
    assert not (tmp_path / "made").exists()
    report = carry(source, tmp_path / "made", WeightsFormat.KERAS_HUB)
    assert any("gelu_exact" in note for note in report.notes)


def test_the_masked_lm_head_of_keras_hub(golden_dir, tmp_path):
    """Only the encoder is exact there, so only the encoder is carried unasked."""
    source = f"{golden_dir}/bert_model.ckpt"
    report = carry(
        source, tmp_path / "exact", WeightsFormat.KERAS_HUB, allow_inexact=False
    )
    assert any("masked-LM head computes with erf GELU" in n for n in report.notes)
    assert len([n for n in report.left_out if n.startswith("cls/predictions")]) == 5
    assert not (tmp_path / "exact/task.json").exists()

    carry(source, tmp_path / "there", WeightsFormat.KERAS_HUB)
    task = json.loads((tmp_path / "there/task.json").read_text())
    assert task["class_name"] == "BertMaskedLM"
    carry(tmp_path / "there", tmp_path / "back", WeightsFormat.TF1)
    before, after = map(find.open_source, (source, str(tmp_path / "back")))
    lost = {f"cls/seq_relationship/output_{each}" for each in ("weights", "bias")}
    assert before.shapes().keys() - after.shapes().keys() == lost
    for name in after.shapes():
        assert after.read(name).tobytes() == before.read(name).tobytes()


def test_what_google_bert_would_compute_otherwise_is_noted(hugging_face_dir, tmp_path):
    report = carry(
        f"{hugging_face_dir}/classifier", tmp_path / "made", WeightsFormat.TF1
    )
    assert any("no hidden_act=gelu_exact and refuses it" in n for n in report.notes)
    assert any("layer_norm_eps" in note for note in report.notes)


@pytest.fixture
def copied(golden_dir, tmp_path):
    """The golden checkpoint alone in a folder: nothing says its sizes."""
    for suffix in SUFFIXES:
        shutil.copy(f"{golden_dir}/bert_model.ckpt{suffix}", tmp_path)
    return tmp_path / "bert_model.ckpt"


def test_sizes_that_nobody_says(copied, golden_dir, tmp_path):
    with pytest.raises(SettingsError, match="--bert_config_file is required"):
        carry(copied, tmp_path / "made", WeightsFormat.NATIVE)
    report = carry(
        copied,
        tmp_path / "made",
        WeightsFormat.NATIVE,
        bert_config_file=f"{golden_dir}/bert_config.json",
    )
    assert len(report.carried) == 62


def test_sizes_that_contradict_those_beside(golden_dir, tmp_path):
    values = BertConfig.from_json_file(f"{golden_dir}/bert_config.json").to_dict()
    (tmp_path / "other.json").write_text(json.dumps(values | {"hidden_act": "relu"}))
    with pytest.raises(SettingsError, match="hidden_act is gelu in the checkpoint's"):
        carry(
            f"{golden_dir}/bert_model.ckpt",
            tmp_path / "made",
            WeightsFormat.NATIVE,
            bert_config_file=str(tmp_path / "other.json"),
        )


@pytest.mark.parametrize(
    ("layers", "said"),
    [
        (2, "the encoder has parts that a BERT of 2 layers does not have"),
        (4, "half-matched: 16 variables of the model's encoder"),
        (10**9, "half-matched: 16 variables of the model's encoder"),
    ],
)
def test_another_number_of_layers(copied, golden_dir, tmp_path, layers, said):
    values = BertConfig.from_json_file(f"{golden_dir}/bert_config.json").to_dict()
    changed = json.dumps(values | {"num_hidden_layers": layers})
    (tmp_path / "bert_config.json").write_text(changed)
    with pytest.raises(CheckpointError, match=said):
        carry(copied, tmp_path / "made", WeightsFormat.NATIVE)


# The tokenizer -----------------------------------------------------------------------


def test_a_vocabulary_of_unknown_case(golden_dir, small_task, tmp_path):
    settings = {"vocab_file": f"{small_task.folder}/vocab.txt", "do_lower_case": None}
    source = f"{golden_dir}/bert_model.ckpt"
    with pytest.raises(SettingsError, match="--do_lower_case or --nodo_lower_case"):
        carry(source, tmp_path / "made", WeightsFormat.HUGGING_FACE, **settings)
    settings["do_lower_case"] = False
    carry(source, tmp_path / "made", WeightsFormat.HUGGING_FACE, **settings)
    written = json.loads((tmp_path / "made/tokenizer_config.json").read_text())
    assert written == {"tokenizer_class": "BertTokenizer", "do_lower_case": False}


def test_the_tokenizer_travels(keras_hub_dir, tmp_path):
    for number, to in enumerate(
        (WeightsFormat.NATIVE, WeightsFormat.TF1, WeightsFormat.HUGGING_FACE)
    ):
        source = tmp_path / str(number - 1) if number else keras_hub_dir
        carry(source, tmp_path / str(number), to, do_lower_case=None)
    carry(
        tmp_path / "2", tmp_path / "back", WeightsFormat.KERAS_HUB, do_lower_case=None
    )
    words = read_bytes(f"{keras_hub_dir}/assets/tokenizer/vocabulary.txt")
    assert (tmp_path / "2/vocab.txt").read_bytes() == words
    assert (tmp_path / "back/assets/tokenizer/vocabulary.txt").read_bytes() == words
    config = json.loads((tmp_path / "2/tokenizer_config.json").read_text())
    assert config["do_lower_case"] is True
    assert config["strip_accents"] is False
    config = json.loads((tmp_path / "back/tokenizer.json").read_text())["config"]
    assert config["lowercase"] is True
    assert config["strip_accents"] is False


# Runs --------------------------------------------------------------------------------


@pytest.fixture
def predict(small_task, place_on, tmp_path):
    """Applies the classifier at a path to the small task: probabilities."""

    def predict(name):
        task = small_task.settings() | {"bert_config_file": None}
        settings = ClassifierSettings(
            **task,
            output_dir=f"{tmp_path}/out-{name}",
            init_checkpoint=f"{tmp_path}/{name}",
            do_predict=True,
            pad_to=PadTo.MAX,  # one shape, one compilation
            predict_batch_size=16,
        )
        classify.run(prepare(settings), placement=place_on())
        table = storage.read_text(f"{tmp_path}/out-{name}/test_results.tsv")
        rows = [line.split("\t") for line in table.splitlines()]
        return np.array(rows, np.float32)

    return predict


@pytest.mark.slow
def test_runs_start_from_any_format(predict, hugging_face_dir, small_task, tmp_path):
    """Labels are hot, cold, mild in the task and cold, mild, hot in the checkpoint."""
    for to in WeightsFormat:
        carry(f"{hugging_face_dir}/classifier", tmp_path / to.value, to)
    found = {to: predict(to.value) for to in WeightsFormat}
    assert small_task.labels == ("hot", "cold", "mild")
    in_order = found[WeightsFormat.TF1][:, [2, 0, 1]]  # which has no labels to order by
    assert in_order.std(axis=0).min() > 1e-3
    np.testing.assert_array_equal(
        found[WeightsFormat.NATIVE], found[WeightsFormat.HUGGING_FACE]
    )
    np.testing.assert_allclose(found[WeightsFormat.NATIVE], in_order, atol=1e-6)
    inexact = found[WeightsFormat.KERAS_HUB]  # another GELU and epsilon
    np.testing.assert_allclose(inexact, found[WeightsFormat.TF1], atol=0.01)
    assert np.abs(inexact - found[WeightsFormat.TF1]).max() > 1e-6
