"""A training run: its folder claimed, its engine started, its updates done.

What a pipeline adds is its model and its batches.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import logging
import sys
import types
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

from runtime import storage
from runtime.checkpoints import checkpoints
from runtime.checkpoints.checkpoint_writer import (
    BackgroundCheckpointWriter,
    CheckpointWriter,
    NoCheckpointWriter,
)
from runtime.checkpoints.retention import Retention
from runtime.devices.placement import Placement, refuse_disagreement
from runtime.engine.engine import Engine, EngineState
from runtime.engine.optimizer_settings import OptimizerSettings
from runtime.errors import SettingsError
from runtime.storage import write_check
from runtime.storage.base import Lock
from runtime.training import (
    best_watch,
    distribution,
    evaluations,
    loop,
    pace,
    peers,
    preemption_notice,
    run_lock,
    stop_request,
)
from runtime.training.best_watch import BestWatch
from runtime.training.evaluations import (
    DevEvaluations,
    Evaluation,
    Evaluations,
    NoEvaluations,
)
from runtime.training.job import Job, refuse_other_run
from runtime.training.progress import ProgressLine
from runtime.training.run_record import RunRecord
from runtime.training.run_settings import Resume
from runtime.training.stop_request import StopRequest

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunContext:
    """Where a run runs and what it writes to.

    Attributes:
        placement: Its devices.
        folder: Where this process writes.
        record: The record in that folder.
        lock: What keeps other runs out of it.
        stop: Whether the run was asked to stop.
    """

    placement: Placement
    folder: str
    record: RunRecord
    lock: Lock
    stop: StopRequest

    def path(self, name: str) -> str:
        """Where a file of that name goes, while the folder is this run's.

        Raises:
            StorageError: Another run has taken it over, or may have.
        """
        self.lock.check()
        return storage.join(self.folder, name)


@contextlib.contextmanager
def open_context(job: Job, placement: Placement) -> Iterator[RunContext]:
    """Checks that the job can run there, and opens its record.

    Args:
        job: What to run.
        placement: From `runtime.devices.placement.place`.

    Yields:
        The context.

    Raises:
        SettingsError: A batch does not divide by the replicas, or the processes that
            share the run disagree.
        StorageError: The output directory cannot be used, or another run does.
    """
    job.settings.refuse_other_cores(placement)
    distribution.refuse_uneven_batches(job.settings, replicas=placement.replicas)
    _log.info("Running on %s", distribution.describe(job.settings, placement))
    refuse_disagreement(placement, distribution.starting_point(job))
    with contextlib.ExitStack() as stack:
        lock: Lock = run_lock.NoLock()
        if placement.is_chief:
            lock = stack.enter_context(run_lock.hold(job.output_dir))
            write_check.probe_writable(job.output_dir)
        folder = stack.enter_context(distribution.own_folder(job, placement))
        record = stack.enter_context(contextlib.closing(RunRecord(folder)))
        stop = stack.enter_context(stop_request.of_run())
        stack.enter_context(preemption_notice.watch(stop))
        stack.enter_context(peers.watch(placement, stop=stop))
        yield RunContext(
            placement=placement, folder=folder, record=record, lock=lock, stop=stop
        )


class Training:
    """The training part of a run.

    Args:
        job: What to train.
        context: Where.
    """

    def __init__(self, job: Job, *, context: RunContext) -> None:
        self._job = job
        self._settings = job.settings
        self._context = context

    def claim_output_dir(self) -> None:
        """Refuses another run's output directory, else records this run in it.

        What was refused before a framework loaded is looked at again: since then
        another run may have been here.

        Raises:
            SettingsError: Names what differs.
        """
        for difference in refuse_other_run(self._job):
            _log.warning("Accepted as changed: %s", difference)
        self._context.lock.check()
        if self._settings.resume is Resume.NEVER:
            checkpoints.delete_all(self._checkpoint_dir)
        record, restored = self._context.record, self._job.restored
        record.rewind(-1 if restored is None else restored.step)
        record.write(
            settings=self._settings.as_json(),
            fingerprints={
                **self._job.identity(),
                "num_train_steps": self._job.total_steps,
            },
            command_line=sys.argv,
        )

    def fit(
        self,
        engine: Engine,
        feed: loop.BatchFeed,
        *,
        state: Mapping[str, Any] = types.MappingProxyType({}),
        evaluation: Evaluation | None = None,
    ) -> None:
        """Trains to the last update, or till it gets no better; leaves checkpoints.

        Args:
            engine: Holds the state to start from.
            feed: Makes the batches of some updates.
            state: What checkpoints carry beside what the job says.
            evaluation: What is measured on the way; None where nothing is.

        Raises:
            SettingsError: Weights are to be chosen by a score, and none is measured.
            TrainingError: A loss or gradient is not finite.
            RunStoppedError: The run was asked to stop; what was reached is kept.
            StorageError: The disk has no space for one checkpoint.
        """
        settings, total = self._settings, self._job.total_steps
        _warn_of_warm_up(settings.optimizer_settings(total))
        if self._context.placement.is_chief:
            write_check.refuse_small_space(
                self._checkpoint_dir,
                checkpoint_bytes=checkpoints.size_of(engine.weight_shapes()),
                count=settings.keep_checkpoints + 1 + bool(settings.watched_score),
            )
        loop.run(
            engine,
            feed,
            plan=self._plan(evaluation),
            record=self._context.record,
            progress=functools.partial(
                ProgressLine, total, stream=sys.stderr, start=engine.step
            ),
            writer=self._checkpoint_writer(state),
            pace=pace.of_run(
                self._context.stop, placement=self._context.placement, total=total
            ),
            evaluations=self._evaluations(evaluation),
        )

    def has_ended(self, engine: Engine) -> bool:
        """Whether nothing is left to train and to evaluate on the way; says why.

        Args:
            engine: Holds the step reached.
        """
        state, watch = self._evaluation_state(), self._watch()
        if evaluations.is_pending(state):
            return False
        if engine.step >= self._job.total_steps:
            _log.info("Skipping training since max_steps has already saved.")
            return True
        if watch.is_over:
            _log.info(
                "Skipping training since it has ended after step %d: %s.",
                *(engine.step, watch.summary()),
            )
        return watch.is_over

    def load_best(self, engine: Engine) -> None:
        """Takes the best weights, if the run chooses some; every process must call.

        Args:
            engine: Holds the last ones after training, and their step.

        Raises:
            CheckpointError: The best checkpoint is missing or damaged.
            SettingsError: The processes that share the run have not done the same.
        """
        if self._settings.watched_score is None:
            return
        # Nobody goes on from here before the chief has written what all now read.
        refuse_disagreement(self._context.placement, {"updates done": engine.step})
        best = checkpoints.best(self._job.checkpoint_dir)
        found = checkpoints.load_best(self._job.checkpoint_dir)
        if best is None or found is None:
            _log.warning(
                "No %s was a finite number: the last weights are used.",
                self._settings.watched_score,
            )
            return
        _log.info("Using step %d: the best %s, %.6g.", best.step, best.by, best.score)
        engine.load_state(EngineState(found.step, found.weights, slots={}))
        found.close()

    def _plan(self, evaluation: Evaluation | None) -> loop.Plan:
        settings, restored = self._settings, self._job.restored
        return loop.Plan(
            total_steps=self._job.total_steps,
            steps_per_call=settings.updates_per_call,
            save_every=settings.save_checkpoints_steps,
            directory=self._checkpoint_dir,
            evaluate_every=self._updates_an_evaluation(evaluation),
            most_skipped=settings.max_skipped_updates,
            reached={} if restored is None else restored.metrics,
        )

    def _updates_an_evaluation(self, evaluation: Evaluation | None) -> Fraction | None:
        settings = self._settings
        if evaluation is None:
            return None
        epoch = Fraction(evaluation.train_examples, settings.train_batch_size)
        return settings.updates_an_evaluation(epoch=epoch)

    def _evaluations(self, evaluation: Evaluation | None) -> Evaluations:
        if evaluation is not None:
            return DevEvaluations(
                evaluation.scorer,
                watch=self._watch(),
                record=self._context.record,
                state=self._evaluation_state(),
                agree=functools.partial(
                    evaluations.scores_of_chief, self._context.placement
                ),
            )
        if self._settings.watched_score is not None:
            raise SettingsError(
                f"{self._settings.watched_score} is to be watched, and this run "
                "evaluates nothing on its way: add --do_eval."
            )
        return NoEvaluations()

    def _watch(self) -> BestWatch:
        return best_watch.watch_of(self._settings, state=self._evaluation_state())

    def _evaluation_state(self) -> Mapping[str, Any]:
        """What the checkpoint that the run goes on from carries of evaluations."""
        restored = self._job.restored
        state = {} if restored is None else restored.state
        return state.get(checkpoints.EVALUATIONS, {})

    def keep(self, engine: Engine) -> None:
        """Leaves a checkpoint of what was trained otherwise than by updates.

        Args:
            engine: Holds the weights, and a step above 0.
        """
        with self._checkpoint_writer() as writer:
            writer.save(engine, metrics={})

    def _checkpoint_writer(
        self, state: Mapping[str, Any] = types.MappingProxyType({})
    ) -> CheckpointWriter:
        settings = self._settings
        if not self._context.placement.is_chief:
            return NoCheckpointWriter()
        return BackgroundCheckpointWriter(
            self._checkpoint_dir,
            state={**self._job.state(), **state},
            retention=Retention(
                newest=settings.keep_checkpoints, every=settings.keep_checkpoints_every
            ),
            before_saving=self._context.record.sync,  # no line logged may come after it
            may_write=self._context.lock.check,
        )

    @property
    def _checkpoint_dir(self) -> str:
        return self._context.path(checkpoints.DIRECTORY)


def _warn_of_warm_up(chosen: OptimizerSettings) -> None:
    """Says, as google-research/bert does not, that a rate is never reached."""
    if chosen.highest_rate < chosen.learning_rate:
        _log.warning(
            "The learning rate rises over %d updates, and training ends after %d: it "
            "reaches %.3g, not %.3g. Shorten the warm-up, or train longer.",
            *(chosen.num_warmup_steps, chosen.num_train_steps),
            *(chosen.highest_rate, chosen.learning_rate),
        )
