"""Runs of the training loop on an engine that counts."""

import contextlib
import io
import os

from runtime.checkpoints.checkpoint_writer import BackgroundCheckpointWriter
from runtime.checkpoints.retention import Retention
from runtime.training import loop
from runtime.training.loop import Plan
from runtime.training.pace import Pace
from runtime.training.progress import ProgressLine
from runtime.training.run_record import RunRecord
from runtime.training.stop_request import StopRequest
from tests.runtime.training.counting_engine import feed


def make_plan(tmp_path, **settings):
    defaults = {"total_steps": 10, "steps_per_call": 4, "save_every": 5}
    return Plan(**(defaults | settings), directory=str(tmp_path / "checkpoints"))


def unhurried(stop):
    """A pace at which all updates whose batches are made at once are one call."""
    pace = Pace(stop)
    pace.part = lambda _, stop: stop
    return pace


def run(
    engine, plan, *, stream=None, writer=None, keep=5, stop=None, pace=None, **line
):
    output_dir = os.path.dirname(plan.directory)
    with contextlib.closing(RunRecord(output_dir)) as record:
        loop.run(
            engine,
            feed,
            plan=plan,
            record=record,
            progress=lambda: ProgressLine(
                plan.total_steps,
                stream=stream or io.StringIO(),
                start=engine.step,
                **line,
            ),
            writer=writer
            or BackgroundCheckpointWriter(
                plan.directory,
                state={"seed": 3},
                retention=Retention(newest=keep),
                before_saving=record.sync,
            ),
            pace=pace or unhurried(stop or StopRequest()),
        )
        return record.metrics()
