"""Whole runs of a very small classifier on texts that are longer than a row."""

import dataclasses
import json
from unittest import mock

import numpy as np
import pytest

from pipelines.classification import conversion, splits
from pipelines.classification.conversion import ConversionSettings
from processors.batches.batch_shape import PadTo
from processors.batches.long_texts import LongTexts
from processors.records.manifest import Manifest
from runtime import storage
from runtime.checkpoints import checkpoints
from runtime.errors import DataError, SettingsError
from runtime.training import trained_run, training
from runtime.training.progress import ProgressLine
from tf_bert.classifier import run as classify
from tf_bert.classifier.preparation import prepare
from tf_bert.classifier.settings import ClassifierSettings

STEPS = 8
RESULTS = ("metrics.jsonl", "eval_results.txt", "test_results.tsv", "predictions.tsv")


@pytest.fixture(scope="module")
def make_settings(small_task):
    """Settings of a run on texts of 4 to 10 tokens in windows of 6."""

    def make(output_dir, **others):
        values = {
            **small_task.settings(),
            "text_b": None,
            "max_seq_length": 6,
            "long_texts": LongTexts.CHUNK,
            "output_dir": str(output_dir),
            "train_batch_size": 4,
            "eval_batch_size": 4,
            "predict_batch_size": 4,
            "learning_rate": 3e-3,
            "max_steps": STEPS,
            "save_checkpoints_steps": 3,
            "pad_to": PadTo.MAX,  # one shape, one compilation
            "do_train": True,
            "do_eval": True,
            "do_predict": True,
        }
        return ClassifierSettings(**(values | others))

    return make


@pytest.fixture(scope="module")
def run(make_settings, place_on):
    """Runs with some settings changed; returns the output folder."""

    def run(output_dir, **others):
        job = prepare(make_settings(output_dir, **others))
        classify.run(job, placement=place_on())
        return str(output_dir)

    return run


@pytest.fixture(scope="module")
def finished(run, tmp_path_factory):
    """The folder of a run in windows; not to be changed."""
    return run(tmp_path_factory.mktemp("run") / "out")


def tensors(output_dir, *, step=STEPS):
    """Bytes of weights and slots of a checkpoint."""
    folder = f"{output_dir}/checkpoints/step-{step:08d}"
    return [
        storage.read_bytes(f"{folder}/{name}.safetensors")
        for name in ("weights", "optimizer")
    ]


def assert_equal_runs(first, second, *, step=STEPS):
    assert tensors(first, step=step) == tensors(second, step=step)
    for name in RESULTS:
        paths = (f"{first}/{name}", f"{second}/{name}")
        assert storage.read_bytes(paths[0]) == storage.read_bytes(paths[1]), name


def read_results(output_dir):
    lines = storage.read_text(f"{output_dir}/eval_results.txt").splitlines()
    return {key: float(value) for key, value in (line.split(" = ") for line in lines)}


class PowerFailureError(Exception):
    """What ends a run in the middle."""


class StoppingLine(ProgressLine):
    """A progress line under which the run ends before step 6 can be saved."""

    def update(self, now, **values):
        super().update(now, **values)
        if now >= 6:
            raise PowerFailureError


def test_an_interrupted_run_reads_the_same_windows(run, finished, tmp_path):
    out = tmp_path / "out"
    stopping = mock.patch.object(training, "ProgressLine", StoppingLine)
    with stopping, pytest.raises(PowerFailureError):
        run(out)
    assert checkpoints.list_steps(f"{out}/checkpoints") == [3]
    run(out)
    assert_equal_runs(out, finished)


def test_every_example_counts_once(run, finished, small_task, tmp_path):
    counts = small_task.counts
    report = storage.read_text(f"{finished}/classification_report.txt")
    assert report.split()[-1] == str(counts["dev"])
    for name, header in (("test_results.tsv", 0), ("predictions.tsv", 1)):
        lines = storage.read_text(f"{finished}/{name}").splitlines()
        assert len(lines) == counts["test"] + header
    other = {"do_train": False, "pad_to": PadTo.PACK, "eval_batch_size": 3}
    again = run(tmp_path / "out", init_checkpoint=finished, **other)
    ours, theirs = read_results(again), read_results(finished)
    del ours["loss"], theirs["loss"]  # the mean of batches
    assert ours == pytest.approx(theirs, rel=1e-5)
    tables = [
        np.loadtxt(f"{folder}/test_results.tsv", delimiter="\t")
        for folder in (again, finished)
    ]
    np.testing.assert_allclose(*tables, atol=1e-6)


