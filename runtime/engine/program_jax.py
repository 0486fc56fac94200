"""K updates as one program of JAX over a mesh of replicas.

A program is a pure function of weights, slots and batches; the Keras model stays on the
host and lends its `call`, evaluated with the given values in place of its variables. It
can thus be compiled for devices that are not there; `runtime.engine.engine_jax` runs
it.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import jax
import keras
import numpy as np
from jax import lax
from jax import numpy as jnp
from jax.sharding import Mesh, PartitionSpec

from runtime.devices.placement import AttentionBy, Precision, StepOptions
from runtime.devices.placement_jax import REPLICA_AXIS
from runtime.engine import optimization
from runtime.engine.engine import DROPOUT_SEED, Objective, named_variables
from runtime.engine.optimization import SLOTS
from runtime.engine.optimizer_settings import OptimizerSettings
from runtime.errors import TrainingError
from runtime.kernels import (
    attention,
    attention_gpu_jax,
    attention_tpu_jax,
    dropout,
    layer_stack,
    layer_stack_jax,
    lookup,
    lookup_gpu_jax,
)
from runtime.kernels.attention import Attention, plain
from runtime.kernels.layer_stack import LayerScan

Blocks = Mapping[str, jax.Array]

_spec: Callable[..., PartitionSpec] = PartitionSpec  # jax leaves it untyped
REPLICATED = _spec()
"""How weights, slots and steps are laid out: whole on every device."""

TRAIN_SPLIT = _spec(None, None, REPLICA_AXIS)
"""How blocks `[K, accumulation, replicas, ...]` are dealt out."""

_REPORT_TYPES = (jnp.float32, jnp.float32, jnp.float32, jnp.bool_)
"""Of losses, norms, rates and guard flags."""

PREDICT_SPLIT = _spec(REPLICA_AXIS)
"""How blocks and outputs `[replicas, ...]` are dealt out."""


DETERMINISTIC = {"xla_gpu_deterministic_ops": True}
"""What XLA is told so that a GPU gives the same bits for the same arrays."""

_MATMUL_PRECISION = {Precision.FLOAT32: "highest", Precision.TF32: "tensorfloat32"}


class TrainState(NamedTuple):
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


class JaxProgram:
    """What an engine on JAX computes.

    Args:
        model: A built `keras.Model`.
        mesh: Of one axis, the replicas.
        objective: Loss and outputs.
        optimizer: Optimiser and schedule.
        precision: Arithmetic of the matrix products.
        options: How a step is computed; what is recomputed is for the caller to say.

    Attributes:
        variables: The model's variables by name.
        train: `(tree, blocks [K, accumulation, replicas, ...], span int32 [3])` to the
            new tree and losses, norms, rates and guard flags, each `[K]`; jitted, the
            tree is donated. The span is the step of the first of the K updates, and
            from which to which of them to go; the rest is left undone, and 0. The
            layers are a loop on the device, and the cheap part of them is computed
            again for the gradient.
        train_keeping: The same with the layers one after the other, and nothing
            computed twice: faster on a GPU, with more memory and a longer compilation.
        predict: `(weights, blocks [replicas, ...])` to outputs `[replicas, ...]`;
            jitted.
    """

    def __init__(
        self,
        model: Any,
        *,
        mesh: Mesh,
        objective: Objective,
        optimizer: OptimizerSettings,
        precision: Precision,
        options: StepOptions,
    ) -> None:
        self._model = model
        self._mesh = mesh
        self._on = _platform(mesh)
        self._precision = precision
        self._options = options
        self._objective = objective
        self._optimizer = optimizer
        self._looked_up: set[int] = set()
        self.variables = named_variables(model)
        trained = {id(variable) for variable in model.trainable_variables}
        self._trained = [n for n, v in self.variables.items() if id(v) in trained]
        self.train = self._trainer(layer_stack_jax.loop)
        self.train_keeping = self._trainer(layer_stack.one_after_the_other)
        self.predict = self._compiled(
            self._predict_call,
            takes=(REPLICATED, PREDICT_SPLIT),
            gives=PREDICT_SPLIT,
        )

    def _trainer(self, looper: LayerScan) -> Any:
        return self._compiled(
            functools.partial(self._train_call, looper),
            takes=(REPLICATED, TRAIN_SPLIT, REPLICATED),
            gives=REPLICATED,
            donate_argnums=0,
        )

    def _compiled(
        self, function: Any, *, takes: Any, gives: Any, **options: Any
    ) -> Any:
        if self._on == "gpu" and self._options.deterministic:
            options["compiler_options"] = DETERMINISTIC
        replicated = self._replicated(function, takes=takes, gives=gives)
        return jax.jit(replicated, **options)

    def initial_weights(self) -> dict[str, np.ndarray]:
        """The values of the model's variables."""
        return {name: np.asarray(v.value) for name, v in self.variables.items()}

    def initial_slots(self) -> dict[str, np.ndarray]:
        """Zeros by `<variable name>/<slot name>`."""
        return {
            f"{name}/{slot}": np.zeros(self.variables[name].shape, np.float32)
            for name in self._trained
            for slot in SLOTS
        }

    def _train_call(
        self, looper: LayerScan, tree: TrainState, blocks: Blocks, span: jax.Array
    ) -> tuple[TrainState, tuple[jax.Array, ...]]:
        """Some of K updates on one replica.

        The loop's bounds are data, so that one program does any part of the K: two
        programs would not give the same bits.

        Args:
            looper: Runs stacks of equal layers.
            tree: Weights and slots.
            blocks: `[K, accumulation, 1, ...]`.
            span: int32 `[3]`; see `train`.

        Returns:
            The new tree; losses, norms, rates and guard flags, each `[K]`.
        """
        own = {name: block[:, :, 0] for name, block in blocks.items()}

        def body(
            place: jax.Array, carry: tuple[TrainState, tuple[jax.Array, ...]]
        ) -> tuple[TrainState, tuple[jax.Array, ...]]:
            tree, report = carry
            slices = {name: block[place] for name, block in own.items()}
            with self._arithmetic(), layer_stack.looped_by(looper):
                tree, row = self._update(tree, slices, span[0] + place)
            report = tuple(
                values.at[place].set(value)
                for values, value in zip(report, row, strict=True)
            )
            return tree, report

        updates = len(own[DROPOUT_SEED])
        report = tuple(jnp.zeros(updates, dtype) for dtype in _REPORT_TYPES)
        return lax.fori_loop(span[1], span[2], body, (tree, report))

    def _update(
        self, tree: TrainState, slices: Blocks, step: jax.Array
    ) -> tuple[TrainState, tuple[jax.Array, ...]]:
        """One update on one replica, from its slices `[accumulation, ...]`."""
        total: _Sums = lax.psum(  # type: ignore[no-untyped-call]
            self._sums(tree, slices), REPLICA_AXIS
        )
        total = total._replace(
            gradients={
                name: optimization.mask_frozen(
                    self._optimizer.group_of(name), gradient, step=step
                )
                for name, gradient in total.gradients.items()
            }
        )
        norm = self._norm(total)
        applied = jnp.isfinite(total.loss) & jnp.isfinite(norm)
        rate = optimization.learning_rate(self._optimizer, step)
        scale = optimization.clip_factor(self._optimizer, norm)
        gradients = jax.tree.map(lambda gradient: gradient * scale, total.gradients)
        new = self._stepped(tree, gradients, rate=rate, step=step)
        kept = jax.tree.map(lambda a, b: jnp.where(applied, a, b), new, tree)
        return kept, (total.loss, norm, rate, applied)

    def _sums(self, tree: TrainState, slices: Blocks) -> _Sums:
        """Adds up loss and gradients over the slices."""

        def body(sums: _Sums, block: Blocks) -> tuple[_Sums, None]:
            more = self._slice_sums(tree, block)
            return jax.tree.map(jnp.add, sums, more), None

        zero = jnp.zeros((), jnp.float32)
        zeros = {name: jnp.zeros_like(tree.weights[name]) for name in self._trained}
        sums, _ = lax.scan(body, _Sums(zero, zeros, zero), slices)
        return sums

    def _slice_sums(self, tree: TrainState, block: Blocks) -> _Sums:
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
        inputs = {name: value for name, value in block.items() if name != DROPOUT_SEED}
        with (
            self._lent(weights) as scope,
            dropout.stream(block[DROPOUT_SEED]),
            lookup.measure(probe) as measurement,
        ):
            before = self._seen(scope)
            loss: jax.Array = self._objective.loss(self._model, inputs)
        self._looked_up = measurement.tables
        _refuse_writes(before, self._seen(scope))
        return loss

    @contextlib.contextmanager
    def _arithmetic(self) -> Iterator[None]:
        """How this device multiplies matrices, attends and takes rows.

        The matrix products of a CPU are float32 anyway; others take short cuts.
        """
        with contextlib.ExitStack() as stack:
            if self._on != "cpu" and self._precision in _MATMUL_PRECISION:
                precision = _MATMUL_PRECISION[self._precision]
                stack.enter_context(jax.default_matmul_precision(precision))
            attend = _attention(self._mesh, self._options)
            stack.enter_context(attention.computed_by(attend))
            if self._on == "gpu" and self._options.deterministic:
                stack.enter_context(lookup.taken_by(lookup_gpu_jax.take))
            yield

    def _lent(self, weights: Mapping[str, jax.Array]) -> keras.StatelessScope:
        """A scope in which the model computes with `weights`."""
        return keras.StatelessScope(
            [(self.variables[name], value) for name, value in weights.items()]
        )

    def _seen(self, scope: keras.StatelessScope) -> dict[str, Any]:
        return {v.path: scope.get_current_value(v) for v in self._model.variables}

    def _norm(self, sums: _Sums) -> jax.Array:
        """The global norm that clipping compares; see `runtime.kernels.lookup`."""
        counts_rows = self._optimizer.norm_counts_rows
        by_row = self._looked_up if counts_rows else set()
        squares = sums.row_squares if counts_rows else jnp.zeros((), jnp.float32)
        for name, gradient in sums.gradients.items():
            if id(self.variables[name]) not in by_row:
                squares += jnp.sum(jnp.square(gradient))
        return jnp.sqrt(squares)

    def _stepped(
        self,
        tree: TrainState,
        gradients: Mapping[str, jax.Array],
        *,
        rate: Any,
        step: Any,
    ) -> TrainState:
        weights, slots = dict(tree.weights), {}
        for name, gradient in gradients.items():
            first, second = (f"{name}/{slot}" for slot in SLOTS)
            group = self._optimizer.group_of(name)
            weights[name], slots[first], slots[second] = optimization.update(
                self._optimizer,
                decay=self._optimizer.decays(name),
                gradient=gradient,
                variable=tree.weights[name],
                first_moment=tree.slots[first],
                second_moment=tree.slots[second],
                rate=optimization.group_rate(group, rate, step=step),
                step=optimization.own_step(group, step).astype(jnp.float32),
            )
        return TrainState(weights, slots)

    def _predict_call(
        self, weights: Mapping[str, jax.Array], blocks: Blocks
    ) -> dict[str, jax.Array]:
        """One replica's outputs `[1, ...]` of its blocks `[1, ...]`."""
        on_gpu = self._on == "gpu"
        looper = layer_stack.one_after_the_other if on_gpu else layer_stack_jax.loop
        with (
            self._arithmetic(),
            self._lent(weights),
            layer_stack.looped_by(looper),
        ):
            outputs = self._objective.outputs(
                self._model, {name: block[0] for name, block in blocks.items()}
            )
        return {name: value[jnp.newaxis] for name, value in outputs.items()}

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
            mesh=self._mesh,
            in_specs=takes,
            out_specs=gives,
            check_vma=False,
        )


def _platform(mesh: Mesh) -> str:
    """The kind of its devices: cpu, gpu or tpu."""
    return str(mesh.devices.flat[0].platform)


def _attention(mesh: Mesh, options: StepOptions) -> Attention:
    """What attends on its devices: a kernel where there is one for them."""
    if options.attention is AttentionBy.PLAIN:
        return plain
    if _platform(mesh) == "gpu":
        return attention_gpu_jax.attend
    kind = mesh.devices.flat[0].device_kind
    return attention_tpu_jax.attend if attention_tpu_jax.runs_on(kind) else plain


def _refuse_writes(before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Fails where the model wrote to a variable, since the write would be lost.

    Raises:
        TrainingError: Names the variables.
    """
    written = [path for path, value in after.items() if value is not before[path]]
    if written:
        raise TrainingError(
            f"The model writes to {', '.join(written)} while it computes; this engine "
            "keeps no such state. Use runtime.kernels.dropout.Dropout for random "
            "masks, and layers without moving averages."
        )
