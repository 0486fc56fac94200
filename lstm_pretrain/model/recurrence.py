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

_SUFFIX = "jax" if keras.config.backend() == "jax" else "tf"
_backend = importlib.import_module(f"lstm_pretrain.model.recurrence_{_SUFFIX}")


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


def step(projected: Any, recurrent: Any, cell: Any, keep: Any) -> tuple[Any, Any, Any]:
    """One step of every row, all but its matrix product.

    Args:
        projected: `[rows, 4 * units]`, of the inputs.
        recurrent: `[rows, 4 * units]`, the hidden state before times the kernel.
        cell: float32 `[rows, units]`, the cell state before.
        keep: float32 `[rows, 1]`, 0 where an example starts.

    Returns:
        The four gates float32 `[rows, 4 * units]`, the new cell state float32
        `[rows, units]`, and the new hidden state `[rows, units]` in the dtype of
        `projected`.
    """
    pre_activations = _wide(projected) + keep * _wide(recurrent)
    gate_in, forget, candidate, gate_out = ops.split(pre_activations, GATES, axis=-1)
    gate_in, forget = ops.sigmoid(gate_in), ops.sigmoid(forget)
    candidate, gate_out = ops.tanh(candidate), ops.sigmoid(gate_out)
    cell = forget * keep * cell + gate_in * candidate
    hidden = ops.cast(gate_out * ops.tanh(cell), projected.dtype)
    gates = ops.concatenate([gate_in, forget, candidate, gate_out], axis=-1)
    return gates, cell, hidden


def step_gradient(
    gates: Any,
    cells: tuple[Any, Any],
    keeps: tuple[Any, Any],
    d_hidden: tuple[Any, Any],
    d_cell: Any,
) -> tuple[Any, Any]:
    """The gradient of one step.

    Args:
        gates: What `step` returned.
        cells: float32 `[rows, units]`, the cell states before and after.
        keeps: float32 `[rows, 1]` of this step and of the one that follows; 0 where
            none follows.
        d_hidden: `[rows, units]`, gradients of the new hidden state, from above and,
            through the matrix product, from the step that follows.
        d_cell: float32 `[rows, units]`, gradient of the new cell state from later on.

    Returns:
        Gradients of the pre-activations, `[rows, 4 * units]` in the dtype of
        `d_hidden`, and of the cell state before, float32 `[rows, units]`.
    """
    gate_in, forget, candidate, gate_out = ops.split(gates, GATES, axis=-1)
    cell, squashed = keeps[0] * cells[0], ops.tanh(cells[1])
    from_above, from_later = map(_wide, d_hidden)
    d_state = from_above + keeps[1] * from_later
    d_cell = d_cell + d_state * gate_out * (1.0 - squashed * squashed)
    parts = [
        d_cell * candidate * gate_in * (1.0 - gate_in),
        d_cell * cell * forget * (1.0 - forget),
        d_cell * gate_in * (1.0 - candidate * candidate),
        d_state * squashed * gate_out * (1.0 - gate_out),
    ]
    d_gates = ops.cast(ops.concatenate(parts, axis=-1), d_hidden[0].dtype)
    return d_gates, d_cell * forget * keeps[0]


def _wide(values: Any) -> Any:
    return ops.cast(values, "float32")
