import contextlib
import dataclasses
import math
from fractions import Fraction

import pytest

from runtime.checkpoints import checkpoints
from runtime.devices.placement import Accelerator, Backend, Placement, Precision
from runtime.errors import SettingsError, StorageError
from runtime.settings import setting
from runtime.training import job, model
from runtime.training.evaluation_settings import Better
from runtime.training.evaluations import Evaluation
from runtime.training.job import Job
from runtime.training.run_lock import NoLock
from runtime.training.run_record import RunRecord
from runtime.training.run_settings import RunSettings
from runtime.training.stop_request import StopRequest
from runtime.training.training import RunContext, Training
from tests.runtime.training.counting_engine import CountingEngine, feed


class LostLock(NoLock):
    def check(self):
        raise StorageError("Another process holds it.")


def context(lock):
    return RunContext(
        placement=None, folder="gs://b/run", record=None, lock=lock, stop=None
    )


def test_files_go_into_the_folder_of_the_run():
    assert context(NoLock()).path("eval_results.txt") == "gs://b/run/eval_results.txt"


def test_no_file_goes_into_a_folder_that_another_run_has():
    with pytest.raises(StorageError, match="Another process holds it"):
        context(LostLock()).path("eval_results.txt")


# Evaluated on its way -------------------------------------------------------------

