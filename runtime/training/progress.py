"""The one line that says how far a run is and how long it will still take."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import itertools
import time
import types
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import TextIO

_REWRITE_SECONDS = 0.1
_WINDOW_SECONDS = 30.0


@dataclasses.dataclass(frozen=True, slots=True)
class _Mark:
    """Where the run was at a time; all counts are since its start."""

    seconds: float
    step: int
    examples: int
    tokens: int


class ProgressLine:
    """Shows `step 120/690  loss 1.532  312 examples/s  39.9k tokens/s  left 1:49`.

    On a terminal one line is rewritten. Elsewhere, as in a log file, a line is added
    for the first update, for the last, and every few seconds between. Speeds are those
    of the last half minute, so that compilation does not weigh on them for long. Other
    work than training has no loss, and counts something else than steps.

    Args:
        total: The step at which the run ends.
        stream: Where the line goes.
        what: What the steps are.
        start: The step at which the run starts; above 0 when it is resumed.
        every_seconds: Seconds between lines where the stream is no terminal.
        clock: Seconds since any moment, never going back.
    """

    def __init__(
        self,
        total: int,
        *,
        stream: TextIO,
        what: str = "step",
        start: int = 0,
        every_seconds: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._total = total
        self._what = what
        self._stream = stream
        self._rewrites = stream.isatty()
        self._pause = _REWRITE_SECONDS if self._rewrites else every_seconds
        self._clock = clock
        self._start = _Mark(clock(), start, 0, 0)
        self._window = collections.deque([self._start])
        self._line = ""
        self._shown = ""
        self._shown_at = -float("inf")

    def __enter__(self) -> ProgressLine:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def update(
        self,
        step: int,
        *,
        loss: float | None = None,
        examples: int = 0,
        tokens: int = 0,
        scores: Mapping[str, float] = types.MappingProxyType({}),
    ) -> None:
        """Takes note of the run's place.

        Args:
            step: Number of updates done, as counted from the run's very start.
            loss: To show, if there is one.
            examples: Real examples since the last update of this line.
            tokens: Real tokens since the last update of this line.
            scores: Of the last evaluation; the first two are shown.
        """
        last = self._window[-1]
        now = _Mark(self._clock(), step, last.examples + examples, last.tokens + tokens)
        self._window.append(now)
        while len(self._window) > 2 and self._window[1].seconds <= (
            now.seconds - _WINDOW_SECONDS
        ):
            self._window.popleft()
        self._line = self._describe(now, loss=loss, scores=scores)
        if now.seconds - self._shown_at >= self._pause or step >= self._total:
            self._show(now.seconds)

    def close(self) -> None:
        """Shows the last update, if it was not, and ends the line."""
        if self._line != self._shown:
            self._show(self._clock())
        if self._rewrites and self._shown:
            self._stream.write("\n")
            self._stream.flush()
        self._line = self._shown = ""

    @contextlib.contextmanager
    def pause(self) -> Iterator[None]:
        """Ends the line, and leaves what is done in the `with` block out of its speeds.

        What is logged meanwhile stands between two lines.
        """
        self.close()
        start = self._clock()
        yield
        away = self._clock() - start
        self._window = collections.deque(
            dataclasses.replace(mark, seconds=mark.seconds + away)
            for mark in self._window
        )

    def _describe(
        self, now: _Mark, *, loss: float | None, scores: Mapping[str, float]
    ) -> str:
        parts = [f"{self._what} {now.step}/{self._total}"]
        if loss is not None:
            parts.append(f"loss {_loss_text(loss)}")
        for name, score in itertools.islice(scores.items(), 2):
            parts.append(f"{name} {_loss_text(score)}")
        since = self._window[0]
        seconds = now.seconds - since.seconds
        for name in ("examples", "tokens"):
            if seconds > 0 and (loss is not None or getattr(now, name)):
                done = getattr(now, name) - getattr(since, name)
                parts.append(f"{_short(done / seconds)} {name}/s")
        if now.step >= self._total:
            parts.append(f"took {_duration(now.seconds - self._start.seconds)}")
        elif seconds > 0 and now.step > since.step:
            left = (self._total - now.step) * seconds / (now.step - since.step)
            parts.append(f"left {_duration(left)}")
        return "  ".join(parts)

    def _show(self, seconds: float) -> None:
        if self._rewrites:
            self._stream.write("\r" + self._line.ljust(len(self._shown)))
        else:
            self._stream.write(self._line + "\n")
        self._stream.flush()
        self._shown = self._line
        self._shown_at = seconds


def _loss_text(loss: float) -> str:
    """Three decimals, or two figures where three decimals would say too little."""
    return f"{loss:.1e}" if 0 < abs(loss) < 0.01 else f"{loss:.3f}"


def _short(number: float) -> str:
    """Returns three figures and a unit: 9.41, 312, 39.9k, 1.25M."""
    thousands = 0 if number < 999.5 else 1 if number < 999.5e3 else 2
    value = number / 1000**thousands
    decimals = 0 if value >= 99.95 else 1 if value >= 9.995 else 2
    return f"{value:.{decimals}f}{('', 'k', 'M')[thousands]}"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