def test_the_report_says_how_many_windows_there_are(make_settings, small_task):
    job = prepare(make_settings("/nowhere"))
    page = " ".join(job.report.split())
    for name, split in job.splits.items():
        spare = np.maximum(split.dataset.lengths - 6, 0)
        counts = 1 + -(-spare // 3)
        many = counts[counts > 1]
        assert (
            f"Of the {small_task.counts[name]} {name} texts {len(many)} are longer than"
            f" --max_seq_length=6 and are read in {sum(many)} windows, at most"
            f" {max(many)} a text."
        ) in page


@pytest.mark.slow
def test_texts_that_fit_are_trained_on_as_ever(run, tmp_path):
    first, second = (
        run(tmp_path / way.value, long_texts=way, max_seq_length=10, max_steps=3)
        for way in (LongTexts.CHUNK, LongTexts.TRUNCATE)
    )
    assert_equal_runs(first, second, step=3)


# Records ------------------------------------------------------------------------------


def test_records_hold_whole_texts(finished, small_task):
    manifest = Manifest.load(f"{finished}/train.tf_record")
    assert manifest.features == "[CLS] a [SEP] b [SEP], --long_texts=chunk"
    assert manifest.examples == small_task.counts["train"]
    assert manifest.longest == 10
    assert manifest.max_seq_length == 6


def test_a_run_on_records_is_the_run_on_texts(run, finished, tmp_path):
    with mock.patch.object(splits, "tokenise", side_effect=AssertionError):
        found = run(tmp_path / "out", records_dir=finished)
    assert_equal_runs(found, finished)


def test_records_alone_are_read_in_windows(make_settings, finished, tmp_path):
    alone = {"task_name": "records", "data_dir": finished}
    job = prepare(make_settings(tmp_path / "out", **alone))
    assert job.splits["train"].dataset.lengths.max() == 10
    for way in (LongTexts.TRUNCATE, LongTexts.HEAD_TAIL):
        with pytest.raises(SettingsError, match="--long_texts=chunk' there"):
            prepare(make_settings(tmp_path / "out", **alone, long_texts=way))


@pytest.mark.parametrize("way", [LongTexts.TRUNCATE, LongTexts.HEAD_TAIL])
def test_records_of_another_way_do_not_fit(
    make_settings, finished, tmp_path, way, caplog
):
    others = {"long_texts": way, "records_dir": finished}
    job = prepare(make_settings(tmp_path / "out", **others))
    assert "--long_texts=chunk' there" in caplog.text
    assert job.splits["train"].dataset.lengths.max() == 6


def test_records_of_a_conversion_fit(make_settings, finished, small_task, tmp_path):
    asked = ("task_name", "data_dir", "labels", "vocab_file")
    conversion.run(
        ConversionSettings(
            **{name: small_task.settings()[name] for name in asked},
            max_seq_length=6,
            long_texts=LongTexts.CHUNK,
            output_dir=str(tmp_path / "records"),
        )
    )
    for name in ("train", "eval", "predict"):
        ours, theirs = (
            storage.read_bytes(f"{folder}/{name}.tf_record.manifest.json")
            for folder in (tmp_path / "records", finished)
        )
        assert ours == theirs
    with mock.patch.object(splits, "tokenise", side_effect=AssertionError):
        prepare(make_settings(tmp_path / "out", records_dir=str(tmp_path / "records")))


# What goes with a run -----------------------------------------------------------------


def test_another_way_is_another_run(make_settings, finished):
    with pytest.raises(SettingsError, match='long_texts: "chunk" there, "tr'):
        prepare(make_settings(finished, long_texts=LongTexts.TRUNCATE))


def test_an_evaluation_takes_the_way_of_its_run(make_settings, finished, tmp_path):
    settings = make_settings(
        tmp_path,
        do_train=False,
        init_checkpoint=finished,
        long_texts=LongTexts.TRUNCATE,
    )
    values = {
        field.name: getattr(settings, field.name)
        for field in dataclasses.fields(settings)
    }
    found = trained_run.fill(ClassifierSettings, values, given=set())
    assert found["long_texts"] is LongTexts.CHUNK
    found = trained_run.fill(ClassifierSettings, values, given={"long_texts"})
    assert found["long_texts"] is LongTexts.TRUNCATE
    state = json.loads(
        storage.read_text(f"{finished}/checkpoints/step-00000008/state.json")
    )
    assert state["settings"]["long_texts"] == "chunk"


def test_a_head_learns_from_first_windows(run, finished, tmp_path):
    out = run(
        tmp_path / "out",
        train="head",
        init_checkpoint=finished,
        max_steps=None,
        compare=True,
    )
    rows = storage.read_text(f"{out}/compare.txt")
    assert "frozen BERT, pooled" in rows
    assert 0 <= read_results(out)["eval_accuracy"] <= 1


# What is refused ----------------------------------------------------------------------


def test_pairs_are_refused_before_training(make_settings, tmp_path):
    with pytest.raises(DataError, match="Example train-1 is a pair, and --long_texts"):
        prepare(make_settings(tmp_path / "out", text_b="second"))


def test_windows_too_short_to_overlap(make_settings, tmp_path):
    with pytest.raises(SettingsError) as caught:
        make_settings(tmp_path, max_seq_length=5)
    assert caught.value.problems == (
        "--long_texts=chunk: windows that overlap have at least 6 tokens; got"
        " --max_seq_length=5.",
    )
    make_settings(tmp_path, max_seq_length=5, long_texts=LongTexts.HEAD_TAIL)
