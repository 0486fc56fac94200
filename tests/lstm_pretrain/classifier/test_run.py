"""Whole runs of very small models, in this process."""

import os
import shutil
from unittest import mock

import numpy as np
import pytest
from scipy.special import expit

from lstm_pretrain.classifier import run as finetune
from lstm_pretrain.classifier.preparation import prepare as prepare_classifier
from lstm_pretrain.classifier.settings import LstmClassifierSettings
from lstm_pretrain.language_model import run as pretrain
from lstm_pretrain.language_model.preparation import prepare as prepare_language_model
from lstm_pretrain.language_model.settings import LanguageModelSettings
from lstm_pretrain.model.config import Trained, Transfer
from pipelines.classification import logistic, splits
from processors.batches.batches import TrainBatches
from processors.batches.grouped_batches import GroupedBatches
from processors.batches.long_texts import LongTexts
from processors.labels.targets import Objective
from runtime import storage
from runtime.checkpoints import checkpoints
from runtime.errors import (
    CheckpointError,
    DataError,
    SettingsError,
    StorageError,
    TrainingError,
)
from runtime.training import training
from runtime.training.progress import ProgressLine

STEPS = 8
ENCODER = "encoder/"


@pytest.fixture(scope="module")
def train_model(words_task, place_on):
    """Trains a language model; returns its folder."""

    def run(output_dir, **others):
        values = {
            **words_task,
            "output_dir": str(output_dir),
            "max_steps": STEPS,
            "save_checkpoints_steps": 3,
            "steps_per_call": 2,
            **others,
        }
        job = prepare_language_model(LanguageModelSettings(**values))
        pretrain.run(job, placement=place_on())
        return str(output_dir)

    return run


@pytest.fixture(scope="module")
def train_classifier(words_task, place_on):
    """Trains a classifier; returns its folder."""

    def run(output_dir, **others):
        values = {
            **words_task,
            "output_dir": str(output_dir),
            "max_steps": STEPS,
            "save_checkpoints_steps": 3,
            "do_train": True,
            **others,
        }
        job = prepare_classifier(LstmClassifierSettings(**values))
        finetune.run(job, placement=place_on())
        return str(output_dir)

    return run


@pytest.fixture(scope="module")
def language_model(train_model, tmp_path_factory):
    """The folder of a trained language model; not to be changed."""
    return train_model(tmp_path_factory.mktemp("lm") / "out", report_padded_loss=True)


def weights_of(folder, *, step=STEPS):
    return checkpoints.load(f"{folder}/checkpoints/step-{step:08d}").weights


def results_of(folder):
    lines = storage.read_text(f"{folder}/eval_results.txt").splitlines()
    return {key: float(value) for key, value in (line.split(" = ") for line in lines)}


# Language model ----------------------------------------------------------------------


def test_perplexity_is_the_exponential_of_the_loss(language_model):
    found = results_of(language_model)
    assert found["eval_perplexity"] == pytest.approx(np.exp(found["eval_loss"]), 1e-5)
    assert found["global_step"] == STEPS


def test_a_language_model_reports_on_its_data(language_model):
    lines = storage.read_text(f"{language_model}/data_report.txt").splitlines()
    assert lines[0] == "Data report"
    assert any(line.startswith("dev in train ") for line in lines)


def test_texts_that_are_trained_on_prove_nothing(
    train_model, words_task, tmp_path, caplog
):
    """Refused by --max_leakage before training; else said."""
    same = {"dev_file": "train.tsv", "output_dir": tmp_path / "out"}
    with pytest.raises(DataError, match=r"60 of 60 dev examples \(100\.00%\)"):
        train_model(**same, max_leakage=0.5)
    assert not storage.exists(f"{tmp_path}/out/checkpoints")
    assert "60 of 60 dev examples (100.00%) are copies" in caplog.text


