"""The steps of a workload, lowered by JAX for a TPU that is not there."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from runtime.devices.placement import Recompute
from runtime.devices.placement_jax import REPLICA_AXIS
from runtime.engine.engine import DROPOUT_SEED, Arrays
from runtime.engine.program_jax import (
    PREDICT_SPLIT,
    REPLICATED,
    TRAIN_SPLIT,
    JaxProgram,
    TrainState,
)
from runtime.preflight import compilation, compiler_jax, flops_jax
from runtime.preflight.compilation import Effort, LoweredStep
from runtime.preflight.topologies import Topology
from runtime.preflight.workload import Workload

_struct: Callable[..., Any] = jax.ShapeDtypeStruct  # jax leaves it untyped


def lowering(workload: Workload, *, topology: Topology) -> JaxLowering:
    """A workload's steps on the devices of the TPU."""
    return JaxLowering(workload, topology=topology)


class JaxLowering:
    """A workload's steps on the devices of a TPU.

    Args:
        workload: Model, objective and the arrays of a call.
        topology: The TPU.
    """

    def __init__(self, workload: Workload, *, topology: Topology) -> None:
        self._workload = workload
        devices = compiler_jax.devices(topology)
        self._mesh = Mesh(np.array(devices), (REPLICA_AXIS,))
        self._program = JaxProgram(
            workload.build_model(),
            mesh=self._mesh,
            objective=workload.objective,
            optimizer=workload.optimizer,
            precision=workload.precision,
            options=workload.options,
        )
        keeps = workload.options.recompute is Recompute.NONE
        self._train = self._program.train_keeping if keeps else self._program.train

    def training_step(self) -> LoweredStep:
        """The call of K updates."""
        tree = TrainState(
            self._shapes(self._program.initial_weights(), REPLICATED),
            self._shapes(self._program.initial_slots(), REPLICATED),
        )
        arrays = self._workload.train
        leading = next(iter(arrays.values())).shape[:3]
        blocks = {**arrays, DROPOUT_SEED: np.zeros((*leading, 2), np.int32)}
        span = np.zeros(3, np.int32)
        return _lowered(
            self._train,
            *(tree, self._shapes(blocks, TRAIN_SPLIT), span),
            times=leading[0],
        )

    def evaluation_step(self) -> LoweredStep:
        """The call of one batch, dropout off."""
        return self._prediction(self._workload.evaluate)

    def writing_step(self) -> LoweredStep | None:
        """The call that writes texts; None where the model writes none."""
        arrays = self._workload.write
        return None if arrays is None else self._prediction(arrays)

    def _prediction(self, arrays: Arrays) -> LoweredStep:
        return _lowered(
            self._program.predict,
            self._shapes(self._program.initial_weights(), REPLICATED),
            self._shapes(arrays, PREDICT_SPLIT),
        )

    def _shapes(self, arrays: Arrays, split: PartitionSpec) -> dict[str, Any]:
        sharding = NamedSharding(self._mesh, split)
        return {
            name: _struct(array.shape, array.dtype, sharding=sharding)
            for name, array in arrays.items()
        }


def _lowered(step: Any, *arguments: Any, times: int = 1) -> LoweredStep:
    """Lowers a step; `times` is how often its outermost loop, if any, goes round."""
    traced = step.trace(*arguments)
    layer_in = functools.partial(_layer_in, traced.jaxpr)
    try:
        lowered = traced.lower()
    except NotImplementedError as error:
        message = str(error)
        refusal = compilation.refusal(message, layer=layer_in(message))
        raise refusal from error

    def executable(effort: Effort) -> Any:
        wanted = compiler_jax.EXECUTION_TIME_EFFORT[effort]
        options = {"exec_time_optimization_effort": wanted}
        return lowered.compile(compiler_options=options).runtime_executable()

    return LoweredStep(
        program=lowered.as_text().encode(),
        flops=times * flops_jax.count(traced.jaxpr),
        compile=lambda effort: compiler_jax.answer(
            functools.partial(executable, effort), layer_in=layer_in
        ),
    )


def _layer_in(jaxpr: Any, message: str) -> str | None:
    return compilation.layer_in(message) or _layer_of_primitive(message, jaxpr)


def _layer_of_primitive(message: str, jaxpr: Any) -> str | None:
    """Scope of the first operation whose name the message quotes."""
    for equation in _all_equations(jaxpr):
        if f"'{equation.primitive.name}'" in message:
            scope = str(equation.source_info.name_stack)
            return compilation.layer_of(scope)
    return None


def _all_equations(jaxpr: Any) -> Iterator[Any]:
    for equation in flops_jax.equations_of(jaxpr):
        for inner in flops_jax.inner_jaxprs(equation):
            yield from _all_equations(inner)
        yield equation
