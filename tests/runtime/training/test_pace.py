"""The pace of processes that share a run; that of one is tested in test_loop.py."""

import threading

import pytest

from runtime.training.pace import SharedPace
from runtime.training.stop_request import StopRequest


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
