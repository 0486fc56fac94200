"""The step loop on TensorFlow: no strategy, mirrored replicas or a TPU.

One `tf.function` runs K updates around `strategy.run`. A replica sums the gradients of
its slices, the replicas' sums are added, and every replica applies the same clipped
update. Optimiser arithmetic is one XLA kernel a variable: measured 2.4 times faster on
a CPU than the same formula op by op.

On a TPU the K updates are one XLA program on the device, compiled for each shape.
Untested there: no TPU was available to develop on. What it runs is tested as the same
program compiled by XLA for a CPU.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from runtime.devices.placement import Accelerator, Placement
from runtime.engine import optimization
from runtime.engine.engine import (
    DROPOUT_SEED,
    Arrays,
    Dealt,
    Engine,
    EngineState,
    Objective,
    StepReport,
    dropout_seeds,
    named_variables,
    refuse_misfit,
)
from runtime.engine.optimization import SLOTS
from runtime.engine.optimizer_settings import OptimizerSettings
from runtime.kernels import dropout, fusion, fusion_tf, lookup

Blocks = Mapping[str, tf.Tensor]


def create(
    placement: Placement,
    *,
    build_model: Callable[[], Any],
    objective: Objective,
    optimizer: OptimizerSettings,
    seed: int,
) -> Engine:
    """Builds the model under the strategy; see `runtime.engine.engine.create`."""
    keras.utils.set_random_seed(seed)
    with placement.strategy.scope():
        model = build_model()
    return TensorFlowEngine(
        model, placement=placement, objective=objective, optimizer=optimizer, seed=seed
    )


class TensorFlowEngine(Engine):
    """K updates a call on every replica of a strategy."""

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
        self.placement = placement
        self._objective = objective
        self._optimizer = optimizer
        self._seed = seed
        self._looked_up: set[int] = set()
        self._variables = named_variables(model)
        trained = {id(variable) for variable in model.trainable_variables}
        self._trained = {
            name: variable.value
            for name, variable in self._variables.items()
            if id(variable) in trained
        }
        self._slots: dict[str, Any] = {}
        with placement.strategy.scope():
            self._counter = tf.Variable(0, dtype=tf.int64, trainable=False, name="step")
        self._step = 0  # the same, told without waiting for what is under way
        self._compiles_whole = placement.accelerator is Accelerator.TPU
        # Several virtual CPUs are for tests, where compiling costs more than it saves.
        on_cpu = placement.accelerator is Accelerator.CPU
        self._fuses = on_cpu and placement.replicas == 1
        self._kernels = {
            decay: tf.function(
                self._kernel(decay=decay), jit_compile=self._fuses or None
            )
            for decay in (False, True)
        }
        traced = _PerShape if self._compiles_whole else _PerSignature
        self._train_calls = traced(self.train_call)
        self._predict_calls = traced(self.predict_call)

    def make_slots(self) -> None:
        """Makes the optimiser slots, once: a traced function can make no variable."""
        if self._slots:
            return
        with self.placement.strategy.scope():
            self._slots = {
                f"{name}/{slot}": self._zeros_like(variable, name=f"{name}/{slot}")
                for name, variable in self._trained.items()
                for slot in SLOTS
            }

    def _zeros_like(self, variable: Any, *, name: str) -> Any:
        # ONLY_FIRST_REPLICA: every replica computes the same value.
        return tf.Variable(
            tf.zeros(variable.shape, variable.dtype),
            trainable=False,
            name=name.replace("/", "_"),
            aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
        )

    # -- training ---------------------------------------------------------------------

    def deal(self, arrays: Arrays, *, first_step: int) -> Dealt:
        """Makes each replica's tensors; see `Engine.deal`."""
        shape = next(iter(arrays.values())).shape[:3]
        seeds = dropout_seeds(self._seed, first_step=first_step, shape=shape)
        blocks = self._replicate({**arrays, DROPOUT_SEED: seeds}, replica_axis=2)
        return Dealt(blocks, first_step, updates=shape[0], parts=shape[1])

    def advance(self, dealt: Dealt, *, stop: int) -> Callable[[], StepReport]:
        """Does some of the K updates; see `Engine.advance`."""
        self.make_slots()
        part = slice(self._step - dealt.first_step, stop - dealt.first_step)
        span = tf.constant([part.start, part.stop])
        report = self._train_calls(dealt.blocks, span, parts=dealt.parts)
        self._step = stop
        return lambda: StepReport(*(value.numpy()[part] for value in report))

    def train_call(
        self, blocks: Blocks, span: tf.Tensor, *, parts: int
    ) -> tuple[tf.Tensor, ...]:
        """Some of K updates, as a graph traces them.

        Args:
            blocks: `[K, accumulation, ...]`, with the dropout seeds.
            span: int32 `[2]`: from which to which of the K to go.
            parts: Slices of an update: the accumulation.

        Returns:
            Losses, norms, rates and guard flags, each `[K]`; 0 for what is left undone.
        """
        if self._compiles_whole:
            rows = self._run(self._updates, blocks, span, parts=parts)
            return _report(self._each(rows)[0])

        def update(call: tf.Tensor) -> tf.Tensor:
            row = self._run(self._update, blocks, call, parts=parts)
            self._counter.assign_add(1)
            return self._each(row)[0]

        calls = tf.shape(self._each(blocks[DROPOUT_SEED])[0])[0]
        return _report(_rows(update, calls, span=span))

    def _updates(self, blocks: Blocks, span: tf.Tensor, *, parts: int) -> tf.Tensor:
        """Some of K updates on one replica: float32 `[K, 4]`, rows as of `_update`."""

        def update(call: tf.Tensor) -> tf.Tensor:
            row = self._update(blocks, call, parts=parts)
            self._counter.assign_add(1)
            return row

        return _rows(update, blocks[DROPOUT_SEED].shape[0], span=span)

    def _update(self, blocks: Blocks, call: tf.Tensor, *, parts: int) -> tf.Tensor:
        """One update on one replica: float32 `[rate, loss, norm, applied]`."""
        slices = {name: tf.gather(block, call) for name, block in blocks.items()}
        context = tf.distribute.get_replica_context()
        total = context.all_reduce(
            tf.distribute.ReduceOp.SUM, self._sums(slices, parts=parts)
        )
        total = total._replace(gradients=self._unfrozen(total.gradients))
        loss, gradients = total.loss, total.gradients
        norm = self._norm(total)
        applied = tf.math.is_finite(loss) & tf.math.is_finite(norm)
        rate = optimization.learning_rate(self._optimizer, self._counter)
        scale = optimization.clip_factor(self._optimizer, norm)
        tf.__internal__.distribute.interim.maybe_merge_call(
            self._apply, self.placement.strategy, gradients, (rate, scale, applied)
        )
        return tf.stack([rate, loss, norm, tf.cast(applied, tf.float32)])

    def _unfrozen(self, gradients: list[tf.Tensor]) -> list[tf.Tensor]:
        return [
            optimization.mask_frozen(
                self._optimizer.group_of(name), gradient, step=self._counter
            )
            for name, gradient in zip(self._trained, gradients, strict=True)
        ]

    def _sums(self, slices: Blocks, *, parts: int) -> _Sums:
        """Adds up loss and gradients over the slices `[accumulation, ...]`."""
        if parts == 1:
            return self._slice_sums(slices, part=0)

        def body(part: tf.Tensor, sums: _Sums) -> tuple[tf.Tensor, _Sums]:
            more = self._slice_sums(slices, part=part)
            return part + 1, tf.nest.map_structure(tf.add, sums, more)

        zeros = [tf.zeros(v.shape, v.dtype) for v in self._trained.values()]
        start = _Sums(tf.constant(0.0), zeros, tf.constant(0.0))
        _, sums = tf.while_loop(
            lambda part, _: part < parts,
            body,
            (tf.constant(0), start),
            parallel_iterations=1,  # else ten slices are held in memory at once
        )
        return sums

    def _slice_sums(self, slices: Blocks, *, part: Any) -> _Sums:
        block = {name: tf.gather(values, part) for name, values in slices.items()}
        seed = tf.ensure_shape(block.pop(DROPOUT_SEED), (2,))
        probe = tf.constant(0.0)
        with (
            tf.GradientTape() as tape,
            dropout.stream(seed),
            self._fusion(),
            lookup.measure(probe) as measurement,
        ):
            tape.watch(probe)
            loss = self._objective.loss(self._model, block)
        self._looked_up = measurement.tables
        *gradients, squares = tape.gradient(
            loss,
            [*self._trained.values(), probe],
            unconnected_gradients=tf.UnconnectedGradients.ZERO,
        )
        return _Sums(loss, [tf.convert_to_tensor(g) for g in gradients], squares)

    def _fusion(self) -> contextlib.AbstractContextManager[object]:
        if self._fuses:
            return fusion.compiled_by(fusion_tf)
        return contextlib.nullcontext()

    def _norm(self, sums: _Sums) -> tf.Tensor:
        """The global norm that clipping compares; see `runtime.kernels.lookup`."""
        gradients = dict(zip(self._trained, sums.gradients, strict=True))
        if not self._optimizer.norm_counts_rows:
            return tf.linalg.global_norm(list(gradients.values()))
        added_up = [
            gradient
            for name, gradient in gradients.items()
            if id(self._variables[name]) not in self._looked_up
        ]
        return tf.sqrt(tf.square(tf.linalg.global_norm(added_up)) + sums.row_squares)

    def _apply(self, strategy: Any, gradients: Any, scalars: Any) -> None:
        for (name, variable), gradient in zip(
            self._trained.items(), gradients, strict=True
        ):
            kernel = self._kernels[self._optimizer.decays(name)]
            slots = tuple(self._slots[f"{name}/{slot}"] for slot in SLOTS)
            group = self._optimizer.group_of(name)

            def assign(*values: Any, kernel: Any = kernel, group: Any = group) -> None:
                """Updates one device's copies."""
                *copies, gradient, rate, scale, applied, step = values
                old = [copy.value() for copy in copies]
                step = step.value()
                rate = optimization.group_rate(group, rate, step=step)
                step = optimization.own_step(group, step)
                new = kernel(gradient, *old, rate, scale, applied, step)
                for copy, value in zip(copies, new, strict=True):
                    copy.assign(value)

            strategy.extended.update(
                variable,
                assign,
                args=(*slots, gradient, *scalars, self._counter),
                group=False,
            )

    def _kernel(self, *, decay: bool) -> Callable[..., tuple[tf.Tensor, ...]]:
        settings = self._optimizer

        def kernel(
            gradient: Any,
            variable: Any,
            first_moment: Any,
            second_moment: Any,
            rate: Any,
            scale: Any,
            applied: Any,
            step: Any,
        ) -> tuple[tf.Tensor, ...]:
            old = (variable, first_moment, second_moment)
            new = optimization.update(
                settings,
                decay=decay,
                gradient=gradient * scale,
                variable=variable,
                first_moment=first_moment,
                second_moment=second_moment,
                rate=rate,
                step=tf.cast(step, tf.float32),
            )
            return tuple(
                tf.where(applied, after, before)
                for before, after in zip(old, new, strict=True)
            )

        return kernel

    # -- prediction -------------------------------------------------------------------

    def predict(self, arrays: Arrays) -> dict[str, np.ndarray]:
        """Runs the objective's outputs on every replica; see `Engine.predict`."""
        outputs = self._predict_calls(self._replicate(arrays, replica_axis=0))
        replicas = self.placement.replicas
        return {
            name: value.numpy().reshape(replicas, -1, *value.shape[1:])
            for name, value in outputs.items()
        }

    def predict_call(self, blocks: Blocks) -> dict[str, tf.Tensor]:
        """The objective's outputs, as a graph traces them.

        Args:
            blocks: `[rows, ...]` of each replica.

        Returns:
            Arrays `[examples of all replicas, ...]`.
        """
        outputs = self._run(self._outputs, blocks)
        return {name: self._gathered(value) for name, value in outputs.items()}

    def _outputs(self, blocks: Blocks) -> dict[str, tf.Tensor]:
        return self._objective.outputs(self._model, blocks)

    # -- state ------------------------------------------------------------------------

    @property
    def model(self) -> Any:
        """The Keras model; see `Engine.model`."""
        return self._model

    @property
    def step(self) -> int:
        """Updates done; see `Engine.step`."""
        return self._step

    def state(self) -> EngineState:
        """Copies everything to the host; see `Engine.state`."""
        self.make_slots()
        return EngineState(
            step=self._step,
            weights={name: _on_host(v) for name, v in self._variables.items()},
            slots={name: _on_host(v) for name, v in self._slots.items()},
        )

    def load_state(self, state: EngineState) -> None:
        """Replaces weights, slots and step; see `Engine.load_state`."""
        _assign_all(self._variables, state.weights, kind="weight")
        if state.slots:
            self.make_slots()
            _assign_all(self._slots, state.slots, kind="optimiser slot")
        self._counter.assign(state.step)
        self._step = state.step

    def load_weights(self, weights: Mapping[str, np.ndarray]) -> None:
        """Replaces the named weights; see `Engine.load_weights`."""
        _assign_all({n: self._variables[n] for n in weights}, weights, kind="weight")

    # -- distribution -----------------------------------------------------------------

    def _run(self, function: Callable[..., Any], *args: Any, **static: Any) -> Any:
        """Calls `function` on every replica, with its share of the arguments."""
        # By default a TPU would pad every axis, as if batches had many sizes.
        options = tf.distribute.RunOptions(experimental_enable_dynamic_batch_size=False)
        return self.placement.strategy.run(
            functools.partial(function, **static), args=args, options=options
        )

    def _replicate(self, arrays: Arrays, *, replica_axis: int) -> dict[str, Any]:
        """Gives every replica its slice of each array, without the replica axis."""

        def part(name: str, replica: int) -> tf.Tensor:
            return tf.constant(np.take(arrays[name], replica, axis=replica_axis))

        if self.placement.replicas == 1:
            return {name: part(name, 0) for name in arrays}
        distribute = (
            self.placement.strategy.experimental_distribute_values_from_function
        )
        return {
            name: distribute(
                lambda context, name=name: part(name, context.replica_id_in_sync_group)
            )
            for name in arrays
        }

    def _each(self, value: Any) -> tuple[tf.Tensor, ...]:
        parts: tuple[tf.Tensor, ...] = (
            self.placement.strategy.experimental_local_results(value)
        )
        return parts

    def _gathered(self, value: Any) -> tf.Tensor:
        """What all replicas of all processes hold, end to end along axis 0."""
        if self.placement.processes == 1:
            return tf.concat(self._each(value), axis=0)
        return self.placement.strategy.gather(value, axis=0)


