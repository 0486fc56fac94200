"""What a new classifier gets by saying what is its own: the contract, on a text CNN."""

import glob
import os

import numpy as np
import pytest

from processors.batches.batch_shape import PadTo
from runtime import storage
from runtime.checkpoints import checkpoints
from runtime.engine import engine
from runtime.errors import SettingsError
from runtime.preflight.workload import BatchCut
from runtime.settings import flags_of
from runtime.training import training
from runtime.training.progress import ProgressLine
from tests.pipelines.text_cnn.preparation import prepare
from tests.pipelines.text_cnn.run import CNN, run
from tests.pipelines.text_cnn.settings import CnnSettings, CnnStepSettings

MOST_LINES = 150
STEPS = 12
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "hot", "cold", "day", "a"]


@pytest.fixture(scope="module")
def task(tmp_path_factory):
    """A folder with a `tsv` task in which one word decides the label."""
    folder = tmp_path_factory.mktemp("task")
    random = np.random.default_rng(0)
    for split, count in {"train": 64, "dev": 16, "test": 8}.items():
        lines = ["text\tlabel"]
        for number in range(count):
            label = ("cold", "hot")[number % 2]
            rest = random.choice(["day", "a"], random.integers(2, 6))
            lines.append(f"{' '.join([label, *rest])}\t{label}")
        (folder / f"{split}.tsv").write_text("\n".join(lines) + "\n")
    (folder / "vocab.txt").write_text("\n".join(WORDS) + "\n")
    return folder


@pytest.fixture(scope="module")
def train(task, place_on):
    """Trains, evaluates and predicts; returns the results."""

    def train(output_dir, **others):
        values = {
            "task_name": "tsv",
            "data_dir": str(task),
            "vocab_file": str(task / "vocab.txt"),
            "output_dir": str(output_dir),
            "max_seq_length": 8,
            "pad_to": PadTo.MAX,
            "train_batch_size": 8,
            "filters": 8,
            "max_steps": STEPS,
            "save_checkpoints_steps": 4,
            "learning_rate": 0.02,
            "do_train": True,
            "do_eval": True,
            "do_predict": True,
            "compare": True,
        }
        return run(prepare(CnnSettings(**(values | others))), placement=place_on(1))

    return train


@pytest.fixture(scope="module")
def finished(train, tmp_path_factory):
    """The folder and the results of a run that was not disturbed."""
    folder = tmp_path_factory.mktemp("runs") / "out"
    return folder, train(folder)


def weights(folder):
    path = f"{folder}/{checkpoints.DIRECTORY}/step-{STEPS:08d}"
    return [storage.read_bytes(file) for file in sorted(glob.glob(f"{path}/*.safet*"))]


def test_it_learns_and_says_what_it_has_learnt(finished):
    folder, results = finished
    assert results.scores["eval_accuracy"] == 1
    assert results.accuracies["this run"] == {"dev": 1, "test": 1}
    assert results.predicted("test") == ["cold", "hot"] * 4
    assert {
        "classification_report.txt",
        "compare.txt",
        "confusion_matrix.png",
        "data_report.txt",
        "eval_results.txt",
        "learning_curve.png",
        "eval_predictions.tsv",
        "predictions.tsv",
        "report.html",
        "run.json",
        "test_results.tsv",
    } <= set(os.listdir(folder))


class PowerFailureError(Exception):
    """What ends a run in the middle."""


class FailingLine(ProgressLine):
    """A progress line under which the run ends after its seventh update."""

    def update(self, now, **values):
        """Shows it, then fails.

        Raises:
            PowerFailureError: At the seventh update.
        """
        super().update(now, **values)
        if now == 7:
            raise PowerFailureError


def test_killed_and_resumed_it_ends_in_the_same_bytes(
    train, finished, tmp_path, monkeypatch
):
    with monkeypatch.context() as patch:
        patch.setattr(training, "ProgressLine", FailingLine)
        with pytest.raises(PowerFailureError):
            train(tmp_path / "out")
    again = train(tmp_path / "out")
    folder, results = finished
    assert weights(tmp_path / "out") == weights(folder)
    assert len(weights(folder)) == 2
    page = storage.read_bytes(f"{folder}/report.html")
    assert storage.read_bytes(f"{tmp_path}/out/report.html") == page
    assert again.scores == results.scores


def test_another_size_is_not_resumed(train, finished):
    with pytest.raises(SettingsError, match="filters"):
        train(finished[0], filters=4)


def test_it_has_the_flags_of_what_it_can():
    flags = flags_of(CnnSettings)
    assert {"filters", "vocab_file", "split", "compare", "steps_per_call"} < set(flags)
    assert "init_checkpoint" not in flags
    with pytest.raises(SettingsError, match="--pad_to=pack"):
        CnnStepSettings(pad_to=PadTo.PACK)


def test_its_steps_compile_without_data(place_on):
    settings = CnnStepSettings(max_seq_length=8, vocab_size=9, filters=2)
    work = CNN.make_workload(settings, BatchCut(replicas=1, per_replica_batch=4))
    trained = engine.create(
        place_on(1),
        build_model=work.build_model,
        objective=work.objective,
        optimizer=work.optimizer,
        seed=0,
    )
    assert trained.train(work.train).finite.all()


def test_its_author_writes_little():
    paths = glob.glob(os.path.join(os.path.dirname(__file__), "text_cnn", "*.py"))
    lines = [line for path in paths for line in storage.read_text(path).splitlines()]
    assert len([line for line in lines if line.strip()]) < MOST_LINES
