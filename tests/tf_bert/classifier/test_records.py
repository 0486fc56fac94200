"""Whole runs of a very small classifier on texts and on their records."""

import json
from unittest import mock

import numpy as np
import pytest

from pipelines.classification import splits
from processors.batches.batch_shape import PadTo
from processors.batches.token_dataset import ranges
from processors.records import example_columns, store
from processors.records.example_columns import Column
from runtime import storage
from runtime.files import tfrecord
from tf_bert.classifier import run as classify
from tf_bert.classifier.preparation import prepare
from tf_bert.classifier.settings import ClassifierSettings

STEPS = 8


@pytest.fixture(scope="module")
def run(small_task, place_on):
    """Trains, evaluates and predicts, some settings changed; returns the folder."""

    def run(output_dir, **others):
        settings = {
            **small_task.settings(),
            "output_dir": str(output_dir),
            "train_batch_size": 4,
            "eval_batch_size": 4,
            "predict_batch_size": 4,
            "learning_rate": 3e-3,
            "max_steps": STEPS,
            "pad_to": PadTo.MAX,  # one shape, one compilation
            "do_train": True,
            "do_eval": True,
            "do_predict": True,
            **others,
        }
        job = prepare(ClassifierSettings(**settings))
        classify.run(job, placement=place_on())
        return str(output_dir)

    return run


@pytest.fixture(scope="module")
def finished(run, tmp_path_factory):
    """The folder of a run on texts; not to be changed."""
    return run(tmp_path_factory.mktemp("run") / "out")


def tensors(output_dir):
    """Bytes of weights and slots of the last checkpoint."""
    folder = f"{output_dir}/checkpoints/step-{STEPS:08d}"
    return [
        storage.read_bytes(f"{folder}/{name}.safetensors")
        for name in ("weights", "optimizer")
    ]


def read_metrics(output_dir):
    return list(
        map(json.loads, storage.read_text(f"{output_dir}/metrics.jsonl").splitlines())
    )


def read_table(path):
    return [line.split("\t") for line in storage.read_text(path).splitlines()]


RESULTS = ("eval_results.txt", "test_results.tsv", "classification_report.txt")


def assert_equal_runs(first, second):
    """Two runs have the same losses, weights and results."""
    assert tensors(first) == tensors(second)
    assert read_metrics(first) == read_metrics(second)
    for name in RESULTS:
        paths = (f"{first}/{name}", f"{second}/{name}")
        assert storage.read_bytes(paths[0]) == storage.read_bytes(paths[1])


def test_a_run_on_records_is_the_run_on_texts(run, finished, tmp_path):
    with mock.patch.object(splits, "tokenise", side_effect=AssertionError):
        found = run(tmp_path / "out", records_dir=finished)
    assert_equal_runs(found, finished)
    for name in ("predictions.tsv", "data_report.txt"):
        texts = [storage.read_text(f"{each}/{name}") for each in (found, finished)]
        assert texts[0] == texts[1]


def write_as_the_original(path, dataset, *, length):
    """Fixed-length records of google-research/bert, the last of them a filler."""
    count, starts = len(dataset), np.arange(len(dataset) + 1) * length
    places = ranges(starts[:-1], lengths=dataset.lengths)
    grids = {
        "input_ids": dataset.ids,
        "input_mask": np.ones_like(dataset.ids),
        "segment_ids": dataset.segments,
    }
    columns = {}
    for name, values in grids.items():
        flat = np.zeros(starts[-1] + length, np.int64)
        flat[places] = values
        columns[name] = Column(flat, np.full(count + 1, length))
    real = np.arange(count + 1) < count
    labels = np.append(dataset.label_ids, 0)
    columns["label_ids"] = Column(labels, np.ones(count + 1, np.int64))
    columns["is_real_example"] = Column(real.astype(np.int64), np.ones_like(labels))
    with tfrecord.RecordWriter(path) as writer:
        for payload in example_columns.encode(columns):
            writer.write(payload)


def test_records_of_the_original_alone_train_the_same(run, finished, tmp_path):
    for name in ("train", "eval", "predict"):
        dataset = store.read_records(f"{finished}/{name}.tf_record")
        path = str(tmp_path / "bert" / f"{name}.tf_record")
        write_as_the_original(path, dataset, length=16)
    found = run(
        tmp_path / "out",
        task_name="records",
        data_dir=str(tmp_path / "bert"),
        text_b=None,
    )
    assert_equal_runs(found, finished)
    rows = [read_table(f"{each}/predictions.tsv") for each in (found, finished)]
    assert [row[1:4] for row in rows[0]] == [row[1:4] for row in rows[1]]
    assert {row[4] for row in rows[0][1:]} == {""}
    assert rows[0][1][0] == "test-0"
