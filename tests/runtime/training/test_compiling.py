"""Time that goes into programs for new shapes is no speed of a run."""

import contextlib
import io

from runtime.checkpoints.checkpoint_writer import NoCheckpointWriter
from runtime.training import loop
from runtime.training.loop import Plan
from runtime.training.pace import Pace
from runtime.training.progress import ProgressLine
from runtime.training.run_record import RunRecord
from runtime.training.stop_request import StopRequest
from tests.runtime.training.counting_engine import CountingEngine, feed


class Compiling(CountingEngine):
    """Takes half a second for an update, and at some a minute for a new shape."""

    def __init__(self, *, shapes_at):
        super().__init__()
        self.now, self._shapes_at = 0.0, shapes_at

    def advance(self, dealt, *, stop):
        if stop in self._shapes_at:
            self.now += 60
            self.seconds_compiling += 60
        report = super().advance(dealt, stop=stop)

        def told():
            self.now += 0.5
            return report()

        return told


def lines_of(tmp_path, engine):
    stream = io.StringIO()
    plan = Plan(
        total_steps=12, steps_per_call=1, save_every=12, directory=str(tmp_path)
    )
    with contextlib.closing(RunRecord(str(tmp_path))) as record:
        loop.run(
            engine,
            feed,
            plan=plan,
            record=record,
            progress=lambda: ProgressLine(
                12, stream=stream, every_seconds=0, clock=lambda: engine.now
            ),
            writer=NoCheckpointWriter(),
            pace=Pace(StopRequest(), clock=lambda: engine.now),
        )
    return stream.getvalue().splitlines()


def test_speeds_are_those_of_updates(tmp_path):
    lines = lines_of(tmp_path, Compiling(shapes_at={1, 2, 7}))
    assert lines[0] == "step 1/12  loss 1.000"
    assert all("  4.00 examples/s  " in line for line in lines[1:])
    assert [line.split()[-1] for line in lines[1:4]] == ["00:05", "00:04", "00:04"]
    assert lines[-1].endswith("took 03:06")