def test_a_language_model_without_dev_texts_is_refused_before_training(
    train_model, words_task, tmp_path
):
    shutil.copytree(words_task["data_dir"], tmp_path / "data")
    (tmp_path / "data/dev.tsv").unlink()
    given = {"data_dir": str(tmp_path / "data"), "output_dir": tmp_path / "out"}
    with pytest.raises(StorageError) as caught:
        train_model(**given)
    assert "dev.tsv does not exist" in str(caught.value)
    assert "--split=train:0.9,dev:0.1, or train without by --nodo_eval" in (
        str(caught.value)
    )
    assert not storage.exists(f"{tmp_path}/out/checkpoints")
    train_model(**given, max_steps=1, do_eval=False)


@pytest.mark.parametrize("long_texts", [LongTexts.TRUNCATE, LongTexts.CHUNK])
def test_a_language_model_on_records_is_that_on_texts(
    train_model, tmp_path, long_texts
):
    others = {"long_texts": long_texts, "max_seq_length": 4}
    first = train_model(tmp_path / "first", **others)
    with mock.patch.object(splits, "tokenise", side_effect=AssertionError):
        second = train_model(tmp_path / "second", records_dir=first, **others)
    assert_equal_weights(first, second)
    assert results_of(first) == results_of(second)
    texts = [storage.read_text(f"{each}/data_report.txt") for each in (first, second)]
    assert texts[0] == texts[1]


def test_a_classifier_on_drawn_examples_takes_their_records(
    train_classifier, tmp_path, caplog
):
    caplog.set_level("INFO")
    others = {"train_examples": 24, "do_eval": True, "max_steps": 3}
    first = train_classifier(tmp_path / "first", **others)
    with mock.patch.object(splits, "tokenise", side_effect=AssertionError):
        second = train_classifier(tmp_path / "second", records_dir=first, **others)
    assert_equal_weights(first, second, step=3)
    assert "tokenised: 24" in caplog.text
    others["train_examples"] = 25
    train_classifier(tmp_path / "third", records_dir=first, **others)
    assert "other texts or labels: 24 examples there, 25 here" in caplog.text


def assert_equal_weights(first, second, *, step=STEPS):
    one, other = (weights_of(folder, step=step) for folder in (first, second))
    assert {name: value.tobytes() for name, value in one.items()} == {
        name: value.tobytes() for name, value in other.items()
    }


@pytest.mark.slow
def test_a_classifier_groups_texts_by_length_where_that_is_asked_for(
    train_classifier, tmp_path, monkeypatch
):
    made = []
    batch = TrainBatches.batch

    def recorded(batches, step):
        made.append(batches)
        return batch(batches, step)

    monkeypatch.setattr(TrainBatches, "batch", recorded)
    for asked in (False, True):
        train_classifier(tmp_path / str(asked), group_by_length=asked, max_steps=1)
    plain, grouped = made[0], made[-1]
    assert [type(each) for each in (plain, grouped)] == [TrainBatches, GroupedBatches]
    spans = [
        np.ptp(each._dataset.lengths[batch(each, 0).example_index])
        for each in (plain, grouped)
    ]
    assert spans[1] < spans[0]


def test_the_padded_loss_counts_every_position(language_model, words_task):
    found = results_of(language_model)
    texts = [
        line.split("\t")[0].split()
        for line in storage.read_text(f"{words_task['data_dir']}/dev.tsv").splitlines()
    ][1:]
    tokens = sum(len(text) - 1 for text in texts)
    positions = len(texts) * (max(map(len, texts)) - 1)
    assert found["eval_tokens"] == tokens
    share = tokens / positions
    assert found["eval_padded_loss"] == pytest.approx(found["eval_loss"] * share, 1e-5)


def test_same_seed_same_bytes_and_interrupted_too(
    train_model, language_model, tmp_path, monkeypatch
):
    class Stopping(ProgressLine):
        def update(self, step, **counts):
            super().update(step, **counts)
            if step == 6:
                raise KeyboardInterrupt

    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr(training, "ProgressLine", Stopping)
        with pytest.raises(KeyboardInterrupt):
            train_model(out, report_padded_loss=True)
    train_model(out, report_padded_loss=True)
    for name in ("weights", "optimizer"):
        path = f"checkpoints/step-{STEPS:08d}/{name}.safetensors"
        assert storage.read_bytes(f"{out}/{path}") == storage.read_bytes(
            f"{language_model}/{path}"
        )


