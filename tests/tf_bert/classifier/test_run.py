"""Whole runs of a very small classifier, in this process."""

import dataclasses
import glob
import json
import os
import shutil
from unittest import mock

import numpy as np
import pytest
import safetensors.numpy
import sklearn.metrics

from pipelines.classification.preparation import find_processor
from pipelines.reports import plots
from processors.base import DataProcessor
from processors.batches.batch_shape import PadTo
from runtime import storage
from runtime.checkpoints import checkpoints
from runtime.devices.placement import Precision
from runtime.engine import engine
from runtime.errors import CheckpointError, DataError, SettingsError
from runtime.training import training
from runtime.training.progress import ProgressLine
from runtime.training.run_settings import Resume
from tf_bert.classifier import run as classify
from tf_bert.classifier.preparation import prepare
from tf_bert.classifier.settings import ClassifierSettings

STEPS = 8


@pytest.fixture(scope="module")
def make_settings(small_task):
    def make(output_dir, **others):
        defaults = {
            **small_task.settings(),
            "output_dir": str(output_dir),
            "train_batch_size": 4,
            "eval_batch_size": 4,
            "predict_batch_size": 4,
            "learning_rate": 3e-3,
            "max_steps": STEPS,
            "save_checkpoints_steps": 3,
            "steps_per_call": 2,
            "pad_to": PadTo.MAX,  # one shape, one compilation
            "do_train": True,
        }
        return ClassifierSettings(**(defaults | others))

    return make


@pytest.fixture(scope="module")
def run(make_settings, place_on):
    """Runs with some settings changed; returns the output folder."""

    def run(output_dir, *, replicas=1, precision=Precision.FLOAT32, **others):
        settings = make_settings(output_dir, **others)
        classify.run(
            prepare(settings), placement=place_on(replicas, precision=precision)
        )
        return str(output_dir)

    return run


@pytest.fixture(scope="module")
def finished(run, tmp_path_factory):
    """The folder of a run that trained, evaluated and predicted; not to be changed."""
    return run(tmp_path_factory.mktemp("run") / "out", do_eval=True, do_predict=True)


@pytest.fixture
def copied(finished, tmp_path):
    """A copy of that folder, to be changed."""
    return shutil.copytree(finished, str(tmp_path / "copy"))


def tensors(output_dir, *, step=STEPS):
    """Bytes of weights and slots of a checkpoint."""
    folder = f"{output_dir}/checkpoints/step-{step:08d}"
    return [
        storage.read_bytes(f"{folder}/{name}.safetensors")
        for name in ("weights", "optimizer")
    ]


def read_results(output_dir, name="eval_results.txt"):
    lines = storage.read_text(f"{output_dir}/{name}").splitlines()
    return {key: float(value) for key, value in (line.split(" = ") for line in lines)}


def read_metrics(output_dir):
    return list(
        map(json.loads, storage.read_text(f"{output_dir}/metrics.jsonl").splitlines())
    )


def read_table(path):
    return [line.split("\t") for line in storage.read_text(path).splitlines()]


def snapshot(folder):
    paths = glob.glob(f"{folder}/**", recursive=True)
    return {p: storage.read_bytes(p) for p in paths if os.path.isfile(p)}


class Changed(DataProcessor):
    """A processor whose dev examples are changed ones of another's."""

    def __init__(self, processor, change):
        self._processor = processor
        self._change = change

    def get_labels(self):
        return self._processor.get_labels()

    def get_train_examples(self, data_dir):
        return self._processor.get_train_examples(data_dir)

    def get_dev_examples(self, data_dir):
        return self._change(self._processor.get_dev_examples(data_dir))


def test_it_learns(run, small_task, tmp_path):
    config = tmp_path / "bert_config.json"
    config.write_text(json.dumps(small_task.sizes | {"initializer_range": 0.3}))
    out = run(
        tmp_path / "out",
        bert_config_file=str(config),
        max_steps=100,
        train_batch_size=16,
        learning_rate=2e-3,
        do_eval=True,
        save_checkpoints_steps=100,
    )
    losses = [line["loss"] for line in read_metrics(out) if "loss" in line]
    assert np.mean(losses[-5:]) < 0.7 * losses[0]
    assert read_results(out)["eval_accuracy"] > 0.5  # a third by chance


# The same again -----------------------------------------------------------------------


class PowerFailureError(Exception):
    """What ends a run in the middle."""


