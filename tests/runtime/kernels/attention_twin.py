"""Attention as it is written, with the dropout that the kernels have."""

import jax
from jax import numpy as jnp

from runtime.kernels import random_bits_jax


def kept_of(seed, places, *, rate):
    """Which places keep what they hold."""
    return random_bits_jax.at(seed, places) >= round(rate * 2**16)


def dropping(seed, *, rate, bias):
    """A function of query, key and value."""
    scale = 2**16 / (2**16 - round(rate * 2**16))

    def attend(query, key, value):
        scores = query @ jnp.swapaxes(key, 2, 3) + bias
        places = jnp.arange(scores.size, dtype=jnp.uint32).reshape(scores.shape)
        kept = kept_of(seed, places, rate=rate)
        return jnp.where(kept, jax.nn.softmax(scores) * scale, 0.0) @ value

    return attend
