"""A run's folder, asked: as its own prediction, and what cannot be asked."""

import itertools
import os
import shutil

import numpy as np
import pytest

import lstm_pretrain
import tf_bert
from pipelines.reports import report
from processors.batches.batch_shape import PadTo
from processors.batches.long_texts import LongTexts
from processors.labels.targets import Targets
from runtime.errors import CheckpointError, DataError, SettingsError
from tf_bert.formats.convert import Conversion, convert
from tf_bert.formats.names import WeightsFormat

LOAD = {"bert": tf_bert.load, "lstm": lstm_pretrain.load}
ALONE = 1e-6  # absolute; a row of another length


def read(path):
    with open(path, "rb") as file:
        return file.read()


def results_of(answers, path):
    path = str(path)
    report.write_test_results(path, np.array([a.values for a in answers], np.float32))
    return read(path)


@pytest.fixture(scope="session")
def loaded(trained):
    """Opens a run, once."""
    made = {}

    def loaded(model="bert", kind="label"):
        if (model, kind) not in made:
            made[model, kind] = LOAD[model](trained(model, kind))
        return made[model, kind]

    return loaded


@pytest.mark.parametrize("kind", ["label", "labels", "number", "pairs"])
@pytest.mark.parametrize("model", LOAD)
def test_it_says_what_its_run_said(loaded, trained, test_texts, tmp_path, model, kind):
    folder, texts = trained(model, kind), test_texts(kind)
    answers = loaded(model, kind).predict(texts)
    assert results_of(answers, tmp_path / "a") == read(f"{folder}/test_results.tsv")
    said = [line.split("\t") for line in open_lines(f"{folder}/predictions.tsv")]
    if kind != "number":
        assert [answer.said for answer in answers] == [
            row[2].replace(",", ", ") for row in said[1:]
        ]
    assert [answer.text for answer in answers] == texts
    alone = [loaded(model, kind).predict([text])[0].values for text in texts[:5]]
    assert np.abs(np.subtract(alone, [a.values for a in answers[:5]])).max() < ALONE


def open_lines(path):
    return read(path).decode().splitlines()


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"pad_to": PadTo.BUCKET}, marks=pytest.mark.slow),
        pytest.param(
            {"long_texts": LongTexts.HEAD_TAIL, "max_seq_length": 8},
            marks=pytest.mark.slow,
        ),
        {"long_texts": LongTexts.CHUNK, "max_seq_length": 8},
    ],
)
def test_rows_and_long_texts_come_with_the_run(train, test_texts, tmp_path, settings):
    folder = train("bert", "label", tmp_path / "run", **settings)
    answers = tf_bert.load(folder).predict(test_texts("label"))
    assert results_of(answers, tmp_path / "a") == read(f"{folder}/test_results.tsv")


def test_a_moved_run_needs_nothing_else(trained, loaded, test_texts, tmp_path):
    """Neither the files it was given, nor what training goes on with."""
    folder = shutil.copytree(trained(), tmp_path / "moved")
    [step] = os.listdir(folder / "checkpoints")
    os.remove(folder / "checkpoints" / step / "optimizer.safetensors")
    texts = test_texts("label")[:3]
    for path in (folder, folder / "checkpoints", folder / "checkpoints" / step):
        assert tf_bert.load(str(path)).predict(texts) == loaded().predict(texts)


def test_what_it_says_of_itself(loaded, trained):
    single, pairs, number = (loaded("bert", k) for k in ("label", "pairs", "number"))
    assert (single.labels, single.targets, single.step) == (
        ("a", "b"),
        Targets.LABEL,
        12,
    )
    assert (single.takes_pairs, pairs.takes_pairs) == (False, True)
    assert (number.labels, number.targets) == (("number",), Targets.NUMBER)
    assert trained() in repr(single)


def test_tokens_know_their_places(loaded):
    found = loaded("bert", "pairs").tokens(("hot w1", "wet"))
    assert [(t.token, t.start, t.end, t.text) for t in found] == [
        ("hot", 0, 3, 0),
        ("w1", 4, 6, 0),
        ("wet", 0, 3, 1),
    ]


