"""Dropout whose masks are a pure function of (seed, step, slice, replica).

Keras keeps a layer's random state in a variable, which MirroredStrategy copies to every
replica: all replicas draw the same mask, and a resumed run draws others. Here an engine
opens a stream from the seed of its slice, and each layer takes the next number of the
stream. Outside a stream (`model.fit`) the layer's own seed is used.
"""

from __future__ import annotations

import contextvars
import importlib
from contextlib import AbstractContextManager
from typing import Any

import keras
import numpy as np
from keras import ops

from runtime.kernels.fusion import fused
from runtime.scoped import scoped

_ODD = 0x9E3779B1  # the 32-bit golden ratio: distinct multiples, one for each layer
_ON_JAX = keras.config.backend() == "jax"
_KEY_DTYPE = "uint32" if _ON_JAX else "int32"
_random_bits = importlib.import_module(
    f"runtime.kernels.random_bits_{'jax' if _ON_JAX else 'tf'}"
)


class _StreamSeed(keras.random.SeedGenerator):
    """A seed generator without a variable: counts calls from a given seed tensor."""

    def __init__(self, seed: Any) -> None:
        self._seed = seed
        self._calls = 0

    def next(self, ordered: bool = True) -> Any:  # noqa: ARG002 - Keras' signature
        self._calls += 1
        shift = np.array([0, self._calls * _ODD % 2**32], np.uint32)
        key = ops.cast(self._seed, _KEY_DTYPE)
        return key + ops.convert_to_tensor(shift.view(_KEY_DTYPE))

    def part(self, index: Any) -> _StreamSeed:
        """A stream of its own for each index, an int or int32 scalar tensor."""
        odd = ops.convert_to_tensor(np.array([_ODD, 0], np.uint32).view(_KEY_DTYPE))
        place = ops.cast(index, _KEY_DTYPE) + ops.cast(1, _KEY_DTYPE)
        return _StreamSeed(ops.cast(self._seed, _KEY_DTYPE) + place * odd)


_stream: contextvars.ContextVar[_StreamSeed | None] = contextvars.ContextVar(
    "dropout_stream", default=None
)


def stream(seed: Any) -> AbstractContextManager[object]:
    """Makes every Dropout called inside draw from `seed`.

    Args:
        seed: int32 `[2]`, a tensor or array.

    Returns:
        A context manager.
    """
    return scoped(_stream, _StreamSeed(seed))


def part(index: Any) -> AbstractContextManager[object]:
    """Gives the Dropout layers called inside a part of the open stream.

    One layer of a stack then draws the same numbers whether the stack is a Python loop
    or a loop on the device.

    Args:
        index: Which part: an int or an int32 scalar tensor.

    Returns:
        A context manager.
    """
    whole = _stream.get()
    return scoped(_stream, whole and whole.part(index))


class Dropout(keras.layers.Dropout):
    """Dropout that draws from the open stream, else from its own seed.

    The rate is rounded to the nearest of 65,536 steps: a mask is made of 16 bits an
    entry.
    """

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Zeroes a `rate` share of `inputs` (any shape) and scales up the rest."""
        if not training or self.rate == 0:
            return inputs
        return _dropped(inputs, self.bits(inputs), rate=self.rate)

    def bits(self, inputs: Any) -> Any:
        """Random uint16 numbers in the shape of `inputs`, for `apply`."""
        return _random_bits.uint16(ops.shape(inputs), seed=self.next_seed())

    def next_seed(self) -> Any:
        """What the next mask is drawn from, `[2]`: uint32 on JAX, else int32."""
        source = _stream.get() or self.seed_generator
        return ops.cast(source.next(), _KEY_DTYPE)


class SharedDropout(Dropout):
    """Dropout with one mask for all positions of a row, as variational dropout has it.

    Source: Gal and Ghahramani, A Theoretically Grounded Application of Dropout in
        Recurrent Neural Networks, 2016; the `dropout` of Keras' recurrent layers.
    """

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Zeroes a `rate` share of each row's features, `[rows, time, features]`."""
        if not training or self.rate == 0:
            return inputs
        return _dropped(inputs, self.bits(inputs[:, :1]), rate=self.rate)


def apply(inputs: Any, bits: Any, *, rate: float) -> Any:
    """Zeroes the entries whose bits fall under `rate` and scales up the others.

    Args:
        inputs: Floating tensor of any shape.
        bits: uint16, of a shape that spreads to that of the inputs, uniform.
        rate: Share that is zeroed.

    Returns:
        Tensor of the same shape and dtype.
    """
    threshold = round(rate * 2**16)
    scale = 2**16 / (2**16 - threshold)
    # int32: TensorFlow compares no uint16 on a GPU.
    keep = ops.cast(bits, "int32") >= threshold
    return inputs * (ops.cast(keep, inputs.dtype) * scale)


_dropped = fused(apply)
