"""Dropout whose masks are a pure function of (seed, step, slice, replica).

Keras keeps a layer's random state in a variable, which MirroredStrategy copies to every
replica: all replicas draw the same mask, and a resumed run draws others. Here an engine
opens a stream from the seed of its slice, and each layer takes the next number of the
stream. Outside a stream (`model.fit`) the layer is Keras' own.
"""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

_ODD = 0x9E3779B1  # the 32-bit golden ratio: distinct multiples, one for each layer
_KEY_DTYPE = "uint32" if keras.config.backend() == "jax" else "int32"


class _StreamSeed(keras.random.SeedGenerator):
    """A seed generator without a variable: counts calls from a given seed tensor."""

    def __init__(self, seed: Any) -> None:
        self._seed = seed
        self._calls = 0

    def next(self, ordered: bool = True) -> Any:  # noqa: ARG002 - Keras' signature
        self._calls += 1
        shift = np.array([0, self._calls * _ODD % 2**32], np.uint32)
        key = keras.ops.cast(self._seed, _KEY_DTYPE)
        return key + keras.ops.convert_to_tensor(shift.view(_KEY_DTYPE))


_stream: contextvars.ContextVar[_StreamSeed | None] = contextvars.ContextVar(
    "dropout_stream", default=None
)


@contextlib.contextmanager
def stream(seed: Any) -> Iterator[None]:
    """Makes every Dropout called inside draw from `seed`.

    Args:
        seed: int32 `[2]`, a tensor or array.

    Yields:
        Nothing.
    """
    token = _stream.set(_StreamSeed(seed))
    try:
        yield
    finally:
        _stream.reset(token)


class Dropout(keras.layers.Dropout):
    """`keras.layers.Dropout` that draws from the open stream where there is one."""

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Zeroes a `rate` share of `inputs` (any shape) and scales up the rest."""
        seed = _stream.get()
        if seed is None or not training or self.rate == 0:
            return super().call(inputs, training=training)
        return keras.random.dropout(inputs, self.rate, seed=seed)
