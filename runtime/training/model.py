"""The model of a run: what a pipeline says of it, and where its weights come from."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Sequence
from typing import Any

from runtime.devices.placement import Placement
from runtime.engine import engine as engines
from runtime.engine.engine import Engine, EngineState, Objective
from runtime.training import untrained
from runtime.training.job import Job
from runtime.training.run_settings import RunSettings
from runtime.training.training import RunContext

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Initial:
    """What a model starts from.

    Attributes:
        missing: Names of the weights that stay random.
        step: Updates that the others are the outcome of; 0 where nothing says it.
    """

    missing: Sequence[str]
    step: int = 0


def from_random(engine: Engine) -> Initial:
    """What a model starts from that loads no weights."""
    return Initial(missing=tuple(engine.weight_shapes()))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Model:
    """What a pipeline says of its model.

    Attributes:
        build: Makes it with all its variables, with random weights.
        objective: Loss and outputs.
        initialise: Loads the weights that the settings name to start from, if they
            name any.
        measured_by: What untrained weights would spoil, in the plural.
    """

    build: Callable[[], Any]
    objective: Objective
    initialise: Callable[[Engine], Initial] = from_random
    measured_by: str = "predictions"


class RunModel:
    """A run's model, built once: to train it, or to measure it as it is.

    Args:
        job: The run.
        model: Its model.
        context: Where it runs.
    """

    def __init__(self, job: Job, model: Model, *, context: RunContext) -> None:
        self._job = job
        self._model = model
        self._context = context
        self._engine: Engine | None = None
        self._steps_elsewhere = 0

    @property
    def step(self) -> int:
        """Updates that the weights are the outcome of, this run's or another's."""
        return self.trained().step + self._steps_elsewhere

    def to_train(self) -> Engine:
        """The engine with the newest checkpoint's state, else with initial weights.

        Raises:
            CheckpointError: The weights to start from do not fit.
        """
        engine = self._engine = self._build(total=self._job.total_steps)
        if not resume(engine, self._job):
            self._model.initialise(engine)
        return engine

    def trained(self) -> Engine:
        """The engine to measure: this run's, the newest checkpoint's, or as named.

        Raises:
            CheckpointError: There are no trained weights, or they lack the head.
        """
        if self._engine is None:
            self._engine = self._build(total=0)
            self._load_trained(self._engine)
        return self._engine

    def _load_trained(self, engine: Engine) -> None:
        restored = self._job.restored
        if restored is not None:
            _log.info("Using step %d of %s", restored.step, self._job.output_dir)
            engine.load_state(EngineState(restored.step, restored.weights, slots={}))
            restored.close()
            return
        initial = self._model.initialise(engine)
        start = self._job.init_checkpoint
        untrained.refuse(
            initial.missing,
            path=start.path if start else None,
            work=self._model.measured_by,
            advice="Train first, or name a trained checkpoint.",
        )
        self._steps_elsewhere = initial.step

    def _build(self, *, total: int) -> Engine:
        return build_engine(
            self._model,
            self._job.settings,
            total=total,
            placement=self._context.placement,
        )


def resume(engine: Engine, job: Job) -> bool:
    """Loads the checkpoint that a run goes on from.

    Args:
        engine: Takes its weights, slots and step.
        job: The run.

    Returns:
        Whether there is one.
    """
    restored = job.restored
    if restored is None:
        return False
    _log.info("Going on from step %d of %s", restored.step, job.output_dir)
    engine.load_state(EngineState(restored.step, restored.weights, restored.slots))
    restored.close()  # it is deleted once there are newer ones
    return True


def build_engine(
    model: Model, settings: RunSettings, *, total: int, placement: Placement
) -> Engine:
    """The engine of a model with random weights.

    Args:
        model: What a pipeline says of it.
        settings: Seed and optimiser.
        total: Updates of the whole run; 0 where the engine is only to predict.
        placement: The devices.
    """
    return engines.create(
        placement,
        build_model=model.build,
        objective=model.objective,
        optimizer=settings.optimizer_settings(total),
        seed=settings.seed,
    )
