"""The time loop of an LSTM, with its gradient written out.

What does not depend on the time before stays outside the loop: the product of the
inputs with their kernel comes in as `projected`, and the gradient of the recurrent
kernel is one product over all steps instead of one a step, added up. A step is one
matrix product and one kernel of everything else.

A sequence may hold several examples one after the other: where `keep` is 0 the state
starts anew. So rows can be packed, and read from their end, exactly.
"""

from __future__ import annotations

import importlib
from typing import Any

import keras
from keras import ops

GATES = 4
"""Input, forget, candidate and output, side by side, in Keras' order."""

_backend = importlib.import_module(
    f"runtime.kernels.recurrence_{'jax' if keras.config.backend() == 'jax' else 'tf'}"
)


def lstm(projected: Any, recurrent_kernel: Any, *, keep: Any = None) -> Any:
    """Runs an LSTM over time, from a state of zeros.

    Args:
        projected: `[time, rows, 4 * units]`, inputs times kernel plus bias, in the
            dtype of the matrix products. State and gates are float32 whatever it is.
        recurrent_kernel: `[units, 4 * units]`, the same dtype.
        keep: `[time, rows, 1]`, 0 where an example starts and 1 elsewhere;
            None where every row is one example.

    Returns:
        Hidden states `[time, rows, units]`, the same dtype.

    Source: Hochreiter and Schmidhuber, Long Short-Term Memory, 1997, with the forget
        gate of Gers et al., 2000; keras.layers.LSTM.
    """
    if keep is None:
        shape = ops.shape(projected)
        keep = ops.ones((shape[0], shape[1], 1), "float32")
    # Keras casts what it hands a layer to the layer's own dtype.
    keep = ops.cast(keep, "float32")
    return _backend.lstm(projected, recurrent_kernel, keep)


def step(pre_activations: Any, cell: Any) -> Any:
    """One step of every row, all but its matrix product.

    Args:
        pre_activations: float32 `[rows, 4 * units]`.
        cell: float32 `[rows, units]`, the cell state before.

    Returns:
        float32 `[rows, 6 * units]`: the four gates, the new cell state and the new
        hidden state side by side.
    """
    gate_in, forget, candidate, gate_out = ops.split(pre_activations, GATES, axis=-1)
    gate_in, forget = ops.sigmoid(gate_in), ops.sigmoid(forget)
    candidate, gate_out = ops.tanh(candidate), ops.sigmoid(gate_out)
    cell = forget * cell + gate_in * candidate
    hidden = gate_out * ops.tanh(cell)
    parts = [gate_in, forget, candidate, gate_out, cell, hidden]
    return ops.concatenate(parts, axis=-1)


def step_gradient(saved: Any, cell: Any, d_hidden: Any, d_cell: Any) -> Any:
    """The gradient of one step.

    Args:
        saved: What `step` returned.
        cell: float32 `[rows, units]`, the cell state it was given.
        d_hidden: float32 `[rows, units]`, gradient of the new hidden state.
        d_cell: float32 `[rows, units]`, gradient of the new cell state from later on.

    Returns:
        float32 `[rows, 5 * units]`: gradients of the pre-activations and of the cell
        state before, side by side.
    """
    gate_in, forget, candidate, gate_out, new_cell, _ = ops.split(saved, 6, axis=-1)
    squashed = ops.tanh(new_cell)
    d_cell = d_cell + d_hidden * gate_out * (1.0 - squashed * squashed)
    parts = [
        d_cell * candidate * gate_in * (1.0 - gate_in),
        d_cell * cell * forget * (1.0 - forget),
        d_cell * gate_in * (1.0 - candidate * candidate),
        d_hidden * squashed * gate_out * (1.0 - gate_out),
        d_cell * forget,
    ]
    return ops.concatenate(parts, axis=-1)
