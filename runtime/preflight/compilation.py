"""What a compiler says of a step, whichever backend lowered it."""

from __future__ import annotations

import dataclasses
import enum
import re
from collections.abc import Callable

from runtime.errors import CompilationError

_TOO_LARGE = ("RESOURCE_EXHAUSTED", "Ran out of memory in memory space hbm")
_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
_OP_NAME = re.compile(r'op_name="([^"]+)"')
_NEEDED = re.compile(r"Used ([\d.]+)([KMGT]?) of ([\d.]+)([KMGT]?) hbm")


ENVIRONMENT = {
    # No TPU is looked for, no metadata server asked, several may compile at a time.
    "JAX_PLATFORMS": "cpu",
    "TPU_SKIP_MDS_QUERY": "1",
    "ALLOW_MULTIPLE_LIBTPU_LOAD": "1",
    # What it would else complain of on stderr; the topology is told it otherwise.
    "TPU_ACCELERATOR_TYPE": "v5litepod-1",
    "TPU_WORKER_HOSTNAMES": "localhost",
    "TPU_WORKER_ID": "0",
}
"""What the TPU compiler must find in the environment before jax is imported."""


class Effort(enum.Enum):
    """How much time the compiler spends on making the program fast.

    QUICK takes less than half the time of FULL, and the program up to a tenth more
    memory: BERT-base, batch 32, on a v5e, 2.63 GiB for 2.49 with JAX, 3.04 for 3.02
    with TensorFlow.
    """

    QUICK = "quick"
    FULL = "full"


@dataclasses.dataclass(frozen=True, kw_only=True)
class LoweredStep:
    """A step in the compiler's language, not yet compiled.

    Attributes:
        program: Its text, which decides what is compiled.
        flops: Floating point operations of matrix products and convolutions on one
            device, loops counted as often as they run; None where that is not known.
        compile: Compiles it.
    """

    program: bytes
    flops: float | None
    compile: Callable[[Effort], CompiledStep]


@dataclasses.dataclass(frozen=True, kw_only=True)
class CompiledStep:
    """The compiler's answer.

    Attributes:
        fits: Whether it compiled into the device's memory.
        memory: Peak bytes on one device; more than it has where it does not fit.
        capacity: Bytes a program may use on one device, where the compiler said so.
        flops: Floating point operations on one device.
        bytes_accessed: Bytes moved between memory and cores, the body of a loop
            counted once.
        compile_seconds: How long the compiler took.
        only_lowered: Why the step was lowered but not compiled; empty where it was.
    """

    fits: bool
    memory: int | None
    capacity: int | None = None
    flops: float = 0.0
    bytes_accessed: float = 0.0
    compile_seconds: float = 0.0
    only_lowered: str = ""


def too_large(message: str, *, compile_seconds: float) -> CompiledStep | None:
    """Reads the compiler's complaint that a step does not fit.

    Args:
        message: Text of the error.
        compile_seconds: How long it took to find out.

    Returns:
        None where the error is another one.
    """
    if not any(sign in message for sign in _TOO_LARGE):
        return None
    found = _NEEDED.search(message)
    sizes = found.groups() if found else None
    return CompiledStep(
        fits=False,
        memory=_bytes(*sizes[:2]) if sizes else None,
        capacity=_bytes(*sizes[2:]) if sizes else None,
        compile_seconds=compile_seconds,
    )


def layer_in(message: str) -> str | None:
    """The scope of the operation that a compiler's error speaks of, if it names one."""
    found = _OP_NAME.search(message)
    return layer_of(found.group(1)) if found else None


def refusal(message: str, *, layer: str | None) -> CompilationError:
    """The error that says which operation does not compile, and in which layer."""
    place = f"In {layer}: " if layer else ""
    return CompilationError(f"{place}{message}")


def layer_of(scope: str) -> str:
    """A scope without what transformations added to it.

    Args:
        scope: For example `jit(f)/while/body/transpose(jvp(bert))/pooler/dot`.

    Returns:
        For example `bert/pooler/dot`.
    """
    layers = _TRANSFORMATION.sub("", re.sub(r"jit\([^()]*\)", "", scope))
    parts = layers.replace(")", "").split("/")
    return "/".join(part for part in parts if part and part not in _CONTROL_FLOW)


_TRANSFORMATION = re.compile(r"\b(?:jvp|transpose|vmap|checkpoint|remat)\(")
_CONTROL_FLOW = {"shard_map", "while", "body", "cond", "closed_call", "checkpoint"}


def _bytes(number: str, unit: str) -> int:
    return int(float(number) * _UNITS[unit])
