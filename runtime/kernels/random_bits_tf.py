"""Random bits on TensorFlow."""

from __future__ import annotations

from typing import Any

import tensorflow as tf


def uint16(shape: Any, *, seed: Any) -> Any:
    """Uniform uint16 numbers.

    One 32-bit number makes two: generating is most of what a dropout mask costs.

    Args:
        shape: Of the result, may be dynamic.
        seed: int32 `[2]`.

    Returns:
        uint16 tensor of that shape.
    """
    count = tf.reduce_prod(shape)
    words = tf.random.stateless_uniform(
        [(count + 1) // 2], seed=seed, minval=None, maxval=None, dtype=tf.int32
    )
    halves = tf.reshape(tf.bitcast(words, tf.uint16), [-1])
    return tf.reshape(halves[:count], shape)
