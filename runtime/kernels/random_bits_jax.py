"""Random bits on JAX."""

from __future__ import annotations

from typing import Any

import jax


def uint16(shape: Any, *, seed: Any) -> Any:
    """Uniform uint16 numbers.

    Args:
        shape: Of the result.
        seed: uint32 `[2]`.

    Returns:
        uint16 array of that shape.
    """
    return jax.random.bits(seed, tuple(shape), dtype="uint16")
