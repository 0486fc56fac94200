"""Evaluations on the way, with an engine that counts."""

import collections
import json
import math
import os
import random
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest

from runtime import storage
from runtime.checkpoints import checkpoints
from runtime.devices.placement import Accelerator, Backend, Placement, Precision
from runtime.errors import RunStoppedError
from runtime.training import evaluations
from runtime.training.best_watch import Criterion
from runtime.training.evaluation_settings import Better
from runtime.training.evaluations import is_pending
from runtime.training.loop import Plan
from runtime.training.pace import Pace
from runtime.training.stop_request import StopRequest
from tests.runtime.training.evaluated_run import LOSSES, Evaluated, files_of

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../../.."))


@pytest.fixture
def folder(tmp_path):
    return str(tmp_path / "run")


def evaluations_of(metrics):
    return {line["step"]: line for line in metrics if "eval_loss" in line}


# When --------------------------------------------------------------------------------


def plan(every, *, total=100):
    return Plan(
        total_steps=total,
        steps_per_call=8,
        save_every=10,
        directory="",
        evaluate_every=every,
    )


def steps_of(every, *, total):
    made = plan(every, total=total)
    return [step for step in range(1, total + 1) if made.evaluates_at(step)]


@pytest.mark.parametrize(
    ("every", "total", "steps"),
    [
        (Fraction(10), 30, [10, 20, 30]),
        (Fraction(10), 35, [10, 20, 30, 35]),
        (Fraction(90, 8), 33, [11, 22, 33]),
        (Fraction(90, 8), 50, [11, 22, 33, 45, 50]),
        (Fraction(50), 7, [7]),
        (Fraction(2, 3), 4, [1, 2, 3, 4]),
        (None, 5, []),
    ],
)
def test_when(every, total, steps):
    assert steps_of(every, total=total) == steps


def test_every_epoch_of_any_length_ends_with_an_evaluation():
    rng = random.Random(3)
    for _ in range(100):
        every = Fraction(rng.randint(1, 400), rng.randint(1, 40))
        total = rng.randint(1, 60)
        epochs = (math.floor(k * every) for k in range(1, 2 * total * 40))
        wanted = {step for step in epochs if 0 < step < total} | {total}
        assert steps_of(every, total=total) == sorted(wanted)


# Course ------------------------------------------------------------------------------


def test_scores_are_logged_and_saved_with_the_weights_that_they_are_of(folder):
    run = Evaluated(folder, losses=LOSSES, keep=9)
    metrics = run.go()
    assert run.evaluated == [3, 7, 10, 14, 17, 20]
    lines = evaluations_of(metrics)
    assert list(lines) == run.evaluated
    assert lines[7] == {"step": 7, "eval_loss": 0.25, "eval_accuracy": 1.0}
    assert [line["step"] for line in metrics if "loss" in line] == list(range(1, 21))
    # The periodic ones, and each that was the best so far.
    assert checkpoints.list_steps(run.directory) == [3, 6, 7, 12, 14, 18, 20]
    found = checkpoints.load_best(run.directory)
    assert found.weights["w"] == np.arange(15).sum()
    assert found.metrics == {
        "loss": pytest.approx(1 / 14),
        "skipped_updates": 0,
        "eval_loss": 0.125,
        "eval_accuracy": 2.0,
    }
    assert found.state[checkpoints.EVALUATIONS] == {
        "best_by": "eval_loss",
        "best_step": 14,
        "best_score": 0.125,
        "to_beat": 0.125,
        "without_improvement": 0,
        "stopped": False,
    }


def test_the_best_is_kept_beside_the_newest(folder):
    run = Evaluated(folder, losses={7: 0.5}, keep=1)
    run.go()
    assert checkpoints.list_steps(run.directory) == [7, 20]
    assert checkpoints.best(run.directory) == checkpoints.Best(
        step=7, by="eval_loss", score=0.5
    )