def stopping_at(step):
    """A progress line under which the run ends before that step can be saved."""

    class StoppingLine(ProgressLine):
        def update(self, now, **values):
            super().update(now, **values)
            if now >= step:
                raise PowerFailureError

    return StoppingLine


def test_same_seed_same_bytes_and_interrupted_too(run, finished, tmp_path, monkeypatch):
    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr(training, "ProgressLine", stopping_at(6))
        with pytest.raises(PowerFailureError):
            run(out)
    assert checkpoints.list_steps(f"{out}/checkpoints") == [3]
    assert len(read_metrics(out)) == 6
    assert not os.path.exists(f"{out}/eval_results.txt")
    run(out, do_eval=True, do_predict=True)
    assert tensors(out) == tensors(finished)
    for name in ("metrics.jsonl", "test_results.tsv", "predictions.tsv"):
        ours, theirs = (storage.read_bytes(f"{f}/{name}") for f in (out, finished))
        assert ours == theirs, name
    assert read_results(out) == read_results(finished)


def test_never_starts_anew_and_another_seed_differs(run, copied, finished):
    run(copied, resume=Resume.NEVER, seed=1, max_steps=1, steps_per_call=1)
    assert checkpoints.list_steps(f"{copied}/checkpoints") == [1]
    [line] = read_metrics(copied)
    first = read_metrics(finished)[0]
    assert line["step"] == first["step"] == 1
    assert line["loss"] != first["loss"]
    weights = [
        safetensors.numpy.load(tensors(folder, step=step)[0])
        for folder, step in ((copied, 1), (finished, 3))
    ]
    assert weights[0].keys() == weights[1].keys()


def test_a_finished_run_is_left_alone(run, copied, caplog):
    before = snapshot(f"{copied}/checkpoints")
    metrics = read_metrics(copied)
    with caplog.at_level("INFO"):
        run(copied)
    assert "Skipping training since max_steps has already saved." in caplog.messages
    assert snapshot(f"{copied}/checkpoints") == before
    assert read_metrics(copied) == metrics


def test_evaluation_and_prediction_alone_use_the_newest_checkpoint(
    run, copied, finished, caplog
):
    for name in ("eval_results.txt", "test_results.tsv"):
        os.remove(f"{copied}/{name}")
    with caplog.at_level("INFO"):
        run(copied, do_train=False, do_eval=True, do_predict=True, pad_to=PadTo.PACK)
    assert f"Using step {STEPS} of {copied}" in caplog.messages
    assert read_results(copied) == pytest.approx(read_results(finished), rel=1e-5)
    ours, theirs = (
        np.array(read_table(f"{folder}/test_results.tsv"), np.float64)
        for folder in (copied, finished)
    )
    np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_a_trained_run_can_start_another(run, finished, tmp_path, caplog):
    with caplog.at_level("INFO"):
        asked = {"do_train": False, "do_eval": True, "do_predict": True}
        start = {"init_checkpoint": finished, "predict_name": "new"}
        out = run(tmp_path / "out", **asked, **start)
    assert "**** Trainable Variables ****" in caplog.text
    for name in ("test_results", "predictions", "test_classification_report"):
        kind = ".txt" if name.endswith("report") else ".tsv"
        ours = storage.read_bytes(f"{out}/{name}-new{kind}")
        assert ours == storage.read_bytes(f"{finished}/{name}{kind}"), name
    assert not os.path.exists(f"{out}/predictions.tsv")
    assert read_results(out) == read_results(finished)  # its global_step, too


# What is refused ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("others", "named"),
    [
        (
            {"learning_rate": 0.5, "seed": 7},
            ["learning_rate: 0.003 there, 0.5 here.", "seed: 0 there, 7 here."],
        ),
        ({"max_steps": 9}, ["max_steps: 8 there, 9 here."]),
        ({"max_seq_length": 12}, ["max_seq_length: 16 there, 12 here."]),
        ({"resume": Resume.MUST, "train_batch_size": 2}, ["train_batch_size: 4 there"]),
    ],
)
def test_another_runs_folder_is_refused_and_left_as_it_is(run, copied, others, named):
    before = snapshot(copied)
    with pytest.raises(SettingsError, match="another run") as caught:
        run(copied, **others)
    for part in (copied, *named):
        assert part in str(caught.value)
    assert len(caught.value.problems) == len(named) + 1
    assert snapshot(copied) == before


def test_other_training_data_are_refused(run, copied, tmp_path, small_task):
    other = shutil.copytree(small_task.folder, str(tmp_path / "other"))
    small_task.write_split(f"{other}/train.tsv", split="train", seed=99)
    before = snapshot(copied)
    with pytest.raises(SettingsError, match="data are others: 90 examples here too"):
        run(copied, data_dir=other)
    assert snapshot(copied) == before


