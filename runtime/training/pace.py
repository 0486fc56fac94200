"""How many updates a run does between two looks at whether it is to stop.

A request must not wait for all the updates of a long call: there are 25 seconds to end
what is under way and to save. So the updates are done in parts that take seconds. How
many parts changes no bit of the result (`Engine.advance`), and may thus be measured.
"""

from __future__ import annotations

import contextlib
import functools
import math
import time
from collections.abc import Callable, Iterator, Sequence

from runtime.devices.placement import Placement, gather
from runtime.training.stop_request import StopRequest

_PART_SECONDS = 5.0
_MOMENT = 1.0  # seconds
_MOST = 2**31 - 1  # of a number that processes tell each other


class Pace:
    """The looks of a run of one process: after each call of the devices.

    Args:
        stop: Whether the run was asked to stop.
        clock: Seconds since any moment, never going back.
    """

    def __init__(
        self, stop: StopRequest, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.stop = stop
        self._clock = clock
        self._updates = 1
        self._seconds = math.inf  # an update takes
        self._calls = 0  # that the devices have
        self._since = 0.0

    def is_to_stop(self, step: int) -> bool:
        """Whether to end at this step.

        Args:
            step: Updates done.
        """
        del step
        return self.stop.cause is not None

    def is_to_leave(self) -> bool:
        """Whether to leave what is under way between two updates."""
        return self.stop.cause is not None

    def finish(self, step: int) -> None:
        """Looks a last time, when no more updates are to be done.

        Args:
            step: Updates done.
        """
        self.is_to_stop(step)

    def part(self, step: int, stop: int) -> int:
        """The step at which the next call of the devices is to end.

        Args:
            step: Updates done.
            stop: Where it must end.
        """
        return min(step + self._updates, stop)

    def is_moment(self, updates: int) -> bool:
        """Whether so many updates take so little that a stop may wait for them."""
        return self._seconds * updates <= _MOMENT

    def begin(self) -> None:
        """Takes note that the devices are given a call."""
        if not self._calls:
            self._since = self._clock()
        self._calls += 1

    def end(self, updates: int) -> None:
        """Takes note that the devices have done a call, the first one they had.

        Args:
            updates: Done in it.
        """
        now = self._clock()
        self._adapt((now - self._since) / updates)
        self._since = now
        self._calls -= 1

    @contextlib.contextmanager
    def aside(self) -> Iterator[None]:
        """Takes what is done in the `with` block for no part of an update."""
        yield

    def _adapt(self, seconds: float) -> None:
        """Plans parts of a few seconds; at most doubled, as one measurement may err.

        Args:
            seconds: What an update took.
        """
        self._seconds = seconds
        fitting = max(int(_PART_SECONDS / max(seconds, 1e-9)), 1)
        self._updates = min(fitting, 2 * self._updates)


class SharedPace(Pace):
    """The looks of processes that share a run: at steps that all agree on.

    A look costs about as much as a small update, so there is one every few seconds.

    Args:
        stop: Whether this process was asked to stop.
        total: The step at which all look once more.
        gather: Tells all processes some numbers, and returns those of each.
        clock: Seconds since any moment, never going back.
    """

    def __init__(
        self,
        stop: StopRequest,
        *,
        total: int,
        gather: Callable[[Sequence[int]], list[list[int]]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(stop, clock=clock)
        self._total = total
        self._tell_all = gather
        self._all_stop = False
        self._looked_at_step: int | None = None
        self._looked_at = 0.0
        self._next_look = 0

    def is_to_stop(self, step: int) -> bool:
        """Whether to end at this step: the same answer in all processes."""
        if step >= self._next_look:
            self._look(step)
        return self._all_stop

    def is_to_leave(self) -> bool:
        """Whether to leave what is under way: the same answer in all processes."""
        if not self._all_stop:
            self._hear(self._tell_all([self.stop.cause is not None]))
        return self._all_stop

    def finish(self, step: int) -> None:
        """Looks a last time, so that all end by the same request; see base class."""
        if not self._all_stop:
            self._look(step)

    def part(self, step: int, stop: int) -> int:
        """The step at which the next call of the devices is to end; see base class."""
        del step
        return min(self._next_look, stop)

    def begin(self) -> None:
        """Does nothing: all that lies between two looks is measured."""

    def end(self, updates: int) -> None:
        """Does nothing, as `begin`."""
        del updates

    @contextlib.contextmanager
    def aside(self) -> Iterator[None]:
        """Takes what is done in the `with` block for no part of an update."""
        start = self._clock()
        yield
        self._looked_at += self._clock() - start

    def _look(self, step: int) -> None:
        """Learns who was asked to stop, and how long the slowest takes an update."""
        microseconds = min(int(self._seconds_an_update(step) * 1e6), _MOST)
        asked = self.stop.cause is not None
        of_all = self._tell_all([asked, microseconds])
        self._hear(of_all)
        if self._looked_at_step is not None:
            self._adapt(max(slowest for _, slowest in of_all) / 1e6)
        self._looked_at_step, self._looked_at = step, self._clock()
        last = max(self._total, step + 1)  # after the total there is no other look
        self._next_look = min(step + self._updates, last)

    def _hear(self, of_all: Sequence[Sequence[int]]) -> None:
        """Learns who was asked to stop; each row begins with whether it was."""
        askers = [process for process, row in enumerate(of_all) if row[0]]
        self._all_stop = bool(askers)
        if askers:
            self.stop.ask_once(f"process {askers[0]}, which was asked to stop")

    def _seconds_an_update(self, step: int) -> float:
        if self._looked_at_step is None:
            return 0.0
        return (self._clock() - self._looked_at) / (step - self._looked_at_step)


def of_run(stop: StopRequest, *, placement: Placement, total: int) -> Pace:
    """The pace of a run on its processes.

    Args:
        stop: Whether this process was asked to stop.
        placement: Of the run.
        total: Updates of the whole run.
    """
    if placement.processes == 1:
        return Pace(stop)
    return SharedPace(stop, total=total, gather=functools.partial(gather, placement))
