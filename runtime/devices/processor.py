"""What the processor of this machine says of itself."""

from __future__ import annotations

from runtime import storage

CPUINFO = "/proc/cpuinfo"
"""Where Linux lists what a processor can."""

# Source: Documentation/arch/x86/cpuinfo.rst of Linux; the products in bfloat16 that
# oneDNN and XLA compute by one instruction.
_MULTIPLIES_BFLOAT16 = {"amx_bf16", "avx512_bf16"}


def slow_bfloat16(path: str) -> str:
    """Says that bfloat16 will be slow on this processor; "" if not, or nobody knows.

    Args:
        path: `CPUINFO`, or another file of lines `name : value`.
    """
    flags = _flags(path)
    if not flags or flags & _MULTIPLIES_BFLOAT16:
        return ""
    return (
        "This processor has no instructions for bfloat16 (`lscpu` lists neither "
        "amx_bf16 nor avx512_bf16), which will be slower on it than "
        "--precision=float32."
    )


def _flags(path: str) -> set[str]:
    """What the first processor can; nothing where no line says it, as on ARM."""
    if not storage.exists(path):
        return set()
    for line in storage.read_text(path).splitlines():
        name, _, values = line.partition(":")
        if name.strip() == "flags":
            return set(values.split())
    return set()
