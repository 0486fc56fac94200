"""Which checkpoints are kept and which go."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping

from runtime.checkpoints import checkpoints
from runtime.errors import SettingsError


@dataclasses.dataclass(frozen=True)
class Best:
    """What makes a checkpoint the best.

    Attributes:
        metric: The name it was saved with.
        larger: Whether a larger value is better.
    """

    metric: str
    larger: bool


@dataclasses.dataclass(frozen=True, kw_only=True)
class Retention:
    """Which checkpoints are kept.

    Attributes:
        newest: How many of the newest.
        every: Besides them those whose step is a multiple of it; 0 for none.
        best: Besides them the best one; of several as good the earliest.

    Raises:
        SettingsError: Not even one would be kept.
    """

    newest: int
    every: int = 0
    best: Best | None = None

    def __post_init__(self) -> None:
        if self.newest < 1:
            raise SettingsError(
                f"At least 1 checkpoint must be kept, not {self.newest}."
            )
        if self.every < 0:
            raise SettingsError(
                f"Expected 0 or a number of steps between checkpoints that are always "
                f"kept, got {self.every}."
            )

    def prune(self, directory: str, *, saved: int) -> None:
        """Deletes the checkpoints that are not kept.

        What interrupted saves have left goes too. Later steps than `saved` stay: they
        are damaged, or the run would have gone on from them, and will be written again.

        Args:
            directory: The folder that holds the `step-*` folders.
            saved: The step that was just saved; it is always kept.
        """
        found = [
            (step, manifest.metrics)
            for step, manifest in checkpoints.read_manifests(directory)
            if step <= saved
        ]
        kept = {step for step, _ in found[-self.newest :]} | {saved}
        kept |= {step for step, _ in found if self.every and step % self.every == 0}
        if self.best and (best := _best(found, self.best)) is not None:
            kept.add(best)
        for step in checkpoints.all_steps(directory):
            if step < saved and step not in kept:
                checkpoints.delete(directory, step=step)


def best_step(directory: str, best: Best) -> int | None:
    """Returns the step of the best checkpoint; None where none has that metric."""
    found = checkpoints.read_manifests(directory)
    return _best([(step, manifest.metrics) for step, manifest in found], best)


def _best(found: Iterable[tuple[int, Mapping[str, float]]], best: Best) -> int | None:
    sign = -1.0 if best.larger else 1.0
    ranked = [
        (sign * metrics[best.metric], step)
        for step, metrics in found
        if not math.isnan(metrics.get(best.metric, math.nan))
    ]
    return min(ranked)[1] if ranked else None
