"""The pace of one process, and of several that share a run."""

import io
import threading

import numpy as np
import pytest

from runtime.checkpoints import checkpoints
from runtime.errors import RunStoppedError, TrainingError
from runtime.training.pace import Pace, SharedPace
from runtime.training.stop_request import StopRequest
from tests.runtime.training.counting_engine import CountingEngine
from tests.runtime.training.loop_runs import make_plan, run


class Timed(CountingEngine):
    """Notes what it is given, and told of; an update takes `each` seconds.

    One of a new shape takes a minute more.
    """

    def __init__(self, each, *, new_shapes=(), **settings):
        super().__init__(**settings)
        self.seconds, self.notes, self._each = 0.0, [], each
        self._new_shapes = new_shapes

    def advance(self, dealt, *, stop):
        self.notes.append(f"given {stop}")
        compiling = 60 if stop in self._new_shapes else 0
        self.seconds += compiling
        self.seconds_compiling += compiling
        updates, report = stop - self.step, super().advance(dealt, stop=stop)

        def told():
            self.seconds += self._each * updates
            self.notes.append(f"told {stop}")
            return report()

        return told


def run_timed(engine, plan, *, stop=None, **line):
    def clock():
        return engine.seconds

    pace = Pace(stop or StopRequest(), clock=clock)
    return run(engine, plan, pace=pace, clock=clock, **line)


def test_long_calls_are_done_in_parts_of_seconds(tmp_path):
    engine = Timed(1.2)
    plan = make_plan(tmp_path, total_steps=24, steps_per_call=20, save_every=12)
    metrics = run_timed(engine, plan)
    assert [len(call) for call in engine.calls] == [1, 2, 4, 4, 1, 4, 4, 4]
    assert [number for call in engine.calls for number in call] == [*range(1, 25)]
    assert [line["step"] for line in metrics] == list(range(1, 25))
    assert checkpoints.list_steps(plan.directory) == [12, 24]


def test_quick_updates_are_soon_done_in_whole_calls(tmp_path):
    engine = Timed(0.001)
    plan = make_plan(tmp_path, total_steps=64, steps_per_call=16, save_every=64)
    run_timed(engine, plan)
    assert [len(call) for call in engine.calls] == [1, 2, 2, 4, 7, 16, 16, 16]


class AskedAt(Timed):
    """Asks the run to stop during an update."""

    def __init__(self, stop, update):
        super().__init__(3.0)
        self._stop, self._update = stop, update
        self.dealt = []

    def deal(self, arrays, *, first_step):
        self.dealt.append((first_step, arrays["number"].tolist()))
        return super().deal(arrays, first_step=first_step)

    def advance(self, dealt, *, stop):
        if self.step < self._update <= stop:
            self._stop.ask("a test")
        return super().advance(dealt, stop=stop)


def noted(tmp_path, engine):
    plan = make_plan(tmp_path, total_steps=8, steps_per_call=1, save_every=5)
    lines = run_timed(engine, plan)
    assert [line["step"] for line in lines] == list(range(1, 9))
    return " ".join(engine.notes)


def test_devices_have_the_next_call_before_one_is_told_of(tmp_path):
    assert noted(tmp_path, Timed(0.2)) == (
        "given 1 told 1 given 2 given 3 told 2 given 4 told 3 given 5 told 4 told 5"
        " given 6 given 7 told 6 given 8 told 7 told 8"
    )


def test_slow_updates_are_told_of_before_the_next(tmp_path):
    assert noted(tmp_path, Timed(1.1)) == " ".join(
        f"given {step} told {step}" for step in range(1, 9)
    )


def test_what_compiles_is_no_part_of_the_speed(tmp_path):
    engine, stream = Timed(0.5, new_shapes={1, 2, 7}), io.StringIO()
    plan = make_plan(tmp_path, total_steps=12, steps_per_call=1, save_every=12)
    run_timed(engine, plan, stream=stream, every_seconds=0)
    _, *lines = stream.getvalue().splitlines()
    assert all("  4.00 examples/s  " in line for line in lines)
    assert [line.split()[-1] for line in lines[:3]] == ["00:05", "00:04", "00:04"]
    assert lines[-1].endswith("took 03:06")


def test_what_is_no_number_is_found_while_the_next_call_is_done(tmp_path):
    engine = Timed(0.2, broken_update=7)
    with pytest.raises(TrainingError, match=r"Update 7 was not .* train-7, train-x"):
        noted(tmp_path, engine)
    assert engine.notes[-1] == "told 7"
    assert engine.step == 8
    assert checkpoints.list_steps(make_plan(tmp_path).directory) == [5]


