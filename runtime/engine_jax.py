"""The step loop on JAX: one compiled program of K updates over a mesh of replicas.

Weights and slots live on the devices as a pytree that each call donates and replaces;
the Keras model stays on the host and lends its `call`, evaluated with the tree's values
in place of its variables. Each new shape of the arrays costs a compilation.

Untested on a TPU: none was available to develop on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import keras
import numpy as np
from jax import lax
from jax import numpy as jnp
from jax.sharding import NamedSharding, PartitionSpec

from runtime import dropout, lookup, optimization
from runtime.engine import (
    Arrays,
    Engine,
    EngineState,
    Objective,
    StepReport,
    dropout_seeds,
    named_variables,
    refuse_misfit,
)
from runtime.errors import TrainingError
from runtime.optimization import SLOTS
from runtime.optimizer_settings import OptimizerSettings
from runtime.placement import Placement
from runtime.placement_jax import REPLICA_AXIS

Blocks = Mapping[str, jax.Array]

_SEED = "dropout_seed"
_HOST = "cpu:0"  # keeps the devices' memory for the engine's copy of the weights

_spec: Callable[..., PartitionSpec] = PartitionSpec  # jax leaves it untyped
_EVERYWHERE = _spec()
_TRAIN_SPLIT = _spec(None, None, REPLICA_AXIS)  # [K, accumulation, replicas, ...]
_PREDICT_SPLIT = _spec(REPLICA_AXIS)


def create(
    placement: Placement,
    *,
    build_model: Callable[[], Any],
    objective: Objective,
    optimizer: OptimizerSettings,
    seed: int,
) -> Engine:
    """Builds the model on the host; see `runtime.engine.create`."""
    with keras.device(_HOST):
        model = build_model()
    return JaxEngine(
        model, placement=placement, objective=objective, optimizer=optimizer, seed=seed
    )


class _Tree(NamedTuple):
    """What a call takes from the one before: float32 arrays, whole on every device.

    Attributes:
        weights: Variable name to value.
        slots: `<variable name>/<slot name>` to value.
    """

    weights: dict[str, jax.Array]
    slots: dict[str, jax.Array]


class _Sums(NamedTuple):
    """What slices and replicas add up: loss, gradients, squares of looked-up rows."""

    loss: jax.Array
    gradients: dict[str, jax.Array]
    row_squares: jax.Array


class JaxEngine(Engine):
    """K updates a call on every device of a mesh."""

    def __init__(
        self,
        model: Any,
        *,
        placement: Placement,
        objective: Objective,
        optimizer: OptimizerSettings,
        seed: int,
    ) -> None:
        self._model = model
        self._model_is_behind = False
        self.placement = placement
        self._objective = objective
        self._optimizer = optimizer
        self._seed = seed
        self._step = 0
        self._looked_up: set[int] = set()
        self._variables = named_variables(model)
        trained = {id(variable) for variable in model.trainable_variables}
        self._trained = [n for n, v in self._variables.items() if id(v) in trained]
        weights = {name: np.asarray(v.value) for name, v in self._variables.items()}
        slots = {
            f"{name}/{slot}": np.zeros_like(weights[name])
            for name in self._trained
            for slot in SLOTS
        }
        self._tree = _Tree(self._copied(weights), self._copied(slots))
        self._train_calls = jax.jit(
            self._replicated(
                self._train_call,
                takes=(_EVERYWHERE, _TRAIN_SPLIT, _EVERYWHERE),
                gives=_EVERYWHERE,
            ),
            donate_argnums=0,
        )
        self._predict_calls = jax.jit(
            self._replicated(
                self._predict_call,
                takes=(_EVERYWHERE, _PREDICT_SPLIT),
                gives=_PREDICT_SPLIT,
            )
        )

    # -- training ---------------------------------------------------------------------

    def train(self, arrays: Arrays) -> StepReport:
        """Does K updates; see `Engine.train`."""
        shape = next(iter(arrays.values())).shape[:3]
        seeds = dropout_seeds(self._seed, first_step=self._step, shape=shape)
        blocks = {**arrays, _SEED: seeds}
        steps = np.arange(self._step, self._step + shape[0], dtype=np.int32)
        self._tree, report = self._train_calls(
            self._tree, self._dealt(blocks, _TRAIN_SPLIT), steps
        )
        self._step += shape[0]
        self._model_is_behind = True
        return StepReport(*(np.asarray(value) for value in report))

    def _train_call(
        self, tree: _Tree, blocks: Blocks, steps: jax.Array
    ) -> tuple[_Tree, tuple[jax.Array, ...]]:
        """K updates on one replica.

        Args:
            tree: Weights and slots.
            blocks: `[K, accumulation, 1, ...]`.
            steps: int32 `[K]`, updates done before each.

        Returns:
            The new tree; losses, norms, rates and guard flags, each `[K]`.
        """
        own = {name: block[:, :, 0] for name, block in blocks.items()}
        return lax.scan(lambda tree, xs: self._update(tree, *xs), tree, (own, steps))

    def _update(
        self, tree: _Tree, slices: Blocks, step: jax.Array
    ) -> tuple[_Tree, tuple[jax.Array, ...]]:
        """One update on one replica, from its slices `[accumulation, ...]`."""
        total: _Sums = lax.psum(  # type: ignore[no-untyped-call]
            self._sums(tree, slices), REPLICA_AXIS
        )
        norm = self._norm(total)
        applied = jnp.isfinite(total.loss) & jnp.isfinite(norm)
        rate = optimization.learning_rate(self._optimizer, step)
        scale = optimization.clip_factor(self._optimizer, norm)
        gradients = jax.tree.map(lambda gradient: gradient * scale, total.gradients)
        new = self._stepped(tree, gradients, rate=rate, step=step)
        kept = jax.tree.map(lambda a, b: jnp.where(applied, a, b), new, tree)
        return kept, (total.loss, norm, rate, applied)

    def _sums(self, tree: _Tree, slices: Blocks) -> _Sums:
        """Adds up loss and gradients over the slices."""

        def body(sums: _Sums, block: Blocks) -> tuple[_Sums, None]:
            more = self._slice_sums(tree, block)
            return jax.tree.map(jnp.add, sums, more), None

        zero = jnp.zeros((), jnp.float32)
        zeros = {name: jnp.zeros_like(tree.weights[name]) for name in self._trained}
        sums, _ = lax.scan(body, _Sums(zero, zeros, zero), slices)
        return sums

    def _slice_sums(self, tree: _Tree, block: Blocks) -> _Sums:
        def loss(trained: Blocks, probe: jax.Array) -> jax.Array:
            return self._loss({**tree.weights, **trained}, probe, block)

        trained = {name: tree.weights[name] for name in self._trained}
        value, (gradients, squares) = jax.value_and_grad(loss, argnums=(0, 1))(
            trained, jnp.zeros((), jnp.float32)
        )
        return _Sums(value, gradients, squares)

    def _loss(
        self, weights: Mapping[str, jax.Array], probe: jax.Array, block: Blocks
    ) -> jax.Array:
        inputs = {name: value for name, value in block.items() if name != _SEED}
        with (
            self._lent(weights) as scope,
            dropout.stream(block[_SEED]),
            lookup.measure(probe) as measurement,
        ):
            before = self._seen(scope)
            loss: jax.Array = self._objective.loss(self._model, inputs)
        self._looked_up = measurement.tables
        _refuse_writes(before, self._seen(scope))
        return loss

    def _lent(self, weights: Mapping[str, jax.Array]) -> keras.StatelessScope:
        """A scope in which the model computes with `weights`."""
        return keras.StatelessScope(
            [(self._variables[name], value) for name, value in weights.items()]
        )

    def _seen(self, scope: keras.StatelessScope) -> dict[str, Any]:
        return {v.path: scope.get_current_value(v) for v in self._model.variables}

    def _norm(self, sums: _Sums) -> jax.Array:
        """The global norm that clipping compares; see `runtime.lookup`."""
        counts_rows = self._optimizer.norm_counts_rows
        by_row = self._looked_up if counts_rows else set()
        squares = sums.row_squares if counts_rows else jnp.zeros((), jnp.float32)
        for name, gradient in sums.gradients.items():
            if id(self._variables[name]) not in by_row:
                squares += jnp.sum(jnp.square(gradient))
        return jnp.sqrt(squares)

    def _stepped(
        self, tree: _Tree, gradients: Mapping[str, jax.Array], *, rate: Any, step: Any
    ) -> _Tree:
        weights, slots = dict(tree.weights), {}
        for name, gradient in gradients.items():
            first, second = (f"{name}/{slot}" for slot in SLOTS)
            weights[name], slots[first], slots[second] = optimization.update(
                self._optimizer,
                decay=self._optimizer.decays(name),
                gradient=gradient,
                variable=tree.weights[name],
                first=tree.slots[first],
                second=tree.slots[second],
                rate=rate,
                step=step.astype(jnp.float32),
            )
        return _Tree(weights, slots)

    # -- prediction -------------------------------------------------------------------

    def predict(self, arrays: Arrays) -> dict[str, np.ndarray]:
        """Runs the objective's outputs on every replica; see `Engine.predict`."""
        outputs = self._predict_calls(
            self._tree.weights, self._dealt(arrays, _PREDICT_SPLIT)
        )
        return {name: np.asarray(value) for name, value in outputs.items()}

    def _predict_call(
        self, weights: Mapping[str, jax.Array], blocks: Blocks
    ) -> dict[str, jax.Array]:
        """One replica's outputs `[1, ...]` of its blocks `[1, ...]`."""
        with self._lent(weights):
            outputs = self._objective.outputs(
                self._model, {name: block[0] for name, block in blocks.items()}
            )
        return {name: value[jnp.newaxis] for name, value in outputs.items()}

    # -- state ------------------------------------------------------------------------

    @property
    def model(self) -> Any:
        """The Keras model, on the host; see `Engine.model`."""
        if self._model_is_behind:
            with keras.device(_HOST):
                for name, value in jax.device_get(self._tree.weights).items():
                    self._variables[name].assign(value)
            self._model_is_behind = False
        return self._model

    @property
    def step(self) -> int:
        """Updates done; see `Engine.step`."""
        return self._step

    def state(self) -> EngineState:
        """Copies everything to the host; see `Engine.state`."""
        # Copied once more: on a CPU, device_get lends the memory that train donates.
        weights, slots = jax.tree.map(np.array, jax.device_get(self._tree))
        return EngineState(step=self._step, weights=weights, slots=slots)

    def load_state(self, state: EngineState) -> None:
        """Replaces weights, slots and step; see `Engine.load_state`."""
        for kind, here, there in (
            ("weight", self._tree.weights, state.weights),
            ("optimiser slot", self._tree.slots, state.slots),
        ):
            refuse_misfit(here, there, kind=kind)
        self._tree = _Tree(
            self._copied({name: state.weights[name] for name in self._tree.weights}),
            self._copied({name: state.slots[name] for name in self._tree.slots}),
        )
        self._step = state.step
        self._model_is_behind = True

    def load_weights(self, weights: Mapping[str, np.ndarray]) -> None:
        """Replaces the named weights; see `Engine.load_weights`."""
        named = {name: self._tree.weights[name] for name in weights}
        refuse_misfit(named, weights, kind="weight")
        merged = {**self._tree.weights, **self._copied(weights)}
        self._tree = self._tree._replace(weights=merged)
        self._model_is_behind = True

    # -- distribution -----------------------------------------------------------------

    def _replicated(
        self, function: Callable[..., Any], *, takes: tuple[Any, ...], gives: Any
    ) -> Callable[..., Any]:
        """Runs `function` on every replica with its share of the arguments.

        Args:
            function: Sees one replica and calls on the others by `lax.psum`.
            takes: How each argument is split, as partition specs.
            gives: How the results are put together.
        """
        # check_vma off: Keras' recurrent layers carry constants into values that differ
        # between replicas, which the check takes for an error.
        return jax.shard_map(
            function,
            mesh=self.placement.strategy,
            in_specs=takes,
            out_specs=gives,
            check_vma=False,
        )

    def _dealt(self, arrays: Arrays, split: PartitionSpec) -> dict[str, jax.Array]:
        """Gives every replica its part of each array."""
        sharding = NamedSharding(self.placement.strategy, split)
        return jax.device_put(dict(arrays), sharding)

    def _copied(self, arrays: Arrays) -> dict[str, jax.Array]:
        """Gives every replica its own copy of each array."""
        sharding = NamedSharding(self.placement.strategy, _EVERYWHERE)
        return jax.device_put(dict(arrays), sharding, may_alias=False)


def _refuse_writes(before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Fails where the model wrote to a variable, since the write would be lost.

    Raises:
        TrainingError: Names the variables.
    """
    written = [path for path, value in after.items() if value is not before[path]]
    if written:
        raise TrainingError(
            f"The model writes to {', '.join(written)} while it computes; this engine "
            "keeps no such state. Use runtime.dropout.Dropout for random masks, and "
            "layers without moving averages."
        )
