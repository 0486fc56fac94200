"""From the first update to the last: calls, checkpoints, metrics, progress.

A call of the engine covers the updates up to the next multiple of `steps_per_call` or
of `save_every`, whichever comes first. Where calls begin is thus a function of the
step alone, and a resumed run makes the same calls as one that was never stopped.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Protocol

from runtime import checkpoints
from runtime.engine import Arrays, Engine, StepReport
from runtime.progress import ProgressLine
from runtime.run_record import RunRecord
from runtime.safety.checkpoint_keeper import Keeper
from runtime.safety.guards import FiniteGuard, LossWatch
from runtime.safety.stop_request import StopRequest

SKIPPED_UPDATES = "skipped_updates"
"""The metric of a checkpoint that counts updates left out before it."""


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
        names: Gives what the examples of an update are called, by its place among the
            K; for messages.
    """

    arrays: Arrays
    examples: int
    tokens: int
    names: Callable[[int], Sequence[str]] = lambda _: ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """How far to train and how often to save.

    Attributes:
        total_steps: Updates of the whole run.
        steps_per_call: Most updates in one engine call.
        save_every: Updates between checkpoints; the last update is always saved.
        directory: Folder of the `step-*` folders, for errors.
        most_skipped: Updates that may be left out because they are no numbers.
        skipped: How many were before this process.
    """

    total_steps: int
    steps_per_call: int
    save_every: int
    directory: str
    most_skipped: int = 0
    skipped: int = 0

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
    stop: StopRequest,
) -> None:
    """Trains from the engine's step to the last.

    Args:
        engine: Holds weights, slots and the step reached.
        feed: Makes batches.
        plan: How far and how often.
        record: Takes one line of metrics for each update.
        progress: Opens the progress line.
        keeper: Keeps what is reached.
        stop: Whether to end before that; what is reached by then is kept.

    Raises:
        TrainingError: A loss or gradient is not finite. The update was not applied and
            the checkpoints written before stay.
        RunStoppedError: The run was asked to stop.
    """
    guard = FiniteGuard(
        plan.most_skipped,
        skipped=plan.skipped,
        advice=lambda: _advice(keeper, directory=plan.directory),
    )
    watch = LossWatch()
    step = engine.step
    with keeper, progress() as line, stop.at_the_next_update():
        while step < plan.total_steps:
            end = plan.next_stop(step)
            call = feed(step, end)
            report = engine.train(call.arrays)
            _log(record, report, first=step)
            guard.judge(report, first=step, names=call.names)
            watch.look(report.losses, first=step)
            step = end
            loss = float(report.losses[-1])
            line.update(step, loss=loss, examples=call.examples, tokens=call.tokens)
            if plan.saves_at(step) or stop.cause:
                keeper.save(
                    engine, metrics={"loss": loss, SKIPPED_UPDATES: guard.skipped}
                )
            if stop.cause:
                keeper.wait()
                stop.refuse_to_go_on()


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


def _advice(keeper: Keeper, *, directory: str) -> str:
    """Returns what an update that is no number leaves to do."""
    keeper.wait()
    kept = checkpoints.latest(directory) or "none yet"
    return (
        f"Newest good checkpoint: {kept}. Lower --learning_rate, look at these examples"
        ", or let --max_skipped_updates be left out."
    )
