"""Programs of XLA, from whichever framework, compiled for a TPU that is not there.

There is no public way in jax to compile a program that it did not lower, so this takes
jaxlib's own calls, of the releases they were tried with; with others, a step is only
lowered, and the answer says so. A public "compile this StableHLO" would remove it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np
from jax._src.interpreters import mlir
from jaxlib import _jax, xla_client
from jaxlib.mlir import ir

from runtime.errors import CompilationError
from runtime.preflight import compilation, lowering_jax
from runtime.preflight.compilation import CompiledStep
from runtime.preflight.topologies import Topology

_TRIED = ("0.10.",)

device_count = lowering_jax.device_count
compiler = lowering_jax.compiler


def compile_step(program: bytes, topology: Topology) -> CompiledStep:
    """Compiles a program for one device of a TPU.

    Args:
        program: A serialized HloModuleProto.
        topology: The TPU.

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
    device = lowering_jax.devices(topology)[0]
    start = time.perf_counter()
    try:
        compiled = _compiled(program, device)
    except jax.errors.JaxRuntimeError as error:
        seconds = time.perf_counter() - start
        answer = compilation.too_large(str(error), compile_seconds=seconds)
        if answer is None:
            layer = compilation.layer_in(str(error))
            place = f"In {layer}: " if layer else ""
            raise CompilationError(f"{place}{error}") from error
        return answer
    cost = compiled.cost_analysis()
    return CompiledStep(
        fits=True,
        memory=compiled.get_compiled_memory_stats().peak_memory_in_bytes,
        flops=cost.get("flops", 0.0),
        bytes_accessed=cost.get("bytes accessed", 0.0),
        compile_seconds=time.perf_counter() - start,
    )


def _compiled(program: bytes, device: jax.Device) -> Any:
    options = xla_client.CompileOptions()
    options.executable_build_options.num_replicas = 1
    options.executable_build_options.num_partitions = 1
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