def test_other_labels_are_refused(run, copied):
    labels = ("hot", "cold", "mild", "wet")
    with pytest.raises(SettingsError, match="labels: hot, cold, mild there; hot, "):
        run(copied, labels=labels, do_train=False, do_eval=True)


def test_fewer_examples_than_an_update_takes(run, tmp_path):
    few = {"max_steps": None, "num_train_epochs": 1.0, "train_batch_size": 128}
    with pytest.raises(SettingsError, match="no update would be done"):
        run(tmp_path / "out", **few)
    assert not os.path.exists(tmp_path / "out/checkpoints")


def test_nothing_to_evaluate(run, tmp_path):
    with pytest.raises(CheckpointError, match=r"Add --do_train"):
        run(tmp_path / "out", do_train=False, do_eval=True)
    assert not os.path.exists(tmp_path / "out/eval_results.txt")


def test_uneven_batches_are_refused_together_before_any_work(run, copied):
    before = snapshot(copied)
    with pytest.raises(SettingsError) as caught:
        run(
            copied,
            replicas=8,
            resume=Resume.NEVER,
            train_batch_size=32,
            gradient_accumulation_steps=3,
            do_eval=True,
            eval_batch_size=7,
            do_predict=True,
            predict_batch_size=20,
        )
    train, evaluate, predict = caught.value.problems
    assert train.startswith("--train_batch_size=32 does not divide by 8 replicas x 3")
    assert train.endswith("the nearest that does is 24.")
    assert evaluate.endswith("the nearest that does is 8.")
    assert predict.startswith("--predict_batch_size=20 ")
    assert snapshot(copied) == before


def test_a_checkpoint_that_does_not_fit_leaves_the_old_ones(run, copied, golden_dir):
    before = snapshot(f"{copied}/checkpoints")
    with pytest.raises(CheckpointError, match="vocab_size is 48 in the model, 1200 in"):
        run(
            copied,
            resume=Resume.NEVER,
            init_checkpoint=f"{golden_dir}/bert_model.ckpt",
            allow_partial_init=True,
        )
    assert snapshot(f"{copied}/checkpoints") == before


# Data ---------------------------------------------------------------------------------


def test_an_unlabelled_test_split_has_predictions_and_no_report(
    run, copied, finished, tmp_path, small_task
):
    other = shutil.copytree(small_task.folder, str(tmp_path / "other"))
    small_task.write_split(
        f"{other}/test.tsv", split="test", seed=2, columns=("text", "second")
    )
    assert len(glob.glob(f"{copied}/test_c*")) == 3
    before = storage.read_bytes(f"{copied}/data_report.txt")
    run(copied, data_dir=other, do_train=False, do_predict=True)
    assert not glob.glob(f"{copied}/test_c*")  # those of the labelled one are gone
    assert storage.read_bytes(f"{copied}/data_report.txt") == before
    _, *predictions = read_table(f"{copied}/predictions.tsv")
    assert [row[1] for row in predictions] == [""] * 11
    ours, theirs = (
        storage.read_bytes(f"{folder}/test_results.tsv")
        for folder in (copied, finished)
    )
    assert ours == theirs


def test_evaluation_without_labels_is_refused(make_settings, tmp_path):
    settings = make_settings(tmp_path / "out", do_eval=True)

    def half_labelled(examples):
        return [examples[0], dataclasses.replace(examples[1], label=None)]

    half = Changed(find_processor(settings), half_labelled)
    with pytest.raises(DataError, match="1 of 2 dev examples have no label"):
        prepare(settings, processor=half)
    assert not os.path.exists(tmp_path / "out")


# Evaluation counts every example once -------------------------------------------------


@pytest.fixture(scope="module")
def by_example(run, finished, small_task, tmp_path_factory):
    """Gold label ids and probabilities of the 67 dev rows, one in a batch."""
    folder = shutil.copytree(finished, str(tmp_path_factory.mktemp("dev") / "out"))
    run(
        folder,
        do_train=False,
        do_predict=True,
        test_file="dev.tsv",
        predict_batch_size=1,
    )
    _, *rows = read_table(f"{folder}/predictions.tsv")
    probabilities = np.array(read_table(f"{folder}/test_results.tsv"), np.float32)
    return np.array([small_task.labels.index(row[1]) for row in rows]), probabilities