def test_another_runs_folder_is_refused(train_model, language_model, tmp_path):
    folder = shutil.copytree(language_model, str(tmp_path / "copy"))
    with pytest.raises(SettingsError, match="learning_rate"):
        train_model(folder, learning_rate=1.0, report_padded_loss=True)


def test_a_second_stage_starts_from_the_first(train_model, language_model, tmp_path):
    folder = train_model(
        tmp_path / "out", init_checkpoint=language_model, learning_rate=0.0
    )
    after = weights_of(folder)
    for name, value in weights_of(language_model).items():
        np.testing.assert_array_equal(after[name], value, err_msg=name)


def test_a_loss_that_is_not_finite_stops_and_keeps_the_last_good_checkpoint(
    train_model, tmp_path
):
    with pytest.raises(TrainingError, match="was not applied: loss"):
        train_model(tmp_path / "out", learning_rate=1e38, max_steps=20)
    assert np.isfinite(
        np.concatenate(
            [
                value.ravel()
                for step in checkpoints.list_steps(f"{tmp_path}/out/checkpoints")
                for value in weights_of(f"{tmp_path}/out", step=step).values()
            ]
            or [np.zeros(1)]
        )
    ).all()


# Classifier --------------------------------------------------------------------------


def test_transferred_weights_are_the_same_bits(
    train_classifier, language_model, tmp_path
):
    folder = train_classifier(
        tmp_path / "out", init_checkpoint=language_model, learning_rate=0.0
    )
    before, after = weights_of(language_model), weights_of(folder)
    moved = {name for name in after if name.startswith(ENCODER)}
    assert len(moved) == 4
    for name in moved:
        assert before[name].tobytes() == after[name].tobytes()


def test_the_embedding_alone_is_transferred_where_that_is_asked_for(
    train_classifier, language_model, tmp_path
):
    folder = train_classifier(
        tmp_path / "out",
        init_checkpoint=language_model,
        transfer=Transfer.EMBEDDING,
        learning_rate=0.0,
        max_steps=1,
    )
    initial, found = weights_of(language_model), weights_of(folder, step=1)
    same = {name for name in found if np.array_equal(found[name], initial.get(name))}
    assert {name for name in same if name.endswith(("embeddings", "kernel"))} == {
        "encoder/embedding/embeddings"
    }


def test_frozen_parts_do_not_move(train_classifier, language_model, tmp_path):
    """60 examples in batches of 8: an epoch is 7 updates and a half."""
    folder = train_classifier(
        tmp_path / "out",
        init_checkpoint=language_model,
        gradual_unfreezing=True,
        max_steps=None,
        num_train_epochs=2.0,
        save_checkpoints_steps=1,
        keep_checkpoints=100,
    )
    initial = weights_of(language_model)
    lstm = "encoder/forward_0/lstm_cell/kernel"
    table = "encoder/embedding/embeddings"
    for step in range(1, 16):
        state = checkpoints.load(f"{folder}/checkpoints/step-{step:08d}")
        for name, first in ((lstm, 8), (table, 16)):
            same = state.weights[name].tobytes() == initial[name].tobytes()
            assert same == (step <= first), (step, name)
            if same:
                assert not state.slots[f"{name}/adam_v"].any()


@pytest.mark.slow
def test_a_head_alone_is_a_regression_on_the_states_of_the_pretrained_lstm(
    train_classifier, language_model, words_task, place_on, tmp_path
):
    folder = train_classifier(
        tmp_path / "out", init_checkpoint=language_model, train=Trained.HEAD
    )
    before, after = weights_of(language_model), weights_of(folder)
    for name in after:
        if name.startswith(ENCODER):
            np.testing.assert_array_equal(before[name], after[name])
    job = prepare_classifier(
        LstmClassifierSettings(
            **words_task,
            output_dir=str(tmp_path / "states"),
            init_checkpoint=language_model,
            do_train=True,
        )
    )
    states = reference_states(job, weights=after)
    train = job.splits["train"].dataset.label_ids
    head = logistic.fit(states, train, num_labels=2, seed=0)
    both = states @ head.weights.T + head.bias
    found = states @ after["head/kernel"] + after["head/bias"]
    np.testing.assert_allclose(found[:, 0], both[:, 1] - both[:, 0], atol=1e-3)


