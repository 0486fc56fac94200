"""What watches the losses of a run: values that are no numbers, and sudden rises."""

from __future__ import annotations

import collections
import logging
import math
import statistics
from collections.abc import Callable, Sequence

import numpy as np

from runtime.engine.engine import StepReport
from runtime.errors import TrainingError

_MOST_NAMED = 20  # examples in one message

_log = logging.getLogger(__name__)


class FiniteGuard:
    """Lets some updates pass that were not applied because they are no numbers.

    Args:
        most: How many updates of the whole run may be left out.
        skipped: How many were before this process.
        advice: What else an error says.

    Attributes:
        skipped: How many were left out so far.
    """

    def __init__(self, most: int, *, skipped: int, advice: Callable[[], str]) -> None:
        self._most = most
        self.skipped = skipped
        self._advice = advice

    def judge(
        self, report: StepReport, *, first: int, names: Callable[[int], Sequence[str]]
    ) -> None:
        """Looks at the updates of one call of the engine.

        Args:
            report: What the engine says of them.
            first: Step before the first of them.
            names: Gives the names of an update's examples by its place in the call.

        Raises:
            TrainingError: More updates than may be left out were not applied.
        """
        for index in np.flatnonzero(~report.finite):
            told = (
                f"Update {first + index + 1} was not applied: loss "
                f"{report.losses[index]}, gradient norm {report.gradient_norms[index]}."
                f"{_examples(names(int(index)))}"
            )
            if self.skipped >= self._most:
                raise TrainingError(f"{told} {self._advice()}")
            self.skipped += 1
            _log.warning("%s Left out: %d of %d.", told, self.skipped, self._most)


class LossWatch:
    """Warns when the loss rises far above what it was.

    Args:
        factor: How many times the median of the last losses is far.
        window: How many losses that are.
        least: With fewer losses than these nothing is said.
    """

    def __init__(
        self, *, factor: float = 3.0, window: int = 100, least: int = 20
    ) -> None:
        self._factor = factor
        self._losses: collections.deque[float] = collections.deque(maxlen=window)
        self._least = least
        self._is_high = False

    def look(self, losses: np.ndarray, *, first: int) -> None:
        """Looks at the losses of some updates; a rise is told once.

        Args:
            losses: Float [updates].
            first: Step before the first of them.
        """
        for index, loss in enumerate(losses.tolist()):
            if not math.isfinite(loss):
                continue
            if len(self._losses) >= self._least:
                self._tell(loss, step=first + index + 1)
            self._losses.append(loss)

    def _tell(self, loss: float, *, step: int) -> None:
        usual = statistics.median(self._losses)
        was_high, self._is_high = self._is_high, loss > self._factor * usual
        if self._is_high and not was_high:
            _log.warning(
                "The loss of update %d is %.4g, the median of the %d before it %.4g. If"
                " it stays high, lower --learning_rate.",
                step,
                loss,
                len(self._losses),
                usual,
            )


def _examples(names: Sequence[str]) -> str:
    if not names:
        return ""
    more = f" and {len(names) - _MOST_NAMED} more" if names[_MOST_NAMED:] else ""
    return f" Its examples: {', '.join(names[:_MOST_NAMED])}{more}."