@pytest.mark.parametrize(
    ("losses", "best"),
    [
        ({3: 0.5, 7: 0.5, 20: 0.5}, 3),
        ({3: math.nan, 7: math.nan, 10: 3.0, 14: 4.0, 17: math.inf, 20: 5.0}, 10),
    ],
)
def test_of_equals_the_earlier_and_never_what_is_no_number(folder, losses, best):
    run = Evaluated(folder, losses=losses, keep=1)
    run.go()
    assert checkpoints.load_best(run.directory).step == best
    assert checkpoints.list_steps(run.directory) == [best, 20]


def test_a_run_that_chooses_none_leaves_what_one_without_evaluations_leaves(folder):
    Evaluated(folder, evaluate_every=None, criterion=None).go()
    other = f"{folder}-evaluated"
    Evaluated(other, criterion=None).go()
    for step in (18, 20):
        name = f"/checkpoints/step-{step:08d}/{{}}"
        for file in ("weights.safetensors", "optimizer.safetensors", "state.json"):
            path = name.format(file)
            assert storage.read_bytes(folder + path) == storage.read_bytes(other + path)


def test_the_run_ends_when_it_gets_no_better(folder, caplog):
    caplog.set_level("INFO")
    patient = Criterion(score="eval_loss", better=Better.SMALLER, patience=2)
    run = Evaluated(folder, losses={3: 0.5, 7: 0.25}, criterion=patient)
    metrics = run.go()
    assert run.evaluated == [3, 7, 10, 14]
    assert metrics[-1]["step"] == 14
    rates = [line["learning_rate"] for line in metrics if "loss" in line]
    assert rates == pytest.approx(3 / np.arange(1, 15))  # as without patience
    assert "Training ends after step 14: evaluations without" in caplog.text
    assert "the best: eval_loss 0.25 after step 7" in caplog.text
    last = checkpoints.load_newest(run.directory)
    assert last.step == 14
    assert last.state[checkpoints.EVALUATIONS]["stopped"]
    before = files_of(folder)
    again = Evaluated(folder, criterion=patient)
    again.go()
    assert again.fed == again.evaluated == []
    assert files_of(folder) == before
    more = Criterion(score="eval_loss", better=Better.SMALLER, patience=3)
    Evaluated(folder, criterion=more).go()
    assert checkpoints.load_newest(run.directory).step == 17


def test_whatever_is_combined_the_batches_and_losses_are_the_same(tmp_path):
    rng = random.Random(11)
    for trial in range(12):
        told = {
            "total": rng.randint(1, 30),
            "steps_per_call": rng.randint(1, 9),
            "save_every": rng.randint(4, 15),
            "losses": {step: rng.choice([0.2, 0.4, 0.6]) for step in range(31)},
        }
        every = Fraction(rng.randint(6, 60), rng.randint(1, 6))
        plain = Evaluated(str(tmp_path / f"plain-{trial}"), evaluate_every=None, **told)
        run = Evaluated(str(tmp_path / f"run-{trial}"), evaluate_every=every, **told)
        lines, evaluated = plain.go(), run.go()
        assert run.fed == plain.fed, (every, told)
        assert run.evaluated == steps_of(every, total=told["total"])
        assert [line for line in evaluated if "eval_loss" not in line] == lines
        ends = {call[-1] for call in run.engine.calls}
        assert ends >= set(run.evaluated)
        best = min(run.evaluated, key=lambda step: (told["losses"][step], step))
        assert checkpoints.load_best(run.directory).step == best


class Slow(Pace):
    """Calls of one update, whatever they take."""

    def part(self, step, stop):
        return min(step + 1, stop)


def test_in_how_many_calls_the_updates_are_done_changes_nothing(folder):
    Evaluated(folder, losses=LOSSES).go()
    other = Evaluated(f"{folder}-slow", losses=LOSSES, pace=Slow(StopRequest()))
    other.go()
    assert files_of(other.folder) == files_of(folder)
    assert len(other.engine.calls) == 20


