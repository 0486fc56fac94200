"""The TPU compiler, asked without a TPU.

`libtpu` holds it; see `compilation.ENVIRONMENT` for what it needs.

Source: jax.experimental.topologies; https://docs.jax.dev/en/latest/aot.html.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib import metadata
from typing import Any

import jax
from jax.experimental import topologies

from runtime.errors import CompilationError
from runtime.preflight import compilation
from runtime.preflight.compilation import CompiledStep, Effort
from runtime.preflight.topologies import Topology

EXECUTION_TIME_EFFORT = {Effort.QUICK: -1.0, Effort.FULL: 0.0}
"""What XLA calls `exec_time_optimization_effort`."""


def devices(topology: Topology) -> list[jax.Device]:
    """The devices that JAX would see on the TPU.

    Raises:
        CompilationError: There is no TPU compiler here.
    """
    options: dict[str, Any] = {"chip_config_name": topology.chip_config}
    if topology.chips == 1:
        # A single chip is less than the host that the compiler takes for granted.
        options["chips_per_host_bounds"] = (1, 1, 1)
    try:
        found = topologies.get_topology_desc(
            platform="tpu", topology_name=topology.layout, **options
        )
    except RuntimeError as error:
        raise CompilationError(
            f"The TPU compiler cannot be loaded: {error}. Install it with "
            "`pip install 'tf-bert-toolkit[tpu-check]'`."
        ) from error
    return list(found.devices)


def device_count(topology: Topology) -> int:
    """Devices that JAX would see on the TPU: chips, or cores of v2 and v3."""
    return len(devices(topology))


def version() -> str:
    """The compiler's version: answers of another one may differ."""
    return f"jax {jax.__version__} libtpu {metadata.version('libtpu')}"


def answer(
    compile_it: Callable[[], Any], *, layer_in: Callable[[str], str | None]
) -> CompiledStep:
    """Compiles and reads what the compiler says.

    Args:
        compile_it: Returns jaxlib's `LoadedExecutable`.
        layer_in: Finds the layer that the message of a refusal speaks of.

    Raises:
        CompilationError: The compiler refuses an operation.
    """
    start = time.perf_counter()
    try:
        executable = compile_it()
    except jax.errors.JaxRuntimeError as error:
        seconds = time.perf_counter() - start
        message = str(error)
        too_large = compilation.too_large(message, compile_seconds=seconds)
        if too_large is None:
            refusal = compilation.refusal(message, layer=layer_in(message))
            raise refusal from error
        return too_large
    cost = executable.cost_analysis()
    return CompiledStep(
        fits=True,
        memory=executable.get_compiled_memory_stats().peak_memory_in_bytes,
        flops=cost.get("flops", 0.0),
        bytes_accessed=cost.get("bytes accessed", 0.0),
        compile_seconds=time.perf_counter() - start,
    )
