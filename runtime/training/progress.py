"""The one line that says how far a run is and how long it will still take."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import functools
import itertools
import sys
import time
import types
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import Any, TextIO

import tqdm.auto

_REDRAW_SECONDS = 0.1
_WINDOW_SECONDS = 30.0


@dataclasses.dataclass(frozen=True, slots=True)
class _Mark:
    """Where the run was at a time; all counts are since its start."""

    seconds: float
    step: int
    examples: int
    tokens: int


class ProgressLine:
    """Shows `step 120/690  loss 1.532  312 examples/s  39.9k tokens/s  left 01:49`.

    On a terminal, and in a notebook with ipywidgets, the line stands behind a bar that
    is drawn again and again. Elsewhere, as in a log file, a line is added for the first
    update, for the last, and every few seconds between. Speeds are those of the last
    half minute, and never of what was before the first update: that is where programs
    are compiled. Other work than training has no loss, and counts something else than
    steps.

    Args:
        total: The step at which the run ends.
        stream: Where the line goes.
        what: What the steps are.
        start: The step at which the run starts; above 0 when it is resumed.
        every_seconds: Seconds between lines where there is no bar.
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
        self._bar = _bar(
            stream, total=total, initial=start, desc=f"{what} {start}/{total}"
        )
        self._pause = every_seconds if self._bar is None else _REDRAW_SECONDS
        self._clock = clock
        self._opened = clock()
        self._window: collections.deque[_Mark] = collections.deque()
        self._line: Callable[[], str] | None = None  # of an update that is not shown
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
        now = self._mark(step, examples=examples, tokens=tokens)
        self._line = functools.partial(self._describe, now, loss=loss, scores=scores)
        if now.seconds - self._shown_at >= self._pause or step >= self._total:
            self._show_latest()

    def close(self) -> None:
        """Shows the last update, if it was not, and ends the line."""
        self._show_latest()
        if self._bar is not None:
            self._bar.close()

    def _mark(self, step: int, *, examples: int, tokens: int) -> _Mark:
        """Adds a mark to the window, and drops those that are too old for it."""
        last = self._window[-1] if self._window else _Mark(0, 0, 0, 0)
        now = _Mark(self._clock(), step, last.examples + examples, last.tokens + tokens)
        self._window.append(now)
        oldest = now.seconds - _WINDOW_SECONDS
        while len(self._window) > 2 and self._window[1].seconds <= oldest:
            self._window.popleft()
        return now

    @contextlib.contextmanager
    def pause(self) -> Iterator[None]:
        """Makes way for what the `with` block logs; its time is no part of speeds."""
        self._show_latest()
        start = self._clock()
        if self._bar is None:
            yield
        else:
            self._bar.clear()
            yield
            self._bar.refresh()
        self.leave_out(self._clock() - start)

    def leave_out(self, seconds: float) -> None:
        """Takes so many of the seconds since the last update for no part of speeds."""
        self._window = collections.deque(
            dataclasses.replace(mark, seconds=mark.seconds + seconds)
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
            parts.append(f"took {_duration(now.seconds - self._opened)}")
        elif seconds > 0 and now.step > since.step:
            left = (self._total - now.step) * seconds / (now.step - since.step)
            parts.append(f"left {_duration(left)}")
        return "  ".join(parts)

    def _show_latest(self) -> None:
        if self._line is not None:
            self._show(self._window[-1], self._line())

    def _show(self, now: _Mark, line: str) -> None:
        if self._bar is None:
            self._stream.write(f"{line}\n")
            self._stream.flush()
        else:
            self._bar.n = now.step
            self._bar.set_description_str(line)
        self._line = None
        self._shown_at = now.seconds


def _bar(stream: TextIO, **settings: Any) -> Any:
    """The bar of tqdm that the stream can show, drawn once; None where it is a log."""
    shows_widgets = tqdm.auto.notebook_tqdm is not tqdm.std.tqdm
    in_notebook = shows_widgets and stream in (sys.stdout, sys.stderr)
    if not (in_notebook or stream.isatty()):
        return None
    look = {"bar_format": "|{bar}| {desc}", "dynamic_ncols": True}
    return tqdm.auto.tqdm(file=stream, **look, **settings)


def _loss_text(loss: float) -> str:
    """Three decimals, or two figures where three decimals would say too little."""
    return f"{loss:.1e}" if 0 < abs(loss) < 0.01 else f"{loss:.3f}"


def _short(number: float) -> str:
    """Returns three figures and a unit: 9.41, 312, 39.9k, 1.25M."""
    return str(tqdm.auto.tqdm.format_sizeof(number))


def _duration(seconds: float) -> str:
    return str(tqdm.auto.tqdm.format_interval(round(seconds)))
