"""Several seeds in one command, by both classifiers: whole runs, in this process."""

import glob
import os
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.stats

from lstm_pretrain.classifier import run as lstm
from lstm_pretrain.classifier.preparation import prepare as prepare_lstm
from lstm_pretrain.classifier.settings import LstmClassifierSettings as LstmSettings
from pipelines.classification import seeds, splits
from pipelines.classification.seeds import SeedSettings
from processors.base import SPLITS
from processors.batches.batch_shape import PadTo
from processors.tokenization.units import Units
from runtime import storage
from runtime.errors import SettingsError
from runtime.training import training
from runtime.training.progress import ProgressLine
from runtime.training.run_settings import Resume
from tf_bert.classifier import run as bert
from tf_bert.classifier.preparation import prepare
from tf_bert.classifier.settings import ClassifierSettings as BertSettings

STEPS = 6


@pytest.fixture(scope="module", params=["bert", "lstm"])
def pipeline(request, small_task):
    """What a pipeline is: its settings and their values, `prepare` and `run`."""
    small = small_task.settings()
    if request.param == "bert":
        return SimpleNamespace(
            settings=BertSettings, values=small, prepare=prepare, run=bert.run
        )
    of_bert = {"vocab_file", "bert_config_file"}
    task = {name: small[name] for name in small if name not in of_bert}
    sizes = {"units": Units.WHITESPACE, "embedding_size": 6, "hidden_size": 8}
    return SimpleNamespace(
        settings=LstmSettings,
        values=task | sizes,
        prepare=prepare_lstm,
        run=lstm.run,
    )


@pytest.fixture(scope="module")
def settings(pipeline):
    """Makes the settings of a run with some changed."""

    def settings(output_dir, **others):
        values = {
            **pipeline.values,
            "output_dir": str(output_dir),
            "train_batch_size": 8,
            "eval_batch_size": 8,
            "learning_rate": 3e-3,
            "max_steps": STEPS,
            "save_checkpoints_steps": 2,
            "pad_to": PadTo.MAX,  # one shape, one compilation
            "do_train": True,
            "do_eval": True,
            "do_predict": True,
            "compare": True,
        }
        return pipeline.settings(**(values | others))

    return settings


@pytest.fixture(scope="module")
def prepare_seeds(pipeline, settings):
    """Prepares the runs of some seeds."""

    def prepare_seeds(output_dir, *names, **others):
        return seeds.prepare(
            settings(output_dir, **others),
            pipeline.prepare,
            asked=SeedSettings(seeds=names),
        )

    return prepare_seeds


@pytest.fixture(scope="module")
def several(pipeline, prepare_seeds, place_on):
    """Does what a command with --seeds does; returns the seeds that were run."""

    def several(output_dir, *names, **others):
        done = []

        def run(job, *, placement):
            done.append(job.settings.seed)
            return pipeline.run(job, placement=placement)

        prepare_seeds(output_dir, *names, **others).run(run, placement=place_on())
        return done

    return several


def state_of(folder):
    """Name -> when each file below was written, and its bytes."""
    paths = [p for p in glob.glob(f"{folder}/**", recursive=True) if os.path.isfile(p)]
    return {p: (os.stat(p).st_mtime_ns, storage.read_bytes(p)) for p in paths}


def weights_of(folder):
    path = f"{folder}/checkpoints/step-{STEPS:08d}"
    return [storage.read_bytes(file) for file in sorted(glob.glob(f"{path}/*.safet*"))]


def scores_of(folder):
    """Dev accuracy, dev loss and test accuracy, from the reports of a run."""
    text = storage.read_text(f"{folder}/eval_results.txt")
    found = dict(line.split(" = ") for line in text.splitlines())
    _, *rows = storage.read_text(f"{folder}/predictions.tsv").splitlines()
    right = [row.split("\t")[1] == row.split("\t")[2] for row in rows]
    return [float(found["eval_accuracy"]), float(found["eval_loss"]), np.mean(right)]


def numbers(path, *, label):
    """Those of the first line of a page that begins with a label."""
    lines = storage.read_text(str(path)).splitlines()
    line = next(line for line in lines if line.startswith(f"{label}  "))
    return [float(cell) for cell in line[len(label) :].split()]


