from types import SimpleNamespace

import numpy as np
import pytest

from pipelines.classification import data_check
from pipelines.classification.outputs import Outputs
from pipelines.classification.run import ClassificationRun
from runtime import storage
from runtime.errors import DataError
from runtime.training.run_lock import NoLock
from runtime.training.training import RunContext, open_context


class RunWithoutModel(ClassificationRun):
    """A run that must end before it needs a model."""

    def build(self, labels, *, total):
        raise AssertionError(f"a model was built for {labels} and {total} updates")

    def initialise(self, made):
        raise AssertionError(f"{made} was initialised")


@pytest.fixture
def carry_out(place_on):
    """Carries out a job that is to end early."""

    def carry_out(job):
        job = data_check.checked(job)
        with open_context(job, place_on(1)) as context:
            RunWithoutModel(job, context=context).carry_out()

    return carry_out


def test_leakage_ends_a_run_before_it_trains(carry_out, job):
    made = job(do_train=True, max_leakage=0.2)
    with pytest.raises(DataError, match="1 of 4 dev examples"):
        carry_out(made)
    assert storage.exists(storage.join(made.output_dir, "data_report.txt"))
    with pytest.raises(AssertionError, match="a model was built"):
        carry_out(job(do_train=True, max_leakage=0.3))


def test_a_mistake_in_the_dev_file_ends_a_run_before_it_trains(
    carry_out, job, data_dir
):
    (data_dir / "dev.tsv").write_text("text\tlabel\nx\ta\ny\tc\n")
    with pytest.raises(DataError, match=r"dev\.tsv:3: unknown label 'c'"):
        carry_out(job(do_train=True))


# -- predictions -----------------------------------------------------------------------


class RunWithAnswers(RunWithoutModel):
    """A run whose model always gives the last label."""

    def _outputs(self, split, batch_size):
        assert batch_size == self._settings.predict_batch_size
        count = len(split.examples)
        probabilities = np.tile(np.float32([0.25, 0.75]), (count, 1))
        return Outputs(probabilities, np.zeros(count), np.zeros(1))


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
        RunWithAnswers(made, context=context).predict()
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
