"""The steps of a workload, compiled by JAX for a TPU that is not there.

`libtpu` holds the compiler and needs no TPU for it. Set before jax is imported:
`JAX_PLATFORMS=cpu` (look for no TPU), `TPU_SKIP_MDS_QUERY=1` (ask no metadata server)
and `ALLOW_MULTIPLE_LIBTPU_LOAD=1` (let several processes compile).

Source: jax.experimental.topologies; https://docs.jax.dev/en/latest/aot.html.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from importlib import metadata
from typing import Any

import jax
import numpy as np
from jax.experimental import topologies
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from runtime.engine import DROPOUT_SEED, Arrays
from runtime.errors import CompilationError
from runtime.placement_jax import REPLICA_AXIS
from runtime.preflight import compilation, flops_jax
from runtime.preflight.compilation import CompiledStep, LoweredStep
from runtime.preflight.topologies import Topology
from runtime.program_jax import (
    EVERYWHERE,
    PREDICT_SPLIT,
    TRAIN_SPLIT,
    JaxProgram,
    Tree,
)
from runtime.workload import Workload


def devices(topology: Topology) -> list[jax.Device]:
    """The devices that JAX would see on the TPU.

    Raises:
        CompilationError: There is no TPU compiler here.
    """
    # A single chip is less than the host that the compiler takes for granted.
    bounds = {"chips_per_host_bounds": (1, 1, 1)} if topology.chips == 1 else {}
    try:
        found = topologies.get_topology_desc(
            platform="tpu", topology_name=topology.layout, **bounds
        )
    except RuntimeError as error:
        raise CompilationError(
            f"The TPU compiler cannot be loaded: {error}. Install it with "
            "`pip install 'tf-bert-toolkit[tpu-check]'`."
        ) from error
    return list(found.devices)


_struct: Callable[..., Any] = jax.ShapeDtypeStruct  # jax leaves it untyped


def device_count(topology: Topology) -> int:
    """Devices that JAX would see on the TPU: chips, or cores of v2 and v3."""
    return len(devices(topology))


def compiler() -> str:
    """The compiler's version: answers of another one may differ."""
    return f"jax {jax.__version__} libtpu {metadata.version('libtpu')}"


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
        self._mesh = Mesh(np.array(devices(topology)), (REPLICA_AXIS,))
        self._program = JaxProgram(
            workload.build_model(),
            mesh=self._mesh,
            objective=workload.objective,
            optimizer=workload.optimizer,
        )

    def training_step(self) -> LoweredStep:
        """The call of K updates."""
        tree = Tree(
            self._shapes(self._program.initial_weights(), EVERYWHERE),
            self._shapes(self._program.initial_slots(), EVERYWHERE),
        )
        arrays = self._workload.train
        leading = next(iter(arrays.values())).shape[:3]
        blocks = {**arrays, DROPOUT_SEED: np.zeros((*leading, 2), np.int32)}
        steps = np.zeros(leading[:1], np.int32)
        return _lowered(
            self._program.train, tree, self._shapes(blocks, TRAIN_SPLIT), steps
        )

    def evaluation_step(self) -> LoweredStep:
        """The call of one batch, dropout off."""
        return _lowered(
            self._program.predict,
            self._shapes(self._program.initial_weights(), EVERYWHERE),
            self._shapes(self._workload.evaluate, PREDICT_SPLIT),
        )

    def _shapes(self, arrays: Arrays, split: PartitionSpec) -> dict[str, Any]:
        sharding = NamedSharding(self._mesh, split)
        return {
            name: _struct(array.shape, array.dtype, sharding=sharding)
            for name, array in arrays.items()
        }


def _lowered(step: Any, *arguments: Any) -> LoweredStep:
    traced = step.trace(*arguments)
    try:
        lowered = traced.lower()
    except NotImplementedError as error:
        raise _refused(str(error), traced.jaxpr) from error
    return LoweredStep(
        program=lowered.as_text().encode(),
        flops=flops_jax.count(traced.jaxpr),
        compile=functools.partial(_compiled, lowered, traced.jaxpr),
    )


def _compiled(lowered: Any, jaxpr: Any) -> CompiledStep:
    start = time.perf_counter()
    try:
        compiled = lowered.compile()
    except jax.errors.JaxRuntimeError as error:
        seconds = time.perf_counter() - start
        answer = compilation.too_large(str(error), compile_seconds=seconds)
        if answer is None:
            raise _refused(str(error), jaxpr) from error
        return answer
    cost = compiled.cost_analysis()
    return CompiledStep(
        fits=True,
        memory=compiled.memory_analysis().peak_memory_in_bytes,
        flops=cost.get("flops", 0.0),
        bytes_accessed=cost.get("bytes accessed", 0.0),
        compile_seconds=time.perf_counter() - start,
    )


def _refused(message: str, jaxpr: Any) -> CompilationError:
    layer = compilation.layer_in(message) or _layer_of_primitive(message, jaxpr)
    place = f"In {layer}: " if layer else ""
    return CompilationError(f"{place}{message}")


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