class PowerFailureError(Exception):
    """What ends a command in the middle."""


class FailingLine(ProgressLine):
    """A progress line under which the second run ends after its third update."""

    runs = 0

    def update(self, now, **values):
        """Shows it, then fails.

        Raises:
            PowerFailureError: At that update.
        """
        super().update(now, **values)
        type(self).runs += now == 1
        if (type(self).runs, now) == (2, 3):
            raise PowerFailureError


@pytest.fixture(scope="module")
def repeated(several, tmp_path_factory):
    """The folder of a command that was killed in its second run, and repeated.

    With it, what was there between the two, and the seeds that the second one ran.
    """
    folder = tmp_path_factory.mktemp("seeds") / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FailingLine, "runs", 0)
        patch.setattr(training, "ProgressLine", FailingLine)
        with pytest.raises(PowerFailureError):
            several(folder, "3", "5")
    between = state_of(folder)
    return SimpleNamespace(
        folder=folder, between=between, done=several(folder, "3", "5")
    )


def test_what_is_finished_is_not_repeated(repeated, several):
    assert f"{repeated.folder}/seeds.txt" not in repeated.between
    assert repeated.done == [5]
    finished = state_of(repeated.folder / "seed-3")
    assert finished.items() <= repeated.between.items()
    assert several(repeated.folder, "5", "3") == []
    assert state_of(repeated.folder / "seed-3") == finished


def test_each_run_is_what_it_is_alone(repeated, pipeline, settings, place_on, tmp_path):
    alone = tmp_path / "alone"
    pipeline.run(pipeline.prepare(settings(alone, seed=5)), placement=place_on())
    assert weights_of(repeated.folder / "seed-5") == weights_of(alone)
    assert len(weights_of(alone)) == 2
    assert scores_of(repeated.folder / "seed-5") == scores_of(alone)


def test_the_page_has_the_scores_of_the_runs(repeated):
    page = repeated.folder / "seeds.txt"
    values = np.array([scores_of(repeated.folder / f"seed-{n}") for n in (3, 5)])
    names = ("eval_accuracy", "eval_loss", "test_accuracy")
    for name, found in zip(names, values.T, strict=True):
        mean, deviation, low, high, *each = numbers(page, label=name)
        assert sorted(each) == pytest.approx(sorted(found), abs=6e-5)
        assert mean == pytest.approx(found.mean(), abs=6e-5)
        assert deviation == pytest.approx(found.std(ddof=1), abs=6e-5)
        if deviation:
            between = scipy.stats.t.interval(0.95, 1, mean, scipy.stats.sem(found))
            assert (low, high) == pytest.approx(between, abs=2e-4)


def test_the_run_stands_beside_simpler_ones(repeated):
    own = [scores_of(repeated.folder / f"seed-{seed}")[0] for seed in (3, 5)]
    page = repeated.folder / "compare.txt"
    mean, spread, difference, _, _ = numbers(page, label="majority")
    majority, _ = numbers(repeated.folder / "seed-3/compare.txt", label="majority")
    assert mean == pytest.approx(majority, abs=6e-4)  # there in three digits
    assert spread == 0
    assert difference == pytest.approx(np.mean(own) - mean, abs=1e-4)


@pytest.mark.parametrize("others", [{"learning_rate": 1e-3}, {"text_b": None}])
def test_another_run_is_refused(repeated, prepare_seeds, others):
    before = state_of(repeated.folder)
    with pytest.raises(SettingsError, match="seed-3 holds the checkpoints of another"):
        prepare_seeds(repeated.folder, "3", "5", **others)
    with pytest.raises(SettingsError, match="seed-5 holds the checkpoints of another"):
        prepare_seeds(repeated.folder, "4", "5", **others)
    assert state_of(repeated.folder) == before


def test_the_newest_checkpoint_is_gone_on_from_unless_never(repeated, prepare_seeds):
    jobs = prepare_seeds(repeated.folder, "4", "5").jobs
    assert [job.restored and job.restored.step for job in jobs] == [None, STEPS]
    jobs = prepare_seeds(repeated.folder, "4", "5", resume=Resume.NEVER).jobs
    assert [job.restored for job in jobs] == [None, None]


