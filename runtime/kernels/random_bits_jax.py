"""Random bits on JAX."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
from jax import numpy as jnp


def uint16(shape: Any, *, seed: Any) -> Any:
    """Uniform uint16 numbers.

    Args:
        shape: Of the result.
        seed: uint32 `[2]`.

    Returns:
        uint16 array of that shape.
    """
    return jax.random.bits(seed, tuple(shape), dtype="uint16")


def well_mixed(seed: Any) -> jax.Array:
    """Another seed, uint32 `[2]`: like seeds become unlike, which `at` needs."""
    return jax.random.bits(seed, (2,), "uint32")


def at(seed: Any, places: Any) -> Any:
    """Random numbers for `dropout.apply`: a hash of the seed and of the place.

    Args:
        seed: Two uint32 scalars; see `well_mixed`.
        places: uint32, any shape: `((row * heads + head) * queries + query) * keys +
            key`, modulo 2**32.

    Returns:
        int32 in the shape of the places, from 0 to 2**16 - 1.

    Source: the constants are those of MurmurHash3's finalizer (Appleby, 2011).
    """
    mixed = places ^ seed[0]
    mixed = (mixed ^ (mixed >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    mixed = mixed ^ seed[1]
    mixed = (mixed ^ (mixed >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return ((mixed ^ (mixed >> np.uint32(16))) >> np.uint32(16)).astype(jnp.int32)