def test_texts_are_asked_for_as_answers_are(loaded):
    asked = itertools.count()
    stream = loaded().stream("w1" for _ in asked)
    list(itertools.islice(stream, 300))
    assert next(asked) <= 2 * loaded().chunk


@pytest.mark.parametrize("model", LOAD)
def test_an_empty_text_is_answered(loaded, model):
    [answer] = loaded(model).predict([""])
    assert answer.label in ("a", "b")
    assert list(loaded(model).predict([])) == []


@pytest.mark.parametrize(
    ("kind", "inputs", "problem"),
    [
        ("label", ["w1", ("w1", "w2")], "input 1: expected a single text, .* found a"),
        (
            "pairs",
            [("w1", "w2"), "w1"],
            "input 1: expected a pair of texts, .* found a",
        ),
        ("label", ["w1", 5], "input 1: expected a text, or a pair of texts, found 5"),
        ("label", [("w1", None)], "input 0: expected a text, or a pair"),
        ("label", "w1", r"found one text: write \['w1'\]"),
    ],
)
def test_other_inputs_are_refused(loaded, kind, inputs, problem):
    with pytest.raises(DataError, match=problem):
        loaded("bert", kind).predict(inputs)


@pytest.mark.parametrize("load", LOAD.values())
def test_a_folder_that_is_no_model(load, tmp_path):
    with pytest.raises(CheckpointError, match="holds no"):
        load(str(tmp_path))


@pytest.mark.parametrize("model", LOAD)
def test_a_run_that_never_saved(trained, tmp_path, model):
    folder = shutil.copytree(trained(model), tmp_path / "run")
    shutil.rmtree(folder / "checkpoints")
    (folder / "checkpoints" / "step-00000012").mkdir(parents=True)
    with pytest.raises(CheckpointError, match=r"complete checkpoint|no weights"):
        LOAD[model](str(folder))


def test_a_model_of_the_other_kind(trained):
    with pytest.raises(CheckpointError, match="expected the run of an LSTM classifier"):
        lstm_pretrain.load(trained())
    with pytest.raises(CheckpointError, match="of an LSTM, not of a BERT"):
        tf_bert.load(trained("lstm"))


def test_an_unknown_device(trained):
    with pytest.raises(SettingsError, match="expected one of auto, cpu, gpu, tpu"):
        tf_bert.load(trained(), accelerator="abacus")


class TestHuggingFaceFolders:
    """Weights of a run, as another program keeps them."""

    @pytest.fixture
    def folder(self, trained, tmp_path):
        made = str(tmp_path / "converted")
        convert(Conversion(input=trained(), output=made, to=WeightsFormat.HUGGING_FACE))
        return made

    def test_it_answers_the_same(self, folder, loaded, test_texts):
        # Where nothing says a length, all positions are used.
        texts = [text for text in test_texts("label") if len(text.split()) < 14]
        found = tf_bert.load(folder).predict(texts)
        expected = loaded().predict(texts)
        assert [a.said for a in found] == [a.said for a in expected]
        values = [[a.values for a in each] for each in (found, expected)]
        assert np.abs(np.subtract(*values)).max() < ALONE

    def test_labels_that_nobody_says_are_asked_for(self, folder):
        path = f"{folder}/config.json"
        config = read(path).decode().replace('"a"', '"LABEL_0"')
        config = config.replace('"b"', '"LABEL_1"')
        with open(path, "w") as file:
            file.write(config)
        with pytest.raises(SettingsError, match=r"2 outputs .* as in --labels="):
            tf_bert.load(folder)
        with pytest.raises(SettingsError, match="has 2 outputs"):
            tf_bert.load(folder, labels=["x"])
        assert tf_bert.load(folder, labels=["x", "y"]).labels == ("x", "y")

    def test_a_folder_without_a_tokenizer(self, folder):
        os.remove(f"{folder}/tokenizer_config.json")
        with pytest.raises(SettingsError, match="how texts become ids"):
            tf_bert.load(folder)


def test_weights_of_pretraining_are_no_classifier(golden_dir):
    with pytest.raises(CheckpointError, match="expected a classifier"):
        tf_bert.load(f"{golden_dir}/bert_model.ckpt")