@pytest.mark.slow
def test_trained_runs_are_evaluated(repeated, several, tmp_path):
    folder = shutil.copytree(repeated.folder, tmp_path / "copy")
    evaluation = {"do_train": False, "do_predict": False, "compare": False}
    assert several(folder, "3", "5", **evaluation) == [3, 5]
    before = numbers(repeated.folder / "seeds.txt", label="mean")
    assert numbers(folder / "seeds.txt", label="mean") == before[:2]
    assert several(folder, "3", "5", **evaluation) == []


def test_what_was_trained_need_not_be_told_again(repeated, pipeline):
    values = pipeline.values | {"do_train": False, "output_dir": str(repeated.folder)}
    untold = values | {"max_seq_length": 128, "init_checkpoint": None}
    asked = SeedSettings(seeds=("5", "3"))
    filled = asked.fill(pipeline.settings, untold, given={"output_dir"})
    assert values.items() <= filled.items()
    told = asked.fill(pipeline.settings, untold, given={"max_seq_length"})
    assert told["max_seq_length"] == 128


# Data ---------------------------------------------------------------------------------


def test_data_that_no_seed_decides_are_read_once(prepare_seeds, tmp_path, monkeypatch):
    tokenised = count_calls(monkeypatch, splits, "tokenise")
    jobs = prepare_seeds(tmp_path, "0", "1", "2").jobs
    assert len(tokenised) == len(SPLITS)
    assert [job.settings.seed for job in jobs] == [0, 1, 2]
    folders = [f"{tmp_path}/seed-{seed}" for seed in range(3)]
    assert [job.output_dir for job in jobs] == folders
    assert [job.settings.output_dir for job in jobs] == folders


def count_calls(monkeypatch, module, name):
    calls, function = [], getattr(module, name)

    def counted(*args, **kwargs):
        calls.append(name)
        return function(*args, **kwargs)

    monkeypatch.setattr(module, name, counted)
    return calls


def test_each_seed_deals_its_own_splits(prepare_seeds, tmp_path):
    jobs = prepare_seeds(tmp_path, "0", "1", split=("train:0.8", "dev:0.2")).jobs
    texts = [[each.text_a for each in job.splits["dev"].examples] for job in jobs]
    assert texts[0] != texts[1]
    [drawn] = jobs[0].settings.drawn_by_seed
    assert drawn == "which examples each split has, dealt by --split"


# Bad input ----------------------------------------------------------------------------


def test_a_seed_beside_seeds_is_refused(pipeline):
    values = {"do_train": True, "output_dir": "out"}
    with pytest.raises(SettingsError, match="--seed and --seeds"):
        SeedSettings(seeds=("0", "1")).fill(pipeline.settings, values, given={"seed"})
    assert SeedSettings().fill(pipeline.settings, values, given={"seed"}) == values


def test_a_folder_of_one_run_is_refused(prepare_seeds, tmp_path):
    storage.write_text(f"{tmp_path}/run.json", "{}")
    with pytest.raises(SettingsError, match="holds a run of one seed"):
        prepare_seeds(tmp_path, "0", "1")


def test_processes_that_share_a_run_are_refused(tmp_path):
    runs = seeds.SeveralRuns([], str(tmp_path))
    with pytest.raises(SettingsError, match="in one process, not in 2"):
        runs.run(lambda: None, placement=SimpleNamespace(processes=2))


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["0", "x", "1.5", "-1"], "whole numbers .*; got 'x', '1.5', '-1'"),
        (["0", str(2**32)], f"got '{2**32}'"),
        (["0", "9" * 5000], "whole numbers"),
        (["0", ""], "got ''"),
        (["0", "1", "01", "0"], "--seeds: 0, 1 is named more than once"),
        (["3"], "--seeds=3 names one seed"),
    ],
)
def test_what_names_no_seeds(names, said):
    with pytest.raises(SettingsError, match=said) as caught:
        SeedSettings(seeds=tuple(names))
    assert len(caught.value.problems) == 1
