"""One process's part in a run that two share and evaluate; see tests/process_group.py.

    python -m tests.runtime.training.evaluated_together BACKEND FOLDER ASKED [FLAGS]

trains, evaluates every second update and measures what only the chief may decide by:
its loss is the least after update 4, that of the other falls to the end. With an ASKED
that is not 0 the other process is asked to stop amid the evaluation after that update.
The last line of the output is a JSON object.
"""

import contextlib
import io
import json
import sys
from fractions import Fraction

import numpy as np

from processors.batches.batch_shape import PadTo
from runtime.checkpoints import checkpoints
from runtime.checkpoints.checkpoint_writer import (
    BackgroundCheckpointWriter,
    NoCheckpointWriter,
)
from runtime.checkpoints.retention import Retention
from runtime.engine.engine import EngineState
from runtime.errors import RunStoppedError
from runtime.training import evaluations, loop, pace
from runtime.training.best_watch import Criterion, ScoreWatch
from runtime.training.evaluation_settings import Better
from runtime.training.evaluations import DevEvaluations
from runtime.training.loop import CallBatch, Plan
from runtime.training.progress import ProgressLine
from runtime.training.run_record import RunRecord
from runtime.training.stop_request import StopRequest
from tests.runtime.training.shared_run import settings_of

PATIENT = Criterion(score="eval_loss", better=Better.SMALLER, patience=2)
TOTAL = 16


class Part:
    """What a process does."""

    def __init__(self, placement, *, folder, asked):
        from tests.runtime.engine import engine_runs

        self._placement, self._folder, self._asked = placement, folder, asked
        run = engine_runs.small(placement, pad_to=PadTo.MAX)
        self._engine, calls = run.engine, run.calls
        self._updates = {
            name: np.concatenate([call[name] for call in calls]) for name in calls[0]
        }
        self._stop = StopRequest(grace=100)
        self._evaluated = []
        self._found = checkpoints.load_newest(f"{folder}/checkpoints")

    def go(self):
        """Trains to the end; returns what happened."""
        cause = None
        if self._found is not None:
            self._engine.load_state(
                EngineState(self._found.step, self._found.weights, self._found.slots)
            )
        try:
            with self._stop.on_signals():
                self._run()
        except RunStoppedError as error:
            cause = str(error)
        watch = self._evaluations.state().get(checkpoints.EVALUATIONS)
        return {
            "step": self._engine.step,
            "evaluated": self._evaluated,
            "state": watch,
            "cause": cause,
        }

    def _run(self):
        name = "" if self._placement.is_chief else "/other"
        with contextlib.closing(RunRecord(f"{self._folder}{name}")) as record:
            self._evaluations = DevEvaluations(
                self._score,
                watch=ScoreWatch(PATIENT, state=self._state()),
                record=record,
                state=self._state(),
                agree=lambda found: evaluations.scores_of_chief(self._placement, found),
            )
            loop.run(
                self._engine,
                self._feed,
                plan=Plan(
                    total_steps=TOTAL,
                    steps_per_call=4,
                    save_every=100,
                    directory=f"{self._folder}/checkpoints",
                    evaluate_every=Fraction(2),
                ),
                record=record,
                progress=lambda: ProgressLine(TOTAL, stream=io.StringIO()),
                writer=self._writer(record),
                pace=pace.of_run(self._stop, placement=self._placement, total=TOTAL),
                evaluations=self._evaluations,
            )

    def _state(self):
        return self._found.state.get(checkpoints.EVALUATIONS, {}) if self._found else {}

    def _writer(self, record):
        if not self._placement.is_chief:
            return NoCheckpointWriter()
        return BackgroundCheckpointWriter(
            f"{self._folder}/checkpoints",
            state={},
            retention=Retention(newest=1),
            before_saving=record.sync,
        )

    def _feed(self, first, stop):
        arrays = {name: value[first:stop] for name, value in self._updates.items()}
        return CallBatch(arrays=arrays, examples=1, tokens=1)

    def _score(self, predictor):
        batch = {name: value[0, 0] for name, value in self._updates.items()}
        step, is_chief = self._engine.step, self._placement.is_chief
        predictor.predict(batch)
        if step == self._asked and not is_chief:
            self._stop.ask("a test")
        predictor.predict(batch)
        self._evaluated.append(step)
        return {"eval_loss": 0.1 + abs(step - 4) if is_chief else 1 / step}


def main(backend, folder, asked, *flags):
    placement = settings_of(backend, flags).place()
    found = Part(placement, folder=folder, asked=int(asked)).go()
    sys.stdout.write(f"\n{json.dumps(found | {'is_chief': placement.is_chief})}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
