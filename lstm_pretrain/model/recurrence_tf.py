"""The time loop of an LSTM on TensorFlow.

Matrix products stay with oneDNN, as elsewhere in the graph; what is around them is one
XLA kernel a step where the engine compiles kernels. What a step leaves for the
backward pass stays in lists, one tensor a step, and is never copied.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow as tf

from lstm_pretrain.model import recurrence
from runtime.kernels import fusion, portable


class _Steps(NamedTuple):
    """What the steps leave: gates and hidden states, and cell states with the first."""

    gates: tf.TensorArray
    cells: tf.TensorArray
    hidden: tf.TensorArray


def lstm(projected: tf.Tensor, recurrent_kernel: tf.Tensor, keep: tf.Tensor) -> Any:
    """See `lstm_pretrain.model.recurrence.lstm`."""
    if portable.is_asked():
        return _portable(projected, tf.convert_to_tensor(recurrent_kernel), keep)
    # Looked up here: the backward pass is traced after the engine has closed them.
    step = fusion.kernel(recurrence.step)
    step_gradient = fusion.kernel(recurrence.step_gradient)

    @tf.custom_gradient
    def run(projected: tf.Tensor, kernel: tf.Tensor, keep: tf.Tensor) -> Any:
        steps = _forward(projected, kernel, keep, step=step)
        hidden = steps.hidden.stack()

        def gradient(upstream: tf.Tensor) -> tuple[Any, ...]:
            d_projected = _backward(upstream, steps, kernel, keep, step=step_gradient)
            before = tf.concat([tf.zeros_like(hidden[:1]), hidden[:-1]], axis=0)
            before *= tf.cast(keep, hidden.dtype)
            d_kernel = tf.matmul(
                tf.reshape(before, [-1, kernel.shape[0]]),
                tf.reshape(d_projected, [-1, kernel.shape[1]]),
                transpose_a=True,
            )
            return d_projected, d_kernel, None

        return hidden, gradient

    return run(projected, tf.convert_to_tensor(recurrent_kernel), keep)


def _portable(projected: tf.Tensor, kernel: tf.Tensor, keep: tf.Tensor) -> tf.Tensor:
    """The loop without a TensorArray: LiteRT has none whose size is open.

    Each step copies all states, which takes up to three times as long here.
    """
    time, rows, units = tf.shape(projected)[0], tf.shape(projected)[1], kernel.shape[0]

    def body(
        t: tf.Tensor, cell: tf.Tensor, hidden: tf.Tensor, states: tf.Tensor
    ) -> tuple[tf.Tensor, ...]:
        recurrent = tf.matmul(hidden, kernel)
        _, cell, hidden = recurrence.step(projected[t], recurrent, cell, keep[t])
        states = tf.tensor_scatter_nd_update(states, [[t]], hidden[None])
        return t + 1, cell, hidden, states

    start = (
        tf.constant(0),
        tf.zeros([rows, units]),
        tf.zeros([rows, units], kernel.dtype),
        tf.zeros([time, rows, units], kernel.dtype),
    )
    *_, states = tf.while_loop(
        lambda t, *_: t < time,
        body,
        start,
        shape_invariants=_invariants(units, tf.TensorShape([None, None, units])),
    )
    return states


def _forward(
    projected: tf.Tensor,
    kernel: tf.Tensor,
    keep: tf.Tensor,
    *,
    step: Callable[..., Any],
) -> _Steps:
    time, rows, units = tf.shape(projected)[0], tf.shape(projected)[1], kernel.shape[0]
    cell = tf.zeros([rows, units])
    hidden = tf.zeros([rows, units], kernel.dtype)
    steps = _Steps(
        gates=_array(time, recurrence.GATES * units),
        cells=_array(time + 1, units).write(0, cell),
        hidden=_array(time, units, kernel.dtype),
    )

    def body(
        t: tf.Tensor, cell: tf.Tensor, hidden: tf.Tensor, steps: _Steps
    ) -> tuple[Any, ...]:
        recurrent = tf.matmul(hidden, kernel)
        gates, cell, hidden = step(projected[t], recurrent, cell, keep[t])
        written = _Steps(
            gates=steps.gates.write(t, gates),
            cells=steps.cells.write(t + 1, cell),
            hidden=steps.hidden.write(t, hidden),
        )
        return t + 1, cell, hidden, written

    *_, steps = tf.while_loop(
        lambda t, *_: t < time,
        body,
        (tf.constant(0), cell, hidden, steps),
        shape_invariants=_invariants(units, _Steps(*[tf.TensorShape(None)] * 3)),
    )
    return steps


def _backward(
    upstream: tf.Tensor,
    steps: _Steps,
    kernel: tf.Tensor,
    keep: tf.Tensor,
    *,
    step: Callable[..., Any],
) -> tf.Tensor:
    """Gradient of the pre-activations, `[time, rows, 4 units]`."""
    time, rows, units = tf.shape(keep)[0], tf.shape(keep)[1], kernel.shape[0]
    transposed = tf.transpose(kernel)
    keep_after = tf.concat([keep[1:], tf.zeros_like(keep[:1])], axis=0)

    def body(
        t: tf.Tensor, d_cell: tf.Tensor, from_later: tf.Tensor, done: tf.TensorArray
    ) -> tuple[Any, ...]:
        d_gates, d_cell = step(
            steps.gates.read(t),
            (steps.cells.read(t), steps.cells.read(t + 1)),
            (keep[t], keep_after[t]),
            (upstream[t], from_later),
            d_cell,
        )
        return t - 1, d_cell, tf.matmul(d_gates, transposed), done.write(t, d_gates)

    start = (
        time - 1,
        tf.zeros([rows, units]),
        tf.zeros([rows, units], kernel.dtype),
        _array(time, kernel.shape[1], kernel.dtype),
    )
    *_, done = tf.while_loop(
        lambda t, *_: t >= 0,
        body,
        start,
        shape_invariants=_invariants(units, tf.TensorShape(None)),
    )
    return done.stack()


def _invariants(units: int, arrays: Any) -> tuple[Any, ...]:
    """Shapes of a loop's time, its two states and its arrays."""
    state = tf.TensorShape([None, units])
    return tf.TensorShape([]), state, state, arrays


def _array(time: tf.Tensor, size: int, dtype: Any = tf.float32) -> tf.TensorArray:
    return tf.TensorArray(
        dtype, size=time, element_shape=[None, size], clear_after_read=False
    )
