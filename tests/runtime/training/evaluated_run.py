"""A run that counts, evaluates on its way and goes on from its newest checkpoint.

    python -m tests.runtime.training.evaluated_run FOLDER STRIDE

kills the run at each STRIDE-th of the instants at which it does something, and once
more on its way from there, lets it go on to its end and compares. The output is a JSON
object: the instants there are, and those after which the run ended otherwise.
"""

import contextlib
import dataclasses
import functools
import io
import json
import os
import signal
import sys
import traceback
from fractions import Fraction

import numpy as np

from runtime import storage
from runtime.checkpoints import checkpoints
from runtime.checkpoints.checkpoint_writer import BackgroundCheckpointWriter
from runtime.checkpoints.retention import Retention
from runtime.engine.engine import EngineState
from runtime.training import loop
from runtime.training.best_watch import Criterion, NoBestWatch, ScoreWatch
from runtime.training.evaluation_settings import Better
from runtime.training.evaluations import DevEvaluations
from runtime.training.loop import Plan
from runtime.training.pace import Pace
from runtime.training.progress import ProgressLine
from runtime.training.run_record import RunRecord
from runtime.training.stop_request import StopRequest
from tests.runtime.training.counting_engine import CountingEngine, feed

SMALLEST_LOSS = Criterion(score="eval_loss", better=Better.SMALLER)
BATCHES = 3  # of an evaluation


@dataclasses.dataclass
class Evaluated:
    """A run and what it is told.

    Attributes:
        losses: Of the evaluations, by step; 1.0 where none is given.
        tick: Called wherever something is done, with what.
    """

    folder: str
    losses: dict = dataclasses.field(default_factory=dict)
    criterion: Criterion | None = SMALLEST_LOSS
    evaluate_every: Fraction | None = Fraction(7, 2)
    total: int = 20
    steps_per_call: int = 4
    save_every: int = 6
    keep: int = 2
    stop: StopRequest = dataclasses.field(default_factory=StopRequest)
    tick: object = lambda _: None
    pace: object = None
    engine: object = None
    fed: list = dataclasses.field(default_factory=list)
    evaluated: list = dataclasses.field(default_factory=list)

    @property
    def directory(self):
        return os.path.join(self.folder, checkpoints.DIRECTORY)

    def go(self):
        """Goes on to the end; returns the lines of metrics."""
        found = checkpoints.load_newest(self.directory)
        self.engine = self.engine or CountingEngine()
        if found is not None:
            reached = EngineState(found.step, found.weights, found.slots)
            self.engine.load_state(reached)
        state = found.state.get(checkpoints.EVALUATIONS, {}) if found else {}
        with contextlib.closing(RunRecord(self.folder)) as record:
            record.rewind(found.step if found else -1)
            loop.run(
                self.engine,
                self._feed,
                plan=self._plan(found),
                record=Ticking(record, self.tick),
                progress=functools.partial(
                    ProgressLine, self.total, stream=io.StringIO()
                ),
                writer=self._writer(record),
                pace=self.pace or Pace(self.stop),
                evaluations=DevEvaluations(
                    self._score,
                    watch=self._watch(state),
                    record=Ticking(record, self.tick),
                    state=state,
                ),
            )
            return record.metrics()

    def _plan(self, found):
        return Plan(
            total_steps=self.total,
            steps_per_call=self.steps_per_call,
            save_every=self.save_every,
            directory=self.directory,
            evaluate_every=self.evaluate_every,
            reached=found.metrics if found else {},
        )

    def _writer(self, record):
        return BackgroundCheckpointWriter(
            self.directory,
            state={"seed": 3},
            retention=TickingRetention(newest=self.keep, tick=self.tick),
            before_saving=record.sync,
            may_write=lambda: self.tick("write"),
        )

    def _watch(self, state):
        if self.criterion is None:
            return NoBestWatch()
        return ScoreWatch(self.criterion, state=state)

    def _feed(self, first, stop):
        self.fed.append((first, stop))
        return feed(first, stop)

    def _score(self, predictor):
        for number in range(BATCHES):
            self.tick("predict")
            found = predictor.predict({"number": np.int64(number)})
        step = int(np.sqrt(2 * (found["sum"][0] - BATCHES + 1)))
        self.evaluated.append(step)
        return {
            "eval_loss": np.float32(self.losses.get(step, 1.0)),
            "eval_accuracy": step / 7,
        }


class Ticking:
    """A record, and a tick after each line."""

    def __init__(self, record, tick):
        self._record, self._tick = record, tick

    def log(self, step, metrics):
        self._record.log(step, metrics)
        self._tick("log")

    def log_result(self, step, metrics):
        self._record.log_result(step, metrics)
        self._tick("log result")


@dataclasses.dataclass(frozen=True, kw_only=True)
class TickingRetention(Retention):
    tick: object = None

    def prune(self, directory, *, saved, best=None):
        self.tick("saved")
        super().prune(directory, saved=saved, best=best)


def files_of(folder):
    """What a run must end with: its metrics, its last and its best checkpoint."""
    directory = os.path.join(folder, checkpoints.DIRECTORY)
    kept = [checkpoints.latest(directory), checkpoints.chosen(directory)]
    paths = [os.path.join(folder, "metrics.jsonl")]
    paths += [path for each in kept for path in storage.glob(f"{each}/*")]
    return {
        path.removeprefix(folder): storage.read_bytes(path).decode("latin-1")
        for path in paths
    }


# Killed ------------------------------------------------------------------------------

LOSSES = {3: 0.5, 7: 0.25, 10: 0.375, 14: 0.125, 17: 0.5, 20: 0.25}


def killed(folder, *, at):
    """Whether a run was killed at an instant before its end."""
    child = os.fork()
    if not child:
        left = at

        def tick(what):
            nonlocal left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

        try:
            Evaluated(folder, losses=LOSSES, tick=tick).go()
            os._exit(0)
        finally:
            traceback.print_exc()
            os._exit(3)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.waitstatus_to_exitcode(status) == 0
    return os.WIFSIGNALED(status)


def ends_alike(folder, *, at, wanted):
    """Whether a run that is killed twice, the first time there, ends the same."""
    killed(folder, at=at)
    killed(folder, at=1 + at % 11)
    while killed(folder, at=1000):
        pass
    return files_of(folder) == wanted


def main(folder, stride):
    ticks = []
    whole = os.path.join(folder, "whole")
    Evaluated(whole, losses=LOSSES, tick=ticks.append).go()
    wanted = files_of(whole)
    wrong = [
        (at, what)
        for at, what in list(enumerate(ticks, start=1))[:: int(stride)]
        if not ends_alike(os.path.join(folder, str(at)), at=at, wanted=wanted)
    ]
    sys.stdout.write(json.dumps({"instants": ticks, "wrong": wrong}))


if __name__ == "__main__":
    main(*sys.argv[1:])