# Interrupted -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("evaluation", "batch"), [(1, 1), (1, 3), (2, 2), (3, 1), (4, 3), (6, 1), (6, 3)]
)
def test_a_request_amid_an_evaluation_does_not_wait_for_it(folder, evaluation, batch):
    whole = f"{folder}-whole"
    Evaluated(whole, losses=LOSSES).go()
    stop, left = StopRequest(grace=60), collections.Counter(predict=3 * evaluation)
    left["predict"] += batch - 3

    def tick(what):
        left[what] -= 1
        if what == "predict" and left[what] == 0:
            stop.ask("a test")

    run = Evaluated(folder, losses=LOSSES, tick=tick, stop=stop)
    with stop.on_signals(), pytest.raises(RunStoppedError):
        run.go()
    step = [3, 7, 10, 14, 17, 20][evaluation - 1]
    found = checkpoints.load_newest(run.directory)
    assert found.step == step
    assert is_pending(found.state[checkpoints.EVALUATIONS])
    assert step not in run.evaluated
    resumed = Evaluated(folder, losses=LOSSES)
    metrics = resumed.go()
    assert resumed.evaluated[0] == step
    assert len(evaluations_of(metrics)) == 6
    assert contents(folder) == contents(whole)


def contents(folder):
    """Metrics, and what the last and the best checkpoint hold."""
    directory = f"{folder}/checkpoints"
    found = (checkpoints.load_newest(directory), checkpoints.load_best(directory))
    held = [(c.step, c.weights["w"], c.state, dict(c.metrics)) for c in found]
    return storage.read_bytes(f"{folder}/metrics.jsonl"), held


def test_a_line_of_an_evaluation_that_is_repeated_stands_once(folder):
    run = Evaluated(folder, losses=LOSSES, total=7, evaluate_every=Fraction(7))
    stop = run.stop
    run.tick = lambda what: stop.ask("a test") if what == "predict" else None
    with stop.on_signals(), pytest.raises(RunStoppedError):
        run.go()
    resumed = Evaluated(folder, losses=LOSSES, total=7, evaluate_every=Fraction(7))

    def end_after_the_line(what):
        if what == "log result":
            raise KeyboardInterrupt

    resumed.tick = end_after_the_line
    with pytest.raises(KeyboardInterrupt):
        resumed.go()
    last = Evaluated(folder, losses=LOSSES, total=7, evaluate_every=Fraction(7))
    assert [line["step"] for line in last.go() if "eval_loss" in line] == [7]


@pytest.mark.parametrize("stride", [pytest.param("1", marks=pytest.mark.slow), "13"])
def test_killed_at_any_instant_it_ends_in_the_same_bytes(tmp_path, stride):
    program = "tests.runtime.training.evaluated_run"
    done = subprocess.run(
        [sys.executable, "-m", program, str(tmp_path), stride],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["wrong"] == []
    assert collections.Counter(found["instants"])["predict"] == 18
    assert {"log", "write", "saved"} < set(found["instants"])


# Together ----------------------------------------------------------------------------


def test_all_processes_go_by_the_scores_of_the_chief(monkeypatch):
    scores = [{"eval_loss": 0.1 + place, "eval_x": -1e-300} for place in range(3)]
    chief = 1
    rows = [
        [place == chief, *evaluations._words(list(each.values()))]
        for place, each in enumerate(scores)
    ]
    monkeypatch.setattr(evaluations, "gather", lambda *_: rows)
    placement = Placement(
        backend=Backend.JAX,
        accelerator=Accelerator.CPU,
        precision=Precision.FLOAT32,
        devices=("0", "1", "2"),
        strategy=None,
        max_row_shapes=1,
        processes=3,
    )
    for each in scores:
        assert evaluations.scores_of_chief(placement, each) == scores[chief]
    assert all(0 <= word < 2**31 for row in rows for word in row)
