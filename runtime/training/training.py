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
from collections.abc import Iterator, Mapping, Sequence
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
from runtime.storage import write_check
from runtime.storage.base import Lock
from runtime.training import (
    distribution,
    loop,
    pace,
    peers,
    preemption_notice,
    run_lock,
    stop_request,
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


@dataclasses.dataclass(frozen=True, kw_only=True)
class Initial:
    """What a model starts from.

    Attributes:
        missing: Names of the weights that stay random.
        step: Updates that the others are the outcome of; 0 where nothing says it.
    """

    missing: Sequence[str]
    step: int


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

    def restore(self, made: Engine) -> bool:
        """Loads the checkpoint that the run goes on from; False where there is none.

        Args:
            made: A new engine.

        Raises:
            CheckpointError: It does not fit the model.
        """
        restored = self._job.restored
        if restored is None:
            return False
        _log.info("Going on from step %d of %s", restored.step, self._job.output_dir)
        made.load_state(EngineState(restored.step, restored.weights, restored.slots))
        restored.close()  # it is deleted once there are newer ones
        return True

    def fit(
        self,
        made: Engine,
        feed: loop.BatchFeed,
        *,
        state: Mapping[str, Any] = types.MappingProxyType({}),
    ) -> None:
        """Trains to the last update and leaves checkpoints.

        Args:
            made: Holds the state to start from.
            feed: Makes the batches of some updates.
            state: What checkpoints carry beside what the job says.

        Raises:
            TrainingError: A loss or gradient is not finite.
            RunStoppedError: The run was asked to stop; what was reached is kept.
            StorageError: The disk has no space for one checkpoint.
        """
        settings, restored = self._settings, self._job.restored
        total = self._job.total_steps
        _warn_of_warm_up(settings.optimizer_settings(total))
        before = restored.metrics if restored else {}
        if self._context.placement.is_chief:
            write_check.refuse_small_space(
                self._checkpoint_dir,
                checkpoint_bytes=checkpoints.size_of(made.weight_shapes()),
                count=settings.keep_checkpoints + 1,
            )
        plan = loop.Plan(
            total_steps=total,
            steps_per_call=settings.updates_per_call,
            save_every=settings.save_checkpoints_steps,
            directory=self._checkpoint_dir,
            most_skipped=settings.max_skipped_updates,
            skipped=int(before.get(loop.SKIPPED_UPDATES, 0)),
        )
        loop.run(
            made,
            feed,
            plan=plan,
            record=self._context.record,
            progress=functools.partial(
                ProgressLine, total, stream=sys.stderr, start=made.step
            ),
            writer=self._checkpoint_writer(state),
            pace=pace.of_run(
                self._context.stop, placement=self._context.placement, total=total
            ),
        )

    def keep(self, made: Engine) -> None:
        """Leaves a checkpoint of what was trained otherwise than by updates.

        Args:
            made: Holds the weights, and a step above 0.
        """
        with self._checkpoint_writer() as writer:
            writer.save(made, metrics={})

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
