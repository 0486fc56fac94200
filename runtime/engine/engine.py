"""The contract of a step loop: one model, one objective, K updates a host call.

An engine owns the model's variables and the optimiser's slots and knows nothing of
text. It is fed numpy arrays whose first axes are
`[calls K, accumulation, replicas, ...]` and sums: the arrays carry weights that add up
to 1 over a whole update, so the gradient of an update is the plain sum over its slices
and replicas, and padded examples have weight 0.
"""

from __future__ import annotations

import abc
import dataclasses
import importlib
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np

from runtime.devices.placement import Backend, Placement
from runtime.engine.optimizer_settings import OptimizerSettings
from runtime.errors import CheckpointError

Arrays = Mapping[str, np.ndarray]

DROPOUT_SEED = "dropout_seed"
"""What an engine adds to a call's arrays: int32 `[K, accumulation, replicas, 2]`."""


class Objective(Protocol):
    """What a pipeline asks of a model; written once, in `keras.ops`, for every engine.

    `block` is one replica's slice of a batch: the batch arrays without the axes
    `[K, accumulation, replicas]`.
    """

    def loss(self, model: Any, block: Mapping[str, Any]) -> Any:
        """The slice's weighted sum of losses: a float32 scalar, with dropout on."""

    def outputs(self, model: Any, block: Mapping[str, Any]) -> dict[str, Any]:
        """Arrays for evaluation and prediction, dropout off; axis 0 counts examples."""


@dataclasses.dataclass(frozen=True)
class StepReport:
    """What K updates returned.

    Attributes:
        losses: float32 `[K]`, the weighted loss of each update before it was applied.
        gradient_norms: float32 `[K]`, global norm before clipping.
        learning_rates: float32 `[K]`.
        finite: bool `[K]`; an update whose loss or gradient was not finite was not
            applied.
    """

    losses: np.ndarray
    gradient_norms: np.ndarray
    learning_rates: np.ndarray
    finite: np.ndarray


@dataclasses.dataclass(frozen=True)
class Dealt:
    """The arrays of K updates where the devices have them.

    Attributes:
        blocks: Each replica's part of each array, in the backend's own terms.
        first_step: Updates done before the first of the K.
        updates: K.
        parts: Slices of an update: the accumulation.
    """

    blocks: Any
    first_step: int
    updates: int
    parts: int


@dataclasses.dataclass(frozen=True)
class EngineState:
    """Everything an engine carries from one update to the next, on the host.

    Attributes:
        step: Updates done, counting those the guard left unapplied.
        weights: Variable name to float32 array.
        slots: `<variable name>/<slot name>` to float32 array; none where the engine is
            only to predict.
    """

    step: int
    weights: Mapping[str, np.ndarray]
    slots: Mapping[str, np.ndarray]


class Engine(abc.ABC):
    """A step loop on one backend.

    Attributes:
        placement: Its devices.
        seconds_compiling: What it spent so far on programs for new shapes, where it
            knows.
    """

    placement: Placement
    seconds_compiling: float = 0.0

    @property
    @abc.abstractmethod
    def model(self) -> Any:
        """The Keras model, with the weights reached so far."""

    def train(self, arrays: Arrays) -> StepReport:
        """Does K updates, one for each entry of the first axis.

        Args:
            arrays: Batch arrays `[K, accumulation, replicas, ...]`.

        Returns:
            Losses, norms and guard flags of the K updates.
        """
        dealt = self.deal(arrays, first_step=self.step)
        return self.advance(dealt, stop=self.step + dealt.updates)()

    @abc.abstractmethod
    def deal(self, arrays: Arrays, *, first_step: int) -> Dealt:
        """Hands the devices the arrays of K updates.

        Args:
            arrays: Batch arrays `[K, accumulation, replicas, ...]`.
            first_step: Updates done before the first of the K; at most `step`.
        """

    @abc.abstractmethod
    def advance(self, dealt: Dealt, *, stop: int) -> Callable[[], StepReport]:
        """Does the updates from `step` on, in one call of the devices.

        In how many calls the K updates are done changes no bit: each call is the same
        program on the same arrays. Devices that work by themselves are not waited for,
        and may be given the next call.

        Args:
            dealt: Has the arrays of these updates among its K.
            stop: Updates done after the last.

        Returns:
            Waits for the updates and gives their losses, norms and guard flags.
        """

    @abc.abstractmethod
    def predict(self, arrays: Arrays) -> dict[str, np.ndarray]:
        """Runs the objective's outputs, dropout off.

        Args:
            arrays: Batch arrays `[replicas, ...]`.

        Returns:
            Arrays `[replicas, examples, ...]`.
        """

    @property
    @abc.abstractmethod
    def step(self) -> int:
        """Updates done."""

    @abc.abstractmethod
    def state(self) -> EngineState:
        """Copies weights, slots and step to the host."""

    @abc.abstractmethod
    def load_state(self, state: EngineState) -> None:
        """Replaces weights and step, and the slots if there are any.

        Raises:
            CheckpointError: A name is missing or a shape differs.
        """

    @abc.abstractmethod
    def load_weights(self, weights: Mapping[str, np.ndarray]) -> None:
        """Replaces the weights that are named; the others keep their values."""

    def weight_shapes(self) -> dict[str, tuple[int, ...]]:
        """Name and shape of every variable of the model."""
        return {
            name: tuple(variable.shape)
            for name, variable in named_variables(self.model).items()
        }


