"""The number type that is the upper half of a float32, for numpy."""

from __future__ import annotations

import numpy as np


def widen(bits: np.ndarray) -> np.ndarray:
    """Returns as float32, exactly, the bfloat16 numbers that these uint16 are."""
    return (bits.astype(np.uint32) << np.uint32(16)).view(np.float32)
