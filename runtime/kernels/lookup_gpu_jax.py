"""Rows of a table on a GPU, with a gradient that has no scatter.

Where XLA must give the same bits twice, it takes an addition of rows to a table apart
into single numbers that it sorts, or adds one row after the other; a step of BERT-base
took twice the time. Here the rows are sorted by their ids, summed up within each id in
an order that depends on the ids alone, and each entry reads its own sum.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax import lax
from jax import numpy as jnp
from keras import ops

_BLOCK = 64  # rows that are summed up by one matrix product


def take(table: Any, ids: Any) -> jax.Array:
    """Takes rows of a table; see `runtime.kernels.lookup.take`."""
    taken: jax.Array = _rows(ops.convert_to_tensor(table), jnp.asarray(ids))
    return taken


@jax.custom_gradient
def _rows(table: jax.Array, ids: jax.Array) -> tuple[jax.Array, Callable[..., Any]]:
    entries, size = len(table), table.shape[1:]

    def gradients(upstream: jax.Array) -> tuple[jax.Array, np.ndarray]:
        rows = upstream.reshape(ids.size, -1).astype(jnp.float32)
        sums = sums_by_id(rows, ids.reshape(-1), entries=entries)
        none = np.zeros(ids.shape, jax.dtypes.float0)
        return sums.reshape(entries, *size).astype(upstream.dtype), none

    return jnp.take(table, ids, axis=0), gradients


def sums_by_id(rows: jax.Array, ids: jax.Array, *, entries: int) -> jax.Array:
    """Adds up the rows of each id, always in the same order.

    Args:
        rows: float32 `[rows, size]`.
        ids: int32 `[rows]`, from 0.
        entries: How many ids there are.

    Returns:
        float32 `[entries, size]`, 0 where an id has no row.
    """
    order = jnp.argsort(ids)
    ids = ids[order]
    is_first = jnp.concatenate([jnp.ones(1, bool), ids[1:] != ids[:-1]])
    sums = _running_sums(rows[order], is_first)
    every = jnp.arange(entries)
    last = jnp.searchsorted(ids, every, side="right") - 1
    return jnp.where((ids[last] == every)[:, None], sums[last], 0.0)


def _running_sums(rows: jax.Array, is_first: jax.Array) -> jax.Array:
    """Sums of rows `[rows, size]` up to each, anew where a row is the first of its id.

    Those within a block are a matrix product; what a block ends with is carried on.
    """
    count, size = rows.shape
    filler = -count % _BLOCK
    blocks = jnp.pad(rows, ((0, filler), (0, 0))).reshape(-1, _BLOCK, size)
    begins = jnp.pad(is_first, (0, filler)).reshape(-1, _BLOCK)
    ids_begun = jnp.cumsum(begins, axis=1)
    is_same = ids_begun[:, :, None] == ids_begun[:, None, :]
    within = jnp.matmul(
        jnp.tril(is_same).astype(rows.dtype), blocks, precision=lax.Precision.HIGHEST
    )
    any_begins = begins.any(axis=1, keepdims=True)
    _, ends = lax.associative_scan(_joined, (any_begins, within[:, -1]))
    carried = jnp.pad(ends, ((1, 0), (0, 0)))[:-1, None]
    sums = within + jnp.where(ids_begun[:, :, None] == 0, carried, 0.0)
    return sums.reshape(-1, size)


def _joined(
    before: tuple[jax.Array, jax.Array], after: tuple[jax.Array, jax.Array]
) -> tuple[jax.Array, jax.Array]:
    """Sums that start anew where an id begins."""
    (begun, sums), (begins, more) = before, after
    return begun | begins, jnp.where(begins, more, sums + more)
