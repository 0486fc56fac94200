"""The time loop of an LSTM on TensorFlow.

Matrix products stay with oneDNN, as elsewhere in the graph; what is around them is one
XLA kernel a step where the engine compiles kernels.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from runtime.kernels import fusion, recurrence


def lstm(projected: tf.Tensor, recurrent_kernel: tf.Tensor, keep: tf.Tensor) -> Any:
    """See `runtime.kernels.recurrence.lstm`."""
    # Looked up here: the backward pass is traced after the engine has closed them.
    step = fusion.kernel(recurrence.step)
    step_gradient = fusion.kernel(recurrence.step_gradient)

    @tf.custom_gradient
    def run(projected: tf.Tensor, kernel: tf.Tensor, keep: tf.Tensor) -> Any:
        saved = _forward(projected, kernel, keep, step=step)
        units = kernel.shape[0]

        def gradient(upstream: tf.Tensor) -> tuple[Any, ...]:
            earlier = _shifted(saved[..., -2 * units :]) * keep
            cells, hidden = tf.split(earlier, 2, axis=-1)
            d_projected = tf.cast(
                _backward(upstream, saved, cells, kernel, keep, step=step_gradient),
                kernel.dtype,
            )
            d_kernel = tf.matmul(
                tf.reshape(tf.cast(hidden, kernel.dtype), [-1, units]),
                tf.reshape(d_projected, [-1, recurrence.GATES * units]),
                transpose_a=True,
            )
            return d_projected, d_kernel, None

        return tf.cast(saved[..., -units:], kernel.dtype), gradient

    return run(projected, tf.convert_to_tensor(recurrent_kernel), keep)


def _forward(
    projected: tf.Tensor,
    kernel: tf.Tensor,
    keep: tf.Tensor,
    *,
    step: Callable[..., tf.Tensor],
) -> tf.Tensor:
    """What `recurrence.step` returns for each step, float32 `[time, rows, 6 units]`."""
    time, rows, units = tf.shape(projected)[0], tf.shape(projected)[1], kernel.shape[0]
    inputs = _unstacked(projected)
    kept = _unstacked(keep)

    def body(t: tf.Tensor, state: tf.Tensor, done: tf.TensorArray) -> tuple[Any, ...]:
        cell, hidden = tf.split(state * kept.read(t), 2, axis=-1)
        recurrent = tf.matmul(tf.cast(hidden, kernel.dtype), kernel)
        pre_activations = tf.cast(inputs.read(t), tf.float32) + tf.cast(
            recurrent, tf.float32
        )
        saved = step(pre_activations, cell)
        return t + 1, saved[:, -2 * units :], done.write(t, saved)

    _, _, done = tf.while_loop(
        lambda t, *_: t < time,
        body,
        (0, tf.zeros([rows, 2 * units]), _array(time, 6 * units)),
        shape_invariants=(
            tf.TensorShape([]),
            tf.TensorShape([None, 2 * units]),
            tf.TensorShape(None),
        ),
    )
    return done.stack()


def _backward(
    upstream: tf.Tensor,
    saved: tf.Tensor,
    cells: tf.Tensor,
    kernel: tf.Tensor,
    keep: tf.Tensor,
    *,
    step: Callable[..., tf.Tensor],
) -> tf.Tensor:
    """Gradient of the pre-activations, float32 `[time, rows, 4 units]`."""
    time, rows, units = tf.shape(saved)[0], tf.shape(saved)[1], kernel.shape[0]
    transposed = tf.transpose(kernel)
    from_above, kept = _unstacked(upstream), _unstacked(keep)
    steps, before = _unstacked(saved), _unstacked(cells)

    def body(t: tf.Tensor, d_state: tf.Tensor, done: tf.TensorArray) -> tuple[Any, ...]:
        d_cell, d_hidden = tf.split(d_state, 2, axis=-1)
        d_hidden += tf.cast(from_above.read(t), tf.float32)
        found = step(steps.read(t), before.read(t), d_hidden, d_cell)
        d_gates, d_cell = found[:, :-units], found[:, -units:]
        d_hidden = tf.matmul(tf.cast(d_gates, kernel.dtype), transposed)
        d_state = tf.concat([d_cell, tf.cast(d_hidden, tf.float32)], axis=-1)
        return t - 1, d_state * kept.read(t), done.write(t, d_gates)

    _, _, done = tf.while_loop(
        lambda t, *_: t >= 0,
        body,
        (time - 1, tf.zeros([rows, 2 * units]), _array(time, recurrence.GATES * units)),
        shape_invariants=(
            tf.TensorShape([]),
            tf.TensorShape([None, 2 * units]),
            tf.TensorShape(None),
        ),
    )
    return done.stack()


def _shifted(values: tf.Tensor) -> tf.Tensor:
    """Each step's values one step later, zeros first."""
    return tf.concat([tf.zeros_like(values[:1]), values[:-1]], axis=0)


def _unstacked(values: tf.Tensor) -> tf.TensorArray:
    array = tf.TensorArray(values.dtype, size=tf.shape(values)[0])
    return array.unstack(values)


def _array(time: tf.Tensor, size: int) -> tf.TensorArray:
    return tf.TensorArray(tf.float32, size=time, element_shape=[None, size])