class _Sums(NamedTuple):
    """What slices and replicas add up: loss, gradients, squares of looked-up rows."""

    loss: tf.Tensor
    gradients: list[tf.Tensor]
    row_squares: tf.Tensor


def _rows(
    update: Callable[[tf.Tensor], tf.Tensor], calls: Any, *, span: tf.Tensor
) -> tf.Tensor:
    """float32 `[calls, 4]`: what `update` returns for those of the span, the rest 0."""
    rows = tf.TensorArray(tf.float32, size=calls, element_shape=(4,))

    def body(call: tf.Tensor, rows: tf.TensorArray) -> tuple[Any, ...]:
        return call + 1, rows.write(call, update(call))

    _, rows = tf.while_loop(lambda call, _: call < span[1], body, (span[0], rows))
    return rows.stack()


def _report(rows: tf.Tensor) -> tuple[tf.Tensor, ...]:
    """The fields of a StepReport from rows of `[rate, loss, norm, applied]`."""
    rates, losses, norms, applied = tf.unstack(rows, axis=1)
    return losses, norms, rates, applied > 0


class _PerShape:
    """A `tf.function` with a trace for each shape, as XLA needs of a whole program."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._traced = tf.function(function, autograph=False)

    def __call__(self, blocks: Mapping[str, Any], *args: Any, **static: int) -> Any:
        return self._traced(blocks, *args, **static)


class _PerSignature:
    """A `tf.function` whose array axes are free, so that one trace serves all shapes.

    Rows and row length vary from batch to batch under packing and buckets, and a trace
    of BERT-base takes seconds.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._traced: dict[Any, Any] = {}

    def __call__(self, blocks: Mapping[str, Any], *args: Any, **static: int) -> Any:
        if all(tf.is_tensor(block) for block in blocks.values()):
            signature = {
                name: tf.TensorSpec([None] * block.shape.rank, block.dtype)
                for name, block in blocks.items()
            }
            others = [tf.TensorSpec(arg.shape, arg.dtype) for arg in args]
            options: dict[str, Any] = {"input_signature": [signature, *others]}
        else:  # one tensor a replica: no public way to name such a signature
            options = {"reduce_retracing": True}
        key = (tuple(sorted(blocks)), tuple(static.items()))
        if key not in self._traced:
            bound = functools.partial(self._function, **static)
            self._traced[key] = tf.function(bound, autograph=False, **options)
        return self._traced[key](blocks, *args)


def _on_host(variable: Any) -> np.ndarray:
    """What a variable holds now; read-only.

    On a CPU that is the variable's own memory: the next update puts its result
    elsewhere, and TensorFlow writes in place only where nobody else looks on.
    """
    found = np.asarray(tf.convert_to_tensor(variable))
    found.flags.writeable = False
    return found


def _assign_all(
    here: Mapping[str, Any], there: Mapping[str, np.ndarray], *, kind: str
) -> None:
    refuse_misfit(here, there, kind=kind)
    for name, variable in here.items():
        variable.assign(there[name])
