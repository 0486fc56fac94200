"""The time loop of an LSTM on JAX."""

from __future__ import annotations

from typing import Any

import jax
from jax import lax
from jax import numpy as jnp

from lstm_pretrain.model import recurrence


@jax.custom_vjp
def lstm(projected: jax.Array, kernel: jax.Array, keep: jax.Array) -> jax.Array:
    """See `lstm_pretrain.model.recurrence.lstm`."""
    return _forward(projected, kernel, keep)[0]


def _forward(projected: jax.Array, kernel: jax.Array, keep: jax.Array) -> Any:
    def body(state: tuple[jax.Array, ...], at: tuple[jax.Array, ...]) -> Any:
        cell, hidden = state
        given, kept = at
        gates, cell, hidden = recurrence.step(given, hidden @ kernel, cell, kept)
        return (cell, hidden), (gates, cell, hidden)

    cell = jnp.zeros((projected.shape[1], kernel.shape[0]), jnp.float32)
    start = cell, cell.astype(kernel.dtype)
    _, (gates, cells, hidden) = lax.scan(body, start, (projected, keep))
    return hidden, (gates, cells, hidden, kernel, keep)


def _backward(residuals: tuple[jax.Array, ...], upstream: jax.Array) -> Any:
    gates, cells, hidden, kernel, keep = residuals
    keep_after = jnp.concatenate([keep[1:], jnp.zeros_like(keep[:1])])

    def body(state: tuple[jax.Array, ...], at: tuple[Any, ...]) -> Any:
        d_cell, from_later = state
        above, gates, cells, keeps = at
        d_gates, d_cell = recurrence.step_gradient(
            gates, cells, keeps, (above, from_later), d_cell
        )
        return (d_cell, d_gates @ kernel.T), d_gates

    _, d_projected = lax.scan(
        body,
        (jnp.zeros_like(cells[0]), jnp.zeros_like(hidden[0])),
        (upstream, gates, (_before(cells), cells), (keep, keep_after)),
        reverse=True,
    )
    before = _before(hidden) * keep.astype(hidden.dtype)
    d_kernel = jnp.einsum("tru,trg->ug", before, d_projected)
    return d_projected, d_kernel, jnp.zeros_like(keep)


def _before(states: jax.Array) -> jax.Array:
    """Each step's state one step later, zeros first."""
    return jnp.concatenate([jnp.zeros_like(states[:1]), states[:-1]])


lstm.defvjp(_forward, _backward)