PLACEMENT = Placement(
    backend=Backend.JAX,
    accelerator=Accelerator.CPU,
    precision=Precision.FLOAT32,
    devices=("CPU:0",),
    strategy=None,
    max_row_shapes=1,
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(RunSettings):
    do_train: bool = setting(True, help="Whether to train.")
    train_batch_size: int = setting(8, help="Examples.")
    max_steps: int | None = setting(30, help="Updates.")

    @property
    def trains(self):
        return self.do_train

    def scores(self):
        return {**super().scores(), "eval_accuracy": Better.LARGER}


class CountingJob(Job):
    @property
    def total_steps(self):
        return self.settings.max_steps

    def model_traits(self):
        return []


class Run:
    """One process of a run on 20 examples, thus 2.5 updates an epoch.

    Attributes:
        evaluated: Steps.
    """

    def __init__(self, folder, *, accuracies, **settings):
        told = Settings(output_dir=str(folder), **settings)
        self.job = CountingJob(
            settings=told,
            output_dir=str(folder),
            restored=job.restore(told, init_checkpoint=None),
        )
        self.engine = CountingEngine()
        self.evaluated = []
        self._accuracies = accuracies
        self._stop = StopRequest()

    def go(self, *, evaluates=True):
        with contextlib.closing(RunRecord(self.job.output_dir)) as record:
            context = RunContext(
                placement=PLACEMENT,
                folder=self.job.output_dir,
                record=record,
                lock=NoLock(),
                stop=self._stop,
            )
            self.training = Training(self.job, context=context)
            self.training.claim_output_dir()
            model.resume(self.engine, self.job)
            if not self.training.has_ended(self.engine):
                evaluation = Evaluation(scorer=self.score, train_examples=20)
                self.training.fit(
                    self.engine, feed, evaluation=evaluation if evaluates else None
                )
            self.training.load_best(self.engine)
            return record.metrics()

    def score(self, predictor):
        predictor.predict({"number": 0})
        self.evaluated.append(self.engine.step)
        accuracy = self._accuracies.get(self.engine.step, 0.5)
        return {"eval_loss": 1 - accuracy, "eval_accuracy": accuracy}


def directory(run):
    return run.job.checkpoint_dir


PATIENT = {"best_by": "eval_accuracy", "patience": 3}
ACCURACIES = {5: 0.75, 10: 0.875}


def test_without_flags_it_evaluates_each_epoch_and_uses_the_last(tmp_path):
    run = Run(tmp_path, accuracies=ACCURACIES)
    run.go()
    assert run.evaluated == [math.floor(Fraction(5, 2) * k) for k in range(1, 13)]
    assert run.engine.step == 30
    assert checkpoints.best(directory(run)) is None
    assert "evaluations" not in checkpoints.load_newest(directory(run)).state


def test_a_run_that_is_over_is_over_for_good_and_uses_its_best(tmp_path, caplog):
    caplog.set_level("INFO")
    run = Run(tmp_path, accuracies=ACCURACIES, **PATIENT)
    lines = run.go()
    assert run.evaluated == [2, 5, 7, 10, 12, 15, 17]
    assert checkpoints.list_steps(directory(run)) == [2, 5, 10, 17]
    assert run.engine.step == 10
    assert run.engine.state().weights["w"] == 55
    assert "Using step 10: the best eval_accuracy, 0.875." in caplog.text
    caplog.clear()
    again = Run(tmp_path, accuracies=ACCURACIES, **PATIENT)
    assert again.go() == lines
    assert again.evaluated == again.engine.calls == []
    assert again.engine.step == 10
    assert (
        "Skipping training since it has ended after step 17: evaluations without "
        "improvement: 3; the best: eval_accuracy 0.875 after step 10." in caplog.text
    )


def test_who_evaluates_later_finds_the_best(tmp_path):
    Run(tmp_path, accuracies=ACCURACIES, **PATIENT).go()
    later = Settings(output_dir=str(tmp_path), do_train=False)
    found = job.restore(later, init_checkpoint=None)
    assert found.step == 10
    assert found.metrics["eval_accuracy"] == 0.875


def test_patience_alone_watches_the_loss_and_uses_the_best(tmp_path):
    run = Run(tmp_path, accuracies=ACCURACIES, patience=3)
    run.go()
    assert run.engine.step == 10
    best = checkpoints.Best(step=10, by="eval_loss", score=0.125)
    assert checkpoints.best(directory(run)) == best


def test_a_last_evaluation_that_was_put_off_is_made_up_for(tmp_path):
    told = {"accuracies": {30: 1.0}, "best_by": "eval_accuracy", "eval_every": "30"}
    run = Run(tmp_path, **told)
    run.go()
    state = checkpoints.load_newest(directory(run)).state
    state["evaluations"] = {"pending": True}
    checkpoints.save(
        directory(run),
        step=30,
        weights=run.engine.state().weights,
        slots=run.engine.state().slots,
        state=state,
        metrics={"loss": 0.5},
    )
    again = Run(tmp_path, **told)
    again.go()
    assert again.evaluated == [30]
    found = checkpoints.load_best(directory(run))
    assert found.step == 30
    assert found.metrics == {
        "loss": 0.5,
        "skipped_updates": 0,
        "eval_loss": 0.0,
        "eval_accuracy": 1.0,
    }


def test_where_no_score_is_a_number_the_last_are_used(tmp_path, caplog):
    run = Run(
        tmp_path,
        accuracies=dict.fromkeys(range(31), math.nan),
        best_by="eval_accuracy",
    )
    run.go()
    assert run.engine.step == 30
    assert "No eval_accuracy was a finite number" in caplog.text


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"patience": 4}, "patience: 3 there, 4 here."),
        ({"best_by": "eval_loss"}, 'best_by: "eval_accuracy" there, "eval_loss" here.'),
        ({"min_improvement": 0.5}, "min_improvement: 0.0 there, 0.5 here."),
        ({"eval_every": "4"}, 'eval_every: "epoch" there, "4" here.'),
    ],
)
def test_a_run_that_is_watched_otherwise_is_refused_unless_accepted(
    tmp_path, changed, sentence
):
    Run(tmp_path, accuracies=ACCURACIES, **PATIENT).go()
    told = PATIENT | changed
    with pytest.raises(SettingsError) as caught:
        Run(tmp_path, accuracies=ACCURACIES, **told).go()
    assert caught.value.problems[1:] == (sentence,)
    (flag,) = changed
    Run(tmp_path, accuracies=ACCURACIES, accept_changed=(flag,), **told).go()


def test_more_patience_that_is_accepted_trains_on(tmp_path):
    Run(tmp_path, accuracies=ACCURACIES, **PATIENT).go()
    told = PATIENT | {"patience": 5, "accept_changed": ("patience",)}
    run = Run(tmp_path, accuracies=ACCURACIES, **told)
    run.go()
    assert run.evaluated == [20, 22]


def test_a_watch_without_evaluations_is_refused_before_the_first_update(tmp_path):
    run = Run(tmp_path, accuracies={}, **PATIENT)
    with pytest.raises(SettingsError, match="add --do_eval"):
        run.go(evaluates=False)
    assert run.engine.calls == []