def test_a_run_stopped_amid_a_call_goes_on_with_the_same_batches(tmp_path):
    stop = StopRequest(grace=60)
    plan = make_plan(tmp_path, total_steps=8, steps_per_call=8, save_every=8)
    engine = AskedAt(stop, 2)
    with stop.on_signals(), pytest.raises(RunStoppedError):
        run_timed(engine, plan, stop=stop)
    found = checkpoints.load_newest(plan.directory)
    assert found.step == 2
    assert found.metrics["loss"] == pytest.approx(1 / 2)
    resumed = AskedAt(stop, 99)
    resumed.load_checkpoint(found)
    run(resumed, plan)
    assert resumed.dealt == engine.dealt == [(0, list(range(1, 9)))]
    assert resumed.state().weights["w"] == np.arange(9).sum()


def test_who_is_left_out_amid_a_call_is_named(tmp_path):
    engine = Timed(3.0, broken_update=3)
    with pytest.raises(TrainingError, match=r"Update 3 .* examples: train-3, train-x"):
        run(engine, make_plan(tmp_path), pace=Pace(StopRequest()))


class Together:
    """Two processes, each a thread with a clock of its own.

    Attributes:
        looks: Steps at which all told each other.
    """

    def __init__(self, *, seconds, asked_at=(), total=40):
        self._seconds, self._asked_at, self._total = seconds, dict(asked_at), total
        self._barrier = threading.Barrier(len(seconds), timeout=10)
        self._told = [None] * len(seconds)
        self.looks = [[] for _ in seconds]
        self.ended = [None] * len(seconds)
        self.stops = [StopRequest(grace=600) for _ in seconds]

    def run(self):
        threads = [
            threading.Thread(target=self._process, args=(index,))
            for index in range(len(self._seconds))
        ]
        for thread in threads:
            thread.start()
        for thread, stop in zip(threads, self.stops, strict=True):
            thread.join()
            stop._cancel_timer()

    def _process(self, index):
        step, stop = 0, self.stops[index]

        def gather(numbers):
            self.looks[index].append(step)
            self._told[index] = list(numbers)
            self._barrier.wait()
            of_all = list(self._told)
            self._barrier.wait()
            return of_all

        pace = SharedPace(
            stop,
            total=self._total,
            gather=gather,
            clock=lambda: self._seconds[index] * step,
        )
        while step < self._total and not pace.is_to_stop(step):
            until = pace.part(step, self._total)
            assert until > step
            pace.begin()
            if step < self._asked_at.get(index, 0) <= until:
                stop.ask("SIGTERM")
            pace.end(until - step)
            step = until
        pace.finish(step)
        self.ended[index] = step


def test_they_look_every_few_seconds_of_the_slowest():
    both = Together(seconds=[0.1, 1.0])
    both.run()
    assert both.looks[0] == both.looks[1] == [0, 1, 3, 7, *range(12, 40, 5), 40]
    assert both.ended == [40, 40]
    assert [stop.cause for stop in both.stops] == [None, None]


@pytest.mark.parametrize("asked", [0, 1])
def test_if_one_is_asked_all_stop_at_one_update(asked):
    both = Together(seconds=[1.0, 0.5], asked_at={asked: 13})
    both.run()
    assert both.ended == [17, 17]
    causes = [stop.cause for stop in both.stops]
    assert causes.pop(asked) == "SIGTERM"
    assert causes == [f"process {asked}, which was asked to stop"]


def test_a_request_during_the_last_updates_is_everybodys():
    both = Together(seconds=[1.0, 1.0], asked_at={1: 39})
    both.run()
    assert both.ended == [40, 40]
    assert None not in [stop.cause for stop in both.stops]


class Alone:
    """A process whose peers say what a test says."""

    def __init__(self):
        self.now = 0.0
        self.told = []
        self.others = [0]
        self.stop = StopRequest(grace=600)
        self.pace = SharedPace(
            self.stop, total=100, gather=self._gather, clock=lambda: self.now
        )

    def _gather(self, numbers):
        self.told.append(list(numbers))
        return [list(numbers), *([asked, 0][: len(numbers)] for asked in self.others)]


def test_what_is_done_aside_is_no_part_of_an_update():
    alone = Alone()
    assert not alone.pace.is_to_stop(0)
    alone.now = 2.0
    with alone.pace.aside():
        alone.now += 1000.0
    assert not alone.pace.is_to_stop(1)
    assert alone.told == [[False, 0], [False, 2_000_000]]


def test_amid_an_evaluation_all_leave_where_one_is_asked():
    alone = Alone()
    assert not alone.pace.is_to_stop(0)
    assert not alone.pace.is_to_leave()
    alone.others = [1]
    assert alone.pace.is_to_leave()
    assert alone.stop.cause == "process 1, which was asked to stop"
    alone.stop._cancel_timer()
    asked = len(alone.told)
    assert alone.pace.is_to_leave()
    assert alone.pace.is_to_stop(0)
    alone.pace.finish(0)
    assert len(alone.told) == asked


def test_who_ends_before_the_total_looks_a_last_time():
    alone = Alone()
    assert not alone.pace.is_to_stop(0)
    alone.others = [1]
    alone.pace.finish(1)
    assert alone.stop.cause is not None
    alone.stop._cancel_timer()
