"""The time loop of an LSTM on JAX."""

from __future__ import annotations

from typing import Any

import jax
from jax import lax
from jax import numpy as jnp

from runtime.kernels import recurrence


@jax.custom_vjp
def lstm(projected: jax.Array, kernel: jax.Array, keep: jax.Array) -> jax.Array:
    """See `runtime.kernels.recurrence.lstm`."""
    return _forward(projected, kernel, keep)[0]


def _forward(projected: jax.Array, kernel: jax.Array, keep: jax.Array) -> Any:
    units = kernel.shape[0]

    def body(state: jax.Array, at: tuple[jax.Array, ...]) -> Any:
        given, kept = at
        cell, hidden = jnp.split(state * kept, 2, axis=-1)
        recurrent = jnp.matmul(hidden.astype(kernel.dtype), kernel)
        pre_activations = given.astype(jnp.float32) + recurrent.astype(jnp.float32)
        saved = recurrence.step(pre_activations, cell)
        return saved[:, -2 * units :], saved

    start = jnp.zeros((projected.shape[1], 2 * units), jnp.float32)
    _, saved = lax.scan(body, start, (projected, keep))
    return saved[..., -units:].astype(kernel.dtype), (saved, kernel, keep)


def _backward(residuals: tuple[jax.Array, ...], upstream: jax.Array) -> Any:
    saved, kernel, keep = residuals
    units = kernel.shape[0]
    states = saved[..., -2 * units :]
    earlier = jnp.concatenate([jnp.zeros_like(states[:1]), states[:-1]]) * keep
    cells, hidden = jnp.split(earlier, 2, axis=-1)

    def body(d_state: jax.Array, at: tuple[jax.Array, ...]) -> Any:
        above, step, cell, kept = at
        d_cell, d_hidden = jnp.split(d_state, 2, axis=-1)
        d_hidden += above.astype(jnp.float32)
        found = recurrence.step_gradient(step, cell, d_hidden, d_cell)
        d_gates, d_cell = found[:, :-units], found[:, -units:]
        d_hidden = jnp.matmul(d_gates.astype(kernel.dtype), kernel.T)
        d_state = jnp.concatenate([d_cell, d_hidden.astype(jnp.float32)], axis=-1)
        return d_state * kept, d_gates

    _, d_gates = lax.scan(
        body,
        jnp.zeros_like(states[0]),
        (upstream, saved, cells, keep),
        reverse=True,
    )
    d_projected = d_gates.astype(kernel.dtype)
    d_kernel = jnp.einsum("tru,trg->ug", hidden.astype(kernel.dtype), d_projected)
    return d_projected, d_kernel, jnp.zeros_like(keep)


lstm.defvjp(_forward, _backward)
