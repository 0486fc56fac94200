"""Checkpoints of a run under way: copied at once, written while training goes on."""

from __future__ import annotations

import abc
import logging
import types
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType

from runtime.checkpoints import checkpoints
from runtime.checkpoints.retention import Retention
from runtime.engine.engine import Engine, EngineState
from runtime.errors import ToolkitError

_NOTHING: Mapping[str, object] = types.MappingProxyType({})

_log = logging.getLogger(__name__)


class CheckpointWriter(abc.ABC):
    """What keeps the state that a run has reached; use it in a `with` statement."""

    @abc.abstractmethod
    def save(
        self,
        engine: Engine,
        *,
        metrics: Mapping[str, float],
        state: Mapping[str, object] = _NOTHING,
        best: int | None = None,
    ) -> None:
        """Keeps the engine's state.

        Args:
            engine: Holds weights, slots and step.
            metrics: How good it is.
            state: What this checkpoint carries beside what all of the run do.
            best: The step of the best checkpoint, which stays.
        """

    @abc.abstractmethod
    def wait(self) -> None:
        """Returns when all that was saved is safe."""

    def __enter__(self) -> CheckpointWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self.wait()
            return
        try:
            self.wait()
        except ToolkitError as other:  # the run ends by the first of the two
            _log.warning("%s", other)


class NoCheckpointWriter(CheckpointWriter):
    """Keeps nothing: every process has the same state, and the chief saves it."""

    def save(
        self,
        engine: Engine,
        *,
        metrics: Mapping[str, float],
        state: Mapping[str, object] = _NOTHING,
        best: int | None = None,
    ) -> None:
        """Does nothing."""

    def wait(self) -> None:
        """Does nothing."""


class BackgroundCheckpointWriter(CheckpointWriter):
    """Writes checkpoints in the background, one at a time.

    A save copies the state to the host's memory and returns; it first waits until the
    one before is written, so that there is never more than one copy. A failure shows
    at the next save, or at the end.

    Args:
        directory: Folder of the `step-*` folders.
        state: What every checkpoint carries beside weights, slots and step.
        retention: Which checkpoints stay.
        before_saving: Called first; what it makes safe is never behind a checkpoint.
        may_write: Raises where nothing may be written any more; called before a
            checkpoint becomes one, and first as well.
    """

    def __init__(
        self,
        directory: str,
        *,
        state: Mapping[str, object],
        retention: Retention,
        before_saving: Callable[[], None],
        may_write: Callable[[], None] = lambda: None,
    ) -> None:
        self._directory = directory
        self._state = state
        self._retention = retention
        self._before_saving = before_saving
        self._may_write = may_write
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="checkpoints")
        self._pending: Future[None] | None = None

    def save(
        self,
        engine: Engine,
        *,
        metrics: Mapping[str, float],
        state: Mapping[str, object] = _NOTHING,
        best: int | None = None,
    ) -> None:
        """Copies the engine's state and begins to write it; see base class."""
        self.wait()
        self._may_write()
        self._before_saving()
        self._pending = self._writer.submit(
            self._write,
            engine.state(),
            metrics=dict(metrics),
            state={**self._state, **state},
            best=best,
        )

    def wait(self) -> None:
        """Returns when the checkpoint under way is written; raises what went wrong."""
        pending, self._pending = self._pending, None
        if pending is not None:
            pending.result()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            super().__exit__(kind, error, trace)
        finally:
            self._writer.shutdown()

    def _write(
        self,
        reached: EngineState,
        *,
        metrics: Mapping[str, float],
        state: Mapping[str, object],
        best: int | None,
    ) -> None:
        checkpoints.save(
            self._directory,
            step=reached.step,
            weights=reached.weights,
            slots=reached.slots,
            state=state,
            metrics=metrics,
            before_manifest=self._may_write,
        )
        self._retention.prune(self._directory, saved=reached.step, best=best)
