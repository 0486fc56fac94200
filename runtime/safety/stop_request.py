"""Asked to stop: by a signal, or by a machine that will be taken away.

A run that trains saves what it has reached and ends with an exit code of its own, so
that who started it can tell "run the same command again" from an error. Every file is
written whole or not at all, so a run can also end at any other moment.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType

from runtime.errors import RunStoppedError

GRACE_SECONDS = 25.0
"""Time to save; a spot machine of Google Cloud is taken away after 30 seconds."""

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
# What starts a run may pass on a signal that the run has had from the system itself.
_SAME_REQUEST_SECONDS = 1.0

_log = logging.getLogger(__name__)


class StopRequest:
    """Whether the run was asked to stop.

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
        self._asked_at = 0.0
        self._waits = False
        self._timer: threading.Timer | None = None

    @property
    def cause(self) -> str | None:
        """Who asked; None while nobody has."""
        return self._cause

    def ask(self, cause: str) -> None:
        """Asks the run to stop; the second time it ends at once.

        Args:
            cause: Who asks.
        """
        if self._cause is None:
            self._cause, self._asked_at = cause, time.monotonic()
            self._timer = threading.Timer(self._grace, self._give_up)
            self._timer.daemon = True
            self._timer.start()
        elif time.monotonic() - self._asked_at > _SAME_REQUEST_SECONDS:
            _log.warning("Asked again (%s): ending at once.", cause)
            self._leave(RunStoppedError.EXIT_CODE)

    def refuse_to_go_on(self) -> None:
        """Ends the run if it was asked to stop.

        Raises:
            RunStoppedError: It was.
        """
        if self._cause is not None:
            raise RunStoppedError(
                f"Stopped by {self._cause}. The same command goes on from here."
            )

    @contextlib.contextmanager
    def at_the_next_update(self) -> Iterator[None]:
        """Within the `with` block a request waits until the run asks for it."""
        self._waits = True
        try:
            yield
        finally:
            self._waits = False

    @contextlib.contextmanager
    def on_signals(self) -> Iterator[StopRequest]:
        """Takes SIGTERM and SIGINT for requests within the `with` block.

        Outside the main thread signals stay as they are: Python allows no other.

        Yields:
            This request.
        """
        in_main = threading.current_thread() is threading.main_thread()
        before = {
            number: signal.signal(number, self._on_signal)
            for number in (_SIGNALS if in_main else ())
        }
        try:
            yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            if self._timer is not None:
                self._timer.cancel()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        del frame
        self.ask(signal.Signals(number).name)
        if not self._waits:
            self.refuse_to_go_on()

    def _give_up(self) -> None:
        _log.warning(
            "Not ended %g seconds after %s: leaving without saving what came after the"
            " newest checkpoint.",
            self._grace,
            self._cause,
        )
        self._leave(RunStoppedError.EXIT_CODE)