@pytest.fixture(scope="module")
def evaluate(make_settings, place_on, finished, tmp_path_factory):
    """Evaluates the finished run on the first rows; one engine for each placement."""
    made = {}
    create = engine.create
    folder = shutil.copytree(finished, str(tmp_path_factory.mktemp("eval") / "out"))

    def one_engine(placement, **settings):
        if placement.replicas not in made:
            made[placement.replicas] = create(placement, **settings)
        return made[placement.replicas]

    def evaluate(count, *, replicas, batch):
        settings = make_settings(
            folder,
            do_train=False,
            do_eval=True,
            eval_batch_size=batch,
            pad_to=PadTo.PACK if replicas == 1 else PadTo.MAX,
        )
        some = Changed(find_processor(settings), lambda examples: examples[:count])
        job = prepare(settings, processor=some)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(engine, "create", one_engine)
            for name in ("plot_confusion_matrix", "plot_learning_curve"):
                patch.setattr(plots, name, mock.Mock())
            classify.run(job, placement=place_on(replicas))
        return folder

    return evaluate


@pytest.mark.parametrize(
    ("replicas", "batch", "counts"),
    [
        (1, 1, (1, 2, 13)),
        (1, 7, range(1, 68, 3)),
        (1, 32, range(1, 68)),
        (8, 8, (1, 7, 8, 9, 67)),
        (8, 56, (1, 8, 55, 56, 57, 67)),
        (8, 256, (1, 32, 33, 67)),
    ],
)
def test_evaluation_counts_every_example_once(
    evaluate, by_example, replicas, batch, counts
):
    gold, probabilities = by_example
    predicted = probabilities.argmax(axis=1)
    for count in counts:
        folder = evaluate(count, replicas=replicas, batch=batch)
        results = read_results(folder)
        accuracy = sklearn.metrics.accuracy_score(gold[:count], predicted[:count])
        loss = sklearn.metrics.log_loss(
            gold[:count], probabilities[:count], labels=range(3)
        )
        assert results["eval_accuracy"] == pytest.approx(accuracy, abs=1e-7), count
        assert results["eval_loss"] == pytest.approx(loss, rel=1e-5), count
        report = storage.read_text(f"{folder}/classification_report.txt")
        assert report == sklearn.metrics.classification_report(
            gold[:count],
            predicted[:count],
            labels=range(3),
            target_names=("hot", "cold", "mild"),
            zero_division=0,
        )


# Precision and replicas ---------------------------------------------------------------


@pytest.mark.slow
def test_bfloat16_stays_within_two_percent(run, finished, tmp_path):
    out = run(tmp_path / "out", precision=Precision.BFLOAT16, do_eval=True)
    rough, exact = (
        np.array([line["loss"] for line in read_metrics(folder)[:STEPS]])
        for folder in (out, finished)
    )
    np.testing.assert_allclose(rough, exact, rtol=2e-2)
    assert not np.array_equal(rough, exact)
    assert read_results(out)["eval_loss"] == pytest.approx(
        read_results(finished)["eval_loss"], rel=2e-2
    )


@pytest.fixture(scope="module")
def calm(run, small_task, tmp_path_factory):
    """Runs 20 updates without dropout; returns their losses and the last weights."""
    folder = tmp_path_factory.mktemp("calm")
    sizes = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    (folder / "bert_config.json").write_text(json.dumps(small_task.sizes | sizes))

    def train(name, **others):
        out = run(
            folder / name,
            bert_config_file=str(folder / "bert_config.json"),
            max_steps=20,
            train_batch_size=16,
            learning_rate=1e-3,
            save_checkpoints_steps=20,
            **others,
        )
        losses = [line["loss"] for line in read_metrics(out)]
        return np.array(losses), safetensors.numpy.load(tensors(out, step=20)[0])

    return train


@pytest.mark.slow
@pytest.mark.parametrize(("parts", "per_call"), [(1, 1), (2, 4)])
def test_eight_replicas_train_as_one(calm, monkeypatch, parts, per_call):
    monkeypatch.setattr("tf_bert.classifier.heads._HEAD_DROPOUT", 0.0)
    losses, weights = calm(f"one-{parts}", steps_per_call=1)
    found, others = calm(
        f"eight-{parts}",
        replicas=8,
        gradient_accumulation_steps=parts,
        steps_per_call=per_call,
    )
    np.testing.assert_allclose(found, losses, rtol=1e-5)
    for name, value in weights.items():
        np.testing.assert_allclose(others[name], value, atol=1e-5, err_msg=name)