def named_variables(model: Any) -> dict[str, Any]:
    """The model's variables by path, without the name of the model itself.

    Args:
        model: A built `keras.Model`.

    Returns:
        For example `bert/encoder/layer_0/attention/self/query/kernel` to its variable;
        the states of Keras' own seed generators are not weights and are left out.
    """
    prefix = f"{model.name}/"
    return {
        variable.path.removeprefix(prefix): variable
        for variable in model.variables
        if not variable.path.endswith("seed_generator_state")
    }


def refuse_misfit(
    here: Mapping[str, Any], there: Mapping[str, np.ndarray], *, kind: str
) -> None:
    """Refuses arrays that do not fit the model.

    Args:
        here: What the engine holds, by name; anything that has a shape.
        there: What a checkpoint holds, by name; more names are ignored.
        kind: What the arrays are called in an error.

    Raises:
        CheckpointError: A name is missing or a shape differs.
    """
    missing = sorted(set(here) - set(there))
    if missing:
        raise CheckpointError(
            f"The checkpoint lacks {len(missing)} of {len(here)} {kind}s of this "
            f"model, the first: {missing[0]}."
        )
    for name, value in here.items():
        if tuple(value.shape) != there[name].shape:
            raise CheckpointError(
                f"{kind} {name}: the checkpoint has shape {list(there[name].shape)}, "
                f"the model {list(value.shape)}."
            )


def dropout_seeds(
    seed: int, *, first_step: int, shape: tuple[int, int, int]
) -> np.ndarray:
    """Seeds of the dropout streams: one for each update, slice and replica.

    Args:
        seed: The run's seed.
        first_step: Step of the first update.
        shape: `(K, accumulation, replicas)`.

    Returns:
        int32 `[K, accumulation, replicas, 2]`, a pure function of the arguments.
    """
    seeds = np.empty((*shape, 2), np.int32)
    for call, part, replica in np.ndindex(*shape):
        entropy = np.random.SeedSequence((seed, first_step + call, part, replica))
        seeds[call, part, replica] = entropy.generate_state(2).view(np.int32)
    return seeds


def create(
    placement: Placement,
    *,
    build_model: Callable[[], Any],
    objective: Objective,
    optimizer: OptimizerSettings,
    seed: int,
) -> Engine:
    """Builds the model on the placement's devices and wraps it in its backend's engine.

    Args:
        placement: From `runtime.devices.placement.place`.
        build_model: Makes the model and all its variables.
        objective: Loss and outputs.
        optimizer: Optimiser and schedule.
        seed: Seed of initial weights and of the dropout streams.

    Returns:
        The engine.
    """
    module = importlib.import_module(_ENGINES[placement.backend])
    engine: Engine = module.create(
        placement,
        build_model=build_model,
        objective=objective,
        optimizer=optimizer,
        seed=seed,
    )
    return engine


_ENGINES = {
    Backend.TENSORFLOW: "runtime.engine.engine_tf",
    Backend.JAX: "runtime.engine.engine_jax",
}
