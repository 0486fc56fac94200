"""Asked to stop: by a signal, or by a machine that will be taken away.

A run that trains saves what it has reached and ends with an exit code of its own, so
that who started it can tell "run the same command again" from an error. Every file is
written whole or not at all, so a run can also end at any other moment.

A command is done when its run is, and may end the process. A notebook or another
program goes on after the run: there nothing ends the process, and Ctrl-C, or the
notebook's button, becomes KeyboardInterrupt once what was reached is saved.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from types import FrameType

from runtime.errors import RunStoppedError
from runtime.scoped import scoped
from runtime.training import signal_watch

GRACE_SECONDS = 25.0
"""Time to save; a spot machine of Google Cloud is taken away after 30 seconds."""

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
# What starts a run may pass on a signal that the run has had from the system itself.
_SAME_REQUEST_SECONDS = 1.0

_log = logging.getLogger(__name__)


class StopRequest:
    """Whether the run of a command was asked to stop.

    Args:
        grace: Seconds from the request to the end, however far the run is by then.
        leave: Ends the process at once, with the exit code it is given.
    """

    def __init__(
        self, *, grace: float = GRACE_SECONDS, leave: Callable[[int], object] = os._exit
    ) -> None:
        self._grace = grace
        self._leave = leave
        self._cause: str | None = None
        self._first_at: float | None = None
        self._waits = False
        self._taken: tuple[signal.Signals, ...] = ()
        self._timer: threading.Timer | None = None
        # A handler may interrupt its own thread while that holds it.
        self._asking = threading.RLock()

    @property
    def cause(self) -> str | None:
        """Who asked; None while nobody has."""
        return self._cause

    def ask(self, cause: str) -> None:
        """Asks the run to stop; the second time it ends at once.

        Args:
            cause: Who asks.
        """
        self.ask_once(cause)
        if self._is_repeated():
            _log.warning("Asked again (%s): ending at once.", cause)
            self.leave(RunStoppedError.EXIT_CODE)

    def ask_once(self, cause: str) -> None:
        """Asks the run to stop, unless it was asked before.

        Args:
            cause: Who asks.
        """
        with self._asking:
            if self._cause is not None:
                return
            self._cause = cause
            self._start_timer()
        if self._waits:
            _log.warning("%s: saving after the updates under way.", cause)

    def leave(self, code: int) -> None:
        """Ends the process at once, where it is there for the run alone.

        Args:
            code: Its exit code.
        """
        self._leave(code)

    def refuse_to_go_on(self) -> None:
        """Ends the run if it was asked to stop.

        Raises:
            RunStoppedError: It was.
        """
        if self._cause is not None:
            raise RunStoppedError(self._sentence())

    @contextlib.contextmanager
    def at_the_next_update(self) -> Iterator[None]:
        """Within the `with` block a request waits until the run asks for it.

        Raises:
            RunStoppedError: At the end of the block, a request still waited.
        """
        self._waits = True
        try:
            yield
        finally:
            self._waits = False
        self.refuse_to_go_on()

    @contextlib.contextmanager
    def on_signals(self) -> Iterator[StopRequest]:
        """Takes SIGTERM and SIGINT for requests within the `with` block.

        Outside the main thread signals stay as they are: Python allows no other.

        Yields:
            This request.
        """
        in_main = threading.current_thread() is threading.main_thread()
        with contextlib.ExitStack() as stack:
            stack.callback(self._cancel_timer)
            if in_main:
                stack.enter_context(self._handled())
            yield self

    def take_signals_again(self) -> None:
        """To be called after what may have taken them, within `on_signals`.

        Where processes share a run, the runtimes of TensorFlow and of JAX take SIGTERM
        for a preemption service of their own, which nobody here asks.
        """
        for number in self._taken:
            signal.signal(number, self._on_signal)

    @contextlib.contextmanager
    def _handled(self) -> Iterator[None]:
        before = {number: signal.signal(number, self._on_signal) for number in _SIGNALS}
        self._taken = _SIGNALS
        try:
            with self._watched():
                yield
        finally:
            self._taken = ()
            for number, handler in before.items():
                signal.signal(number, handler)

    def _watched(self) -> contextlib.AbstractContextManager[None]:
        """Asks as soon as a signal comes, whatever the main thread is in."""
        return signal_watch.watch(
            _SIGNALS, tell=lambda number: self.ask(signal.Signals(number).name)
        )

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        """Comes long after the signal perhaps; the watch tells a second one by time."""
        del frame
        self.ask_once(signal.Signals(number).name)
        if not self._waits:
            self.refuse_to_go_on()

    def _is_repeated(self) -> bool:
        """Whether somebody who may ask twice has asked before, and long enough ago."""
        now = time.monotonic()
        if self._first_at is None:
            self._first_at = now
        return now - self._first_at > _SAME_REQUEST_SECONDS

    def _sentence(self) -> str:
        return f"Stopped by {self._cause}. The same command goes on from here."

    def _start_timer(self) -> None:
        self._timer = threading.Timer(self._grace, self._give_up)
        self._timer.daemon = True
        self._timer.start()

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _give_up(self) -> None:
        _log.warning(
            "Not ended %g seconds after %s: leaving without saving what came after the"
            " newest checkpoint.",
            self._grace,
            self._cause,
        )
        self.leave(RunStoppedError.EXIT_CODE)


class Interruption(StopRequest):
    """Whether a run was asked to stop in a process that goes on after it."""

    def leave(self, code: int) -> None:
        """Does nothing: the process is somebody else's."""

    def refuse_to_go_on(self) -> None:
        """Ends the run if it was asked to stop.

        Raises:
            KeyboardInterrupt: It was, by SIGINT.
            RunStoppedError: It was, otherwise.
        """
        if self._cause == signal.SIGINT.name:
            raise KeyboardInterrupt(self._sentence())
        super().refuse_to_go_on()

    def ask(self, cause: str) -> None:
        """Asks the run to stop."""
        self.ask_once(cause)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        """The second time, what is reached since the last checkpoint is not saved."""
        super()._on_signal(number, frame)
        if self._is_repeated():
            self.refuse_to_go_on()

    def _watched(self) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()

    def _start_timer(self) -> None:
        """Nothing may end the process."""


_OF_COMMAND: ContextVar[StopRequest | None] = ContextVar("stop_request", default=None)


@contextlib.contextmanager
def of_command() -> Iterator[StopRequest]:
    """Takes signals for requests to the command that this process is there for.

    Yields:
        What all that runs within the `with` block finds by `of_run`.
    """
    with StopRequest().on_signals() as stop, scoped(_OF_COMMAND, stop):
        yield stop


@contextlib.contextmanager
def of_run() -> Iterator[StopRequest]:
    """Takes signals for requests to one run within the `with` block.

    Yields:
        The command's request, or where no command started the run one of its own.
    """
    stop = _OF_COMMAND.get()
    if stop is not None:
        stop.take_signals_again()
        yield stop
        return
    with Interruption().on_signals() as own:
        yield own
