"""From the first update to the last: calls, checkpoints, metrics, progress.

The batches of several updates are made at once: those up to the next multiple of
`steps_per_call` or of `save_every`, whichever comes first. They have one shape, which
is thus a function of the step alone, and a resumed run computes on the same arrays as
one that was never stopped. In how many calls of the devices they are done is a matter
of time only; see `runtime.training.pace`. Where a run is evaluated a call ends too, and
no bit of the training changes.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Protocol

from runtime.checkpoints import checkpoints
from runtime.checkpoints.checkpoint_writer import CheckpointWriter
from runtime.engine.engine import Arrays, Engine, StepReport
from runtime.training import feed_ahead
from runtime.training.evaluations import Evaluations, NoEvaluations
from runtime.training.feed_ahead import FeedAhead
from runtime.training.guards import FiniteGuard, LossWatch
from runtime.training.pace import Pace
from runtime.training.progress import ProgressLine
from runtime.training.run_record import RunRecord

SKIPPED_UPDATES = "skipped_updates"
"""The metric of a checkpoint that counts updates left out before it."""


class BatchFeed(Protocol):
    """What a pipeline hands the loop."""

    def __call__(self, first: int, stop: int, /) -> CallBatch:
        """Returns the batches of the updates `first` to `stop - 1`."""


@dataclasses.dataclass(frozen=True)
class CallBatch:
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
    """How far to train, how often to save and how often to evaluate.

    Attributes:
        total_steps: Updates of the whole run.
        steps_per_call: Most updates in one engine call.
        save_every: Updates between checkpoints; the last update is always saved.
        directory: Folder of the `step-*` folders, for errors.
        evaluate_every: Updates between evaluations, maybe no whole number: the k-th
            one comes as soon as k times as many are done. The last update is always
            evaluated. None where there are none.
        most_skipped: Updates that may be left out because they are no numbers.
        reached: Metrics of the checkpoint that the run goes on from.
    """

    total_steps: int
    steps_per_call: int
    save_every: int
    directory: str
    evaluate_every: Fraction | None = None
    most_skipped: int = 0
    reached: Mapping[str, float] = dataclasses.field(default_factory=dict)

    def span(self, step: int) -> tuple[int, int]:
        """Where the updates begin and end whose batches are made with that of `step`.

        A run that was asked to stop may have ended between the two.
        """
        periods = (self.steps_per_call, self.save_every)
        first = max(step // every * every for every in periods)
        ends = [(step // every + 1) * every for every in periods]
        return first, min(*ends, self.total_steps)

    def saves_at(self, step: int) -> bool:
        """Whether a checkpoint is due after `step` updates."""
        return step % self.save_every == 0 or step == self.total_steps

    def evaluates_at(self, step: int) -> bool:
        """Whether an evaluation is due after `step` updates."""
        if self.evaluate_every is None:
            return False
        return step == self.next_evaluation(step - 1)

    def next_evaluation(self, step: int) -> int:
        """The first step after `step` at which an evaluation is due, else the last."""
        every = self.evaluate_every
        if every is None:
            return self.total_steps
        # The most k with floor(k * every) <= step.
        done = math.ceil((step + 1) / every) - 1
        return min(math.floor((done + 1) * every), self.total_steps)


def run(
    engine: Engine,
    feed: BatchFeed,
    *,
    plan: Plan,
    record: RunRecord,
    progress: Callable[[], ProgressLine],
    writer: CheckpointWriter,
    pace: Pace,
    evaluations: Evaluations | None = None,
) -> None:
    """Trains from the engine's step to the last.

    Args:
        engine: Holds weights, slots and the step reached.
        feed: Makes batches.
        plan: How far and how often.
        record: Takes one line of metrics for each update.
        progress: Opens the progress line.
        writer: Keeps what is reached.
        pace: Whether to end before that; what is reached by then is kept.
        evaluations: What is measured on the way; nothing by default.

    Raises:
        TrainingError: A loss or gradient is not finite. The update was not applied and
            the checkpoints written before stay.
        RunStoppedError: The run was asked to stop.
    """
    evaluations = evaluations or NoEvaluations()
    guard = FiniteGuard(
        plan.most_skipped,
        skipped=int(plan.reached.get(SKIPPED_UPDATES, 0)),
        advice=lambda: _advice(writer, directory=plan.directory),
    )
    watch = LossWatch()
    with (
        writer,
        feed_ahead.opened(feed) as ahead,
        progress() as line,
        pace.stop.at_the_next_update(),
    ):
        kept = _Kept(
            engine, plan=plan, writer=writer, evaluations=evaluations, line=line
        )
        if evaluations.is_pending:
            metrics = {**plan.reached, SKIPPED_UPDATES: guard.skipped}
            kept.settle(metrics, step=engine.step, pace=pace)
        parts = _parts(
            engine, ahead, plan=plan, pace=pace, evaluations=evaluations, line=line
        )
        for part, report in _reported(parts, plan=plan, pace=pace):
            loss = float(report.losses[-1])
            _log(record, report, first=part.first)
            guard.judge(report, first=part.first, names=part.names)
            watch.look(report.losses, first=part.first)
            line.update(
                part.stop,
                loss=loss,
                examples=part.examples,
                tokens=part.tokens,
                scores=evaluations.latest,
            )
            metrics = {"loss": loss, SKIPPED_UPDATES: guard.skipped}
            kept.settle(metrics, step=part.stop, pace=pace)
        kept.end()


class _Kept:
    """What is measured and kept of the steps that are reached."""

    def __init__(
        self,
        engine: Engine,
        *,
        plan: Plan,
        writer: CheckpointWriter,
        evaluations: Evaluations,
        line: ProgressLine,
    ) -> None:
        self._engine = engine
        self._plan = plan
        self._writer = writer
        self._evaluations = evaluations
        self._line = line
        self._metrics: Mapping[str, float] = {}
        self._is_kept = True

    def settle(self, metrics: Mapping[str, float], *, step: int, pace: Pace) -> None:
        """Evaluates and saves where that is due after `step` updates."""
        evaluations = self._evaluations
        self._metrics, self._is_kept = metrics, False
        calls_for_checkpoint = False
        if self._plan.evaluates_at(step) or evaluations.is_pending:
            with pace.aside(), self._line.pause():
                scores = evaluations.evaluate(self._engine, pace=pace)
            self._metrics = {**metrics, **scores}
            calls_for_checkpoint = evaluations.calls_for_checkpoint
        if calls_for_checkpoint or self._plan.saves_at(step):
            self._save()

    def end(self) -> None:
        """Saves what is reached, if it was not."""
        if not self._is_kept:
            self._save()

    def _save(self) -> None:
        self._writer.save(
            self._engine,
            metrics=self._metrics,
            state=self._evaluations.state(),
            best=self._evaluations.best_step,
        )
        self._is_kept = True


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Part:
    """What one call of the devices does."""

    first: int
    stop: int
    report: Callable[[], StepReport]
    examples: int
    tokens: int
    names: Callable[[int], Sequence[str]]


def _parts(
    engine: Engine,
    feed: FeedAhead[CallBatch],
    *,
    plan: Plan,
    pace: Pace,
    evaluations: Evaluations,
    line: ProgressLine,
) -> Iterator[_Part]:
    """Gives the devices the updates, until the last or until the run is to stop."""

    def ends() -> bool:
        return evaluations.is_over or pace.is_to_stop(engine.step)

    while engine.step < plan.total_steps and not ends():
        start, end = plan.span(engine.step)
        call = feed.take((start, end))
        dealt = engine.deal(call.arrays, first_step=start)
        if end < plan.total_steps:
            feed.prepare(plan.span(end))
        while engine.step < end and not ends():
            first = engine.step
            stop = pace.part(first, min(end, plan.next_evaluation(first)))
            pace.begin()
            compiled_before = engine.seconds_compiling
            report = engine.advance(dealt, stop=stop)
            if engine.seconds_compiling > compiled_before:
                line.leave_out(engine.seconds_compiling - compiled_before)
            share = (stop - first) / (end - start)
            yield _Part(
                first=first,
                stop=stop,
                report=report,
                examples=round(call.examples * share),
                tokens=round(call.tokens * share),
                names=functools.partial(_names, call, offset=first - start),
            )
    pace.finish(engine.step)


def _reported(
    parts: Iterator[_Part], *, plan: Plan, pace: Pace
) -> Iterator[tuple[_Part, StepReport]]:
    """Waits for each part, once the devices have the next one.

    So they never wait for what is told of an update. A part that takes longer than a
    moment, or after which the weights are looked at, is waited for before that.
    """

    def report(part: _Part) -> tuple[_Part, StepReport]:
        found = part.report()
        pace.end(part.stop - part.first)
        return part, found

    under_way: _Part | None = None
    for part in parts:
        if under_way is not None:
            yield report(under_way)
        under_way = part
        is_looked_at = plan.evaluates_at(part.stop) or plan.saves_at(part.stop)
        if is_looked_at or not pace.is_moment(part.stop - part.first):
            yield report(part)
            under_way = None
    if under_way is not None:
        yield report(under_way)


def _names(call: CallBatch, index: int, *, offset: int) -> Sequence[str]:
    return call.names(offset + index)


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


def _advice(writer: CheckpointWriter, *, directory: str) -> str:
    """Returns what an update that is no number leaves to do."""
    writer.wait()
    kept = checkpoints.latest(directory) or "none yet"
    return (
        f"Newest good checkpoint: {kept}. Lower --learning_rate, look at these examples"
        ", or let --max_skipped_updates be left out."
    )
