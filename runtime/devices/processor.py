"""What the processor of this machine says of itself."""

from __future__ import annotations

from runtime import storage

CPUINFO = "/proc/cpuinfo"
"""Where Linux lists what a processor can."""

# Source: arch/x86/include/asm/cpufeatures.h of Linux.
_AMX, _AVX512 = "amx_bf16", "avx512_bf16"

# Measured with jax 0.7.2 and 0.10.2: a product takes a fifth longer. Not with AMX.
_SLOW_ON_JAX = (
    "With avx512_bf16 JAX computes bfloat16 no faster than float32: use "
    "--precision=float32, or --backend=tensorflow."
)


def slow_bfloat16(path: str, *, backend: str) -> str:
    """Says that bfloat16 will be slow on this processor; "" if not, or nobody knows.

    Args:
        path: `CPUINFO`, or another file of lines `name : value`.
        backend: What computes: `tensorflow` or `jax`.
    """
    flags = _flags(path)
    if not flags:
        return ""
    if _AMX in flags:
        return ""
    if _AVX512 in flags:
        return _SLOW_ON_JAX if backend == "jax" else ""
    return (
        "This processor has no instructions for bfloat16 (`lscpu` lists neither "
        "amx_bf16 nor avx512_bf16), which will be slower on it than "
        "--precision=float32."
    )


def described(path: str) -> dict[str, str]:
    """What the first processor says of itself, name to value; nothing without a file.

    Args:
        path: `CPUINFO`, or another file of lines `name : value`.
    """
    found: dict[str, str] = {}
    if storage.exists(path):
        for line in storage.read_text(path).splitlines():
            name, _, value = line.partition(":")
            found.setdefault(name.strip(), value.strip())
    return found


def _flags(path: str) -> set[str]:
    """What the first processor can; nothing where no line says it, as on ARM."""
    return set(described(path).get("flags", "").split())
