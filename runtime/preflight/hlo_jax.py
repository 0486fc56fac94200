"""Programs of XLA, from whichever framework, compiled for a TPU that is not there.

There is no public way in jax to compile a program that it did not lower, so this takes
jaxlib's own calls, of the releases they were tried with; with others, a step is only
lowered, and the answer says so. A public "compile this StableHLO" would remove it.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np
from jax._src.interpreters import mlir
from jaxlib import _jax, xla_client
from jaxlib.mlir import ir

from runtime.preflight import compilation, compiler_jax
from runtime.preflight.compilation import CompiledStep, Effort
from runtime.preflight.topologies import Topology

_TRIED = ("0.10.",)


def compile_step(program: bytes, topology: Topology, effort: Effort) -> CompiledStep:
    """Compiles a program for one device of a TPU.

    Args:
        program: A serialized HloModuleProto.
        topology: The TPU.
        effort: How much time the compiler spends.

    Raises:
        CompilationError: The compiler refuses an operation.
    """
    if not jax.__version__.startswith(_TRIED):
        return CompiledStep(
            fits=True,
            memory=None,
            only_lowered=f"jax {jax.__version__} is not one of the releases "
            f"({', '.join(_TRIED)}x) whose compiler can be called on it",
        )
    device = compiler_jax.devices(topology)[0]
    return compiler_jax.answer(
        functools.partial(_executable, program, device, effort=effort),
        layer_in=compilation.layer_in,
    )


def _executable(program: bytes, device: jax.Device, *, effort: Effort) -> Any:
    options = xla_client.CompileOptions()
    options.executable_build_options.num_replicas = 1
    options.executable_build_options.num_partitions = 1
    options.executable_build_options.exec_time_optimization_effort = (
        compiler_jax.EXECUTION_TIME_EFFORT[effort]
    )
    options.device_assignment = xla_client.DeviceAssignment.create(
        np.array([[device.id]])
    )
    with mlir.make_ir_context():
        module = ir.Module.parse(_jax.mlir.hlo_to_stablehlo(program))
        _remove_copies(module.operation)
        return device.client.compile(module, _jax.DeviceList((device,)), options)


def _remove_copies(operation: Any) -> None:
    """Takes out `mhlo.copy`, which the compiler's import does not know."""
    for copy in [each for each in _walk(operation) if each.name == "mhlo.copy"]:
        copy.results[0].replace_all_uses_with(copy.operands[0])
        copy.erase()


def _walk(operation: Any) -> Iterator[Any]:
    for region in operation.regions:
        for block in region:
            for each in block:
                yield from _walk(each.operation)
                yield each.operation
