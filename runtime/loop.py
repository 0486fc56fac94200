"""From the first update to the last: calls, checkpoints, metrics, progress.

A call of the engine covers the updates up to the next multiple of `steps_per_call` or
of `save_every`, whichever comes first. Where calls begin is thus a function of the
step alone, and a resumed run makes the same calls as one that was never stopped.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Protocol

import numpy as np

from runtime import checkpoints
from runtime.checkpoint_keeper import Keeper
from runtime.engine import Arrays, Engine, StepReport
from runtime.errors import TrainingError
from runtime.progress import ProgressLine
from runtime.run_record import RunRecord


class Feed(Protocol):
    """What a pipeline hands the loop."""

    def __call__(self, first: int, stop: int, /) -> Call:
        """Returns the batches of the updates `first` to `stop - 1`."""


@dataclasses.dataclass(frozen=True)
class Call:
    """The batches of one engine call.

    Attributes:
        arrays: `[K, accumulation, replicas, ...]`.
        examples: Real examples in all of them.
        tokens: Real tokens in all of them.
    """

    arrays: Arrays
    examples: int
    tokens: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """How far to train and how often to save.

    Attributes:
        total_steps: Updates of the whole run.
        steps_per_call: Most updates in one engine call.
        save_every: Updates between checkpoints; the last update is always saved.
        directory: Folder of the `step-*` folders, for errors.
    """

    total_steps: int
    steps_per_call: int
    save_every: int
    directory: str

    def next_stop(self, step: int) -> int:
        """The step at which the call that starts at `step` ends."""
        ends = [
            (step // every + 1) * every
            for every in (self.steps_per_call, self.save_every)
        ]
        return min(*ends, self.total_steps)

    def saves_at(self, step: int) -> bool:
        """Whether a checkpoint is due after `step` updates."""
        return step % self.save_every == 0 or step == self.total_steps


def run(
    engine: Engine,
    feed: Feed,
    *,
    plan: Plan,
    record: RunRecord,
    progress: Callable[[], ProgressLine],
    keeper: Keeper,
) -> None:
    """Trains from the engine's step to the last.

    Args:
        engine: Holds weights, slots and the step reached.
        feed: Makes batches.
        plan: How far and how often.
        record: Takes one line of metrics for each update.
        progress: Opens the progress line.
        keeper: Keeps what is reached.

    Raises:
        TrainingError: A loss or gradient is not finite. The update was not applied and
            the checkpoints written before stay.
    """
    step = engine.step
    with keeper, progress() as line:
        while step < plan.total_steps:
            stop = plan.next_stop(step)
            call = feed(step, stop)
            report = engine.train(call.arrays)
            _log(record, report, first=step)
            if not report.finite.all():
                keeper.wait()
                raise TrainingError(
                    _not_finite(report, first=step, directory=plan.directory)
                )
            step = stop
            line.update(
                step,
                loss=float(report.losses[-1]),
                examples=call.examples,
                tokens=call.tokens,
            )
            if plan.saves_at(step):
                keeper.save(engine, metrics={"loss": float(report.losses[-1])})


def _log(record: RunRecord, report: StepReport, *, first: int) -> None:
    for index, loss in enumerate(report.losses):
        record.log(
            first + index + 1,
            {
                "loss": loss,
                "gradient_norm": report.gradient_norms[index],
                "learning_rate": report.learning_rates[index],
            },
        )


def _not_finite(report: StepReport, *, first: int, directory: str) -> str:
    index = int(np.argmin(report.finite))
    kept = checkpoints.latest(directory) or "none yet"
    return (
        f"Update {first + index + 1} was not applied: loss {report.losses[index]}, "
        f"gradient norm {report.gradient_norms[index]}. Newest good "
        f"checkpoint: {kept}. Lower --learning_rate or look at the examples of that "
        "update."
    )
