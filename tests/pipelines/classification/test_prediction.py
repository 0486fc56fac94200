from types import SimpleNamespace

import numpy as np
import pytest

from pipelines.classification import data_check, prediction
from pipelines.classification.answers import OneLabel
from pipelines.classification.outputs import Outputs
from runtime import storage
from runtime.training.run_lock import NoLock
from runtime.training.training import RunContext


@pytest.fixture
def predict(job, data_dir):
    """Predicts rows of test.tsv; returns gold labels and the names of the files."""

    def predict(*rows, **others):
        lines = ["text\tlabel", *rows]
        (data_dir / "test.tsv").write_text("\n".join(lines) + "\n")
        asked = {"do_eval": False, "do_predict": True, "labels": ("a", "b")}
        made = data_check.checked(job(**asked, **others))
        context = RunContext(
            placement=SimpleNamespace(processes=1),
            folder=made.output_dir,
            record=None,
            lock=NoLock(),
            stop=None,
        )
        split = made.splits["test"]
        count = len(split.examples)
        logits = np.tile(np.float32([0.25, 0.75]), (count, 1))
        says_b = Outputs(logits, np.zeros(count), np.zeros(1))
        prediction.write(
            split,
            says_b,
            answers=OneLabel(split.labels),
            suffix="",
            context=context,
        )
        table = storage.read_text(storage.join(made.output_dir, "predictions.tsv"))
        gold = [line.split("\t")[1] for line in table.splitlines()[1:]]
        return gold, storage.list_dir(made.output_dir)

    return predict


SCORES = {
    "test_classification_report.txt",
    "test_confusion_matrix.txt",
    "test_confusion_matrix.png",
}


def test_a_labelled_test_split_is_scored(predict, data_dir):
    gold, names = predict("x\ta", "y\tb")
    assert gold == ["a", "b"]
    assert set(names) > {*SCORES, "test_results.tsv", "labels.txt"}
    assert (data_dir / "out" / "labels.txt").read_text() == "a\nb\n"


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (["x\ta", "y\ta"], ["", ""]),
        (["x\t0", "y\t0"], ["", ""]),
        (["x\t", "y\t"], ["", ""]),
        (["x\ta", "y\t", "z\tb"], ["a", "", "b"]),
    ],
)
def test_what_says_nothing_is_not_scored(predict, rows, expected):
    predict("x\ta", "y\tb")
    gold, names = predict(*rows)
    assert gold == expected
    assert SCORES.isdisjoint(names)
    assert "labels.txt" in names


def test_one_label_throughout_is_scored_when_asked_for(predict):
    gold, names = predict("x\ta", "y\ta", score_test=True)
    assert gold == ["a", "a"]
    assert set(names) > SCORES