def reference_states(job, *, weights):
    """The mean states of the training texts, in plain numpy."""
    cell = {
        name: weights[f"encoder/forward_0/lstm_cell/{name}"]
        for name in ("kernel", "recurrent_kernel", "bias")
    }
    found = []
    dataset = job.splits["train"].dataset
    for number in range(len(dataset)):
        state = memory = np.zeros(cell["recurrent_kernel"].shape[0])
        states = []
        for token in dataset.example(number).input_ids:
            embedded = weights["encoder/embedding/embeddings"][token]
            gates = embedded @ cell["kernel"] + state @ cell["recurrent_kernel"]
            enter, forget, new, leave = np.split(gates + cell["bias"], 4)
            memory = memory * expit(forget) + expit(enter) * np.tanh(new)
            state = expit(leave) * np.tanh(memory)
            states.append(state)
        found.append(np.mean(states, axis=0))
    return np.array(found, np.float32)


@pytest.mark.parametrize(
    ("others", "problem"),
    [
        ({"init_checkpoint": None}, "reads a pretrained LSTM: give --init_checkpoint"),
        ({"transfer": Transfer.EMBEDDING}, "--transfer=embedding takes over none"),
        ({"label_smoothing": 0.1}, "--label_smoothing is for training by updates"),
        ({"patience": 2, "do_eval": True}, "--patience need updates"),
        ({"objective": Objective.REGRESSION}, "fits one label a text"),
    ],
)
def test_what_a_head_alone_cannot_be_told(words_task, others, problem):
    values = {**words_task, "output_dir": "out", "init_checkpoint": "lm", **others}
    with pytest.raises(SettingsError, match=problem):
        LstmClassifierSettings(**values, train=Trained.HEAD)


def test_lower_layers_learn_at_lower_rates(train_classifier, tmp_path):
    one, other = (
        weights_of(
            train_classifier(tmp_path / name, rate_decay=decay, max_steps=1), step=1
        )
        for name, decay in (("plain", 1.0), ("decayed", 2.0))
    )
    start = weights_of(
        train_classifier(tmp_path / "start", max_steps=1, learning_rate=0.0), step=1
    )
    for name, share in (
        ("head/kernel", 1.0),
        ("encoder/forward_0/lstm_cell/kernel", 0.5),
        ("encoder/embedding/embeddings", 0.25),
    ):
        moved = other[name] - start[name]
        np.testing.assert_allclose(
            moved, share * (one[name] - start[name]), rtol=0.01, atol=1e-8
        )


@pytest.fixture(scope="module")
def classifier(train_classifier, language_model, tmp_path_factory):
    """A classifier that was trained, evaluated and applied; not to be changed."""
    return train_classifier(
        tmp_path_factory.mktemp("classifier") / "out",
        init_checkpoint=language_model,
        max_steps=60,
        learning_rate=0.03,
        do_eval=True,
        do_predict=True,
    )


def test_it_learns(classifier):
    assert results_of(classifier)["eval_accuracy"] > 0.9


def test_a_run_leaves_its_files(classifier):
    assert {
        "vocab.txt",
        "run.json",
        "metrics.jsonl",
        "learning_curve.png",
        "eval_results.txt",
        "classification_report.txt",
        "confusion_matrix.png",
        "test_results.tsv",
        "predictions.tsv",
    } <= set(os.listdir(classifier))


def test_a_finetuned_checkpoint_can_be_applied_elsewhere(
    train_classifier, classifier, tmp_path
):
    folder = train_classifier(
        tmp_path / "out", init_checkpoint=classifier, do_train=False, do_predict=True
    )
    name = "test_results.tsv"
    assert storage.read_text(f"{folder}/{name}") == storage.read_text(
        f"{classifier}/{name}"
    )


def test_a_language_model_is_no_trained_classifier(
    train_classifier, language_model, tmp_path
):
    with pytest.raises(CheckpointError, match="has no trained head/bias, head/kernel"):
        train_classifier(
            tmp_path / "out",
            init_checkpoint=language_model,
            do_train=False,
            do_eval=True,
        )
