"""Attention as one kernel on a GPU: no `[rows, heads, queries, keys]` in its memory.

Scores, softmax, dropout and the weighted sum are made tile by tile; the gradient makes
the tiles again. Each result is written by one program and sums are taken in one order,
so equal arrays give equal bits.

Source: Dao, FlashAttention-2, 2023, arXiv:2307.08691.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import Any

import jax
from jax import lax
from jax import numpy as jnp
from jax.experimental import pallas
from jax.experimental.pallas import triton

from runtime.kernels import attention, random_bits_jax
from runtime.kernels.dropout import Dropout, apply

_LOG2_E = math.log2(math.e)  # a GPU has 2 ** x, and no e ** x
_SMALLEST = 16  # queries, keys or head size of a tile: what a matrix product takes
_LARGEST_HEAD = 128

Arrays = tuple[jax.Array, ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Tiles:
    """Sizes of tiles, and warps that make one.

    Attributes:
        queries: Of a tile.
        keys: Of a tile.
        warps: Of a program.
        stages: Tiles on their way from memory.
    """

    queries: int
    keys: int
    warps: int
    stages: int

    def fitting(self, queries: int, keys: int) -> Tiles:
        """The largest tiles, up to these, that `queries` and `keys` divide into."""
        return dataclasses.replace(
            self,
            queries=math.gcd(self.queries, queries),
            keys=math.gcd(self.keys, keys),
        )


FORWARD = Tiles(queries=128, keys=64, warps=4, stages=3)
BACKWARD = Tiles(queries=64, keys=64, warps=4, stages=2)


def attend(
    query: Any, key: Any, value: Any, *, bias: Any, dropout: Dropout | None
) -> Any:
    """Attention in one kernel where it is bfloat16 in whole tiles, else plain.

    Both may be asked for in one model: the last layer's queries are [CLS] tokens alone.

    Args:
        query: As for `runtime.kernels.attention.attend`, and the others too.
        key: The same.
        value: The same.
        bias: The same.
        dropout: The same.

    Returns:
        `[rows, heads, queries, head_size]`.
    """
    is_wide = query.dtype != jnp.bfloat16  # its products would not be float32's
    if is_wide or not _fits(query, key, bias):
        return attention.plain(query, key, value, bias=bias, dropout=dropout)
    if dropout is None or dropout.rate == 0:
        return tiled(query, key, value, bias=bias)
    seed = random_bits_jax.well_mixed(dropout.next_seed())
    return tiled(query, key, value, bias=bias, rate=dropout.rate, seed=seed)


def _fits(query: Any, key: Any, bias: Any) -> bool:
    """Whether all is tiles that a matrix product takes."""
    rows, _, queries, size = query.shape
    keys = key.shape[-2]
    whole = queries % _SMALLEST == 0 and keys % _SMALLEST == 0
    is_power = size & (size - 1) == 0 and _SMALLEST <= size <= _LARGEST_HEAD
    return whole and is_power and bias.shape == (rows, 1, queries, keys)


def tiled(
    query: Any,
    key: Any,
    value: Any,
    *,
    bias: Any,
    rate: float = 0.0,
    seed: Any = None,
    interpret: bool = False,
) -> jax.Array:
    """Softmax attention with dropout of its probabilities, in one kernel.

    Args:
        query: `[rows, heads, queries, head_size]`, scaled.
        key: `[rows, heads, keys, head_size]`.
        value: The same.
        bias: Added to the scores, `[rows, 1, queries, keys]`; no gradient.
        rate: Share of the probabilities that is dropped, in steps of 2**-16.
        seed: uint32 `[2]`, of the dropout; see `random_bits_jax.well_mixed`.
        interpret: Whether to compute without a GPU, slowly.

    Returns:
        `[rows, heads, queries, head_size]`.
    """
    seed = jnp.zeros(2, jnp.uint32) if seed is None else seed
    across = [jnp.swapaxes(each, 1, 2) for each in (query, key, value)]
    found = _attend(*across, bias, seed, rate, interpret)
    return jnp.swapaxes(found, 1, 2)


@functools.partial(jax.custom_vjp, nondiff_argnums=(5, 6))
def _attend(
    query: Any, key: Any, value: Any, bias: Any, seed: Any, rate: float, interpret: bool
) -> jax.Array:
    found, _ = _forward(query, key, value, bias, seed, rate, interpret)
    return found


def _forward(
    query: Any, key: Any, value: Any, bias: Any, seed: Any, rate: float, interpret: bool
) -> tuple[jax.Array, Arrays]:
    """The result, `[rows, queries, heads, head_size]`, and what the gradient needs."""
    grid = _Grid(query, key, tiles=FORWARD)
    numbers = _shape((*grid.rows_and_heads, query.shape[1]), jnp.float32)
    found, totals = grid.call(
        functools.partial(_forward_tile, rate=rate),
        (seed, query, key, value, bias),
        takes=(grid.seed, grid.queries, grid.keys, grid.keys, grid.bias),
        gives=((grid.queries, _like(query)), (grid.numbers, numbers)),
        interpret=interpret,
    )
    return found, (query, key, value, bias, seed, found, totals)


def _backward(
    rate: float, interpret: bool, needed: Arrays, upstream: jax.Array
) -> tuple[Any, ...]:
    """The gradients of query, key and value; of bias and seed there are none."""
    query, key, value, bias, seed, found, totals = needed
    products = found.astype(jnp.float32) * upstream.astype(jnp.float32)
    means = jnp.swapaxes(jnp.sum(products, axis=-1), 1, 2)
    arrays = (seed, query, key, value, bias, upstream, totals, means)

    def gradients(kernel: Any, of: list[Any], *, is_of_keys: bool) -> list[jax.Array]:
        grid = _Grid(query, key, tiles=BACKWARD, is_by_keys=is_of_keys)
        shared = (grid.seed, grid.queries, grid.keys, grid.keys, grid.bias)
        block = grid.keys if is_of_keys else grid.queries
        return grid.call(
            functools.partial(kernel, rate=rate),
            arrays,
            takes=(*shared, grid.queries, grid.numbers, grid.numbers),
            gives=[(block, _like(array)) for array in of],
            interpret=interpret,
        )

    of_queries = gradients(_query_tile, [query], is_of_keys=False)
    of_keys = gradients(_key_tile, [key, value], is_of_keys=True)
    return *of_queries, *of_keys, None, None


_attend.defvjp(_forward, _backward)


class _Grid:
    """A program for each row, head and tile of the queries, or of the keys.

    Args:
        query: `[rows, queries, heads, head_size]`.
        key: `[rows, keys, heads, head_size]`.
        tiles: The largest.
        is_by_keys: Whether a program has a tile of the keys and all queries, not a tile
            of the queries and all keys.

    Attributes:
        rows_and_heads: Their numbers.
        seed: What a program sees of the seed.
        queries: What it sees of what is shaped as the query,
        keys: as the key,
        bias: as the bias, and
        numbers: of `[rows, heads, queries]`.
    """

    def __init__(
        self, query: Any, key: Any, *, tiles: Tiles, is_by_keys: bool = False
    ) -> None:
        rows, queries, heads, size = query.shape
        keys = key.shape[1]
        self._tiles = tiles.fitting(queries, keys)
        self.rows_and_heads = rows, heads
        down, across = self._tiles.queries, self._tiles.keys
        self._programs = keys // across if is_by_keys else queries // down
        down, across = (queries, across) if is_by_keys else (down, keys)

        def at(tile: Any) -> tuple[Any, Any]:
            return (0, tile) if is_by_keys else (tile, 0)

        self.seed = pallas.BlockSpec((2,), lambda *_: (0,))
        self.queries = pallas.BlockSpec(
            (None, down, None, size), lambda i, row, head: (row, at(i)[0], head, 0)
        )
        self.keys = pallas.BlockSpec(
            (None, across, None, size), lambda i, row, head: (row, at(i)[1], head, 0)
        )
        self.bias = pallas.BlockSpec(
            (None, None, down, across), lambda i, row, _: (row, 0, *at(i))
        )
        self.numbers = pallas.BlockSpec(
            (None, None, down), lambda i, row, head: (row, head, at(i)[0])
        )

    def call(
        self, kernel: Any, arrays: Arrays, *, takes: Any, gives: Any, interpret: bool
    ) -> list[jax.Array]:
        """Runs the programs.

        Args:
            kernel: Takes references to the arrays and to the results, and `tiles`.
            arrays: Of the arguments.
            takes: What a program sees of each argument.
            gives: Of each result, what a program writes and the shape of the whole.
            interpret: Whether to compute without a GPU, slowly.

        Returns:
            The results.
        """
        blocks, shapes = zip(*gives, strict=True)
        found: list[jax.Array] = pallas.pallas_call(
            functools.partial(kernel, tiles=self._tiles),
            grid=(self._programs, *self.rows_and_heads),
            in_specs=takes,
            out_specs=blocks,
            out_shape=shapes,
            compiler_params=triton.CompilerParams(
                num_warps=self._tiles.warps, num_stages=self._tiles.stages
            ),
            interpret=interpret,
        )(*arrays)
        return found


_shape: Any = jax.ShapeDtypeStruct  # jax leaves it untyped


def _like(array: jax.Array) -> Any:
    return _shape(array.shape, array.dtype)


# -- what a program on the device does ------------------------------------------------


class _Dropping:
    """Which probabilities of a program's row and head are kept.

    Args:
        seed: Reference to uint32 `[2]`.
        queries: Of a row.
        keys: Of a row.
        rate: Share that is dropped.
    """

    def __init__(self, seed: Any, *, queries: Any, keys: Any, rate: float) -> None:
        self._rate = rate
        self._keys = keys
        if rate:
            self._seed = seed[0], seed[1]
            row, head = pallas.program_id(1), pallas.program_id(2)
            self._first = (row * pallas.num_programs(2) + head) * (queries * keys)

    def __call__(self, values: Any, *, query: Any, key: Any) -> Any:
        """Drops and scales up a tile that begins at a query and a key."""
        if not self._rate:
            return values
        down = query + lax.broadcasted_iota(jnp.int32, values.shape, 0)
        across = key + lax.broadcasted_iota(jnp.int32, values.shape, 1)
        places = (self._first + down * self._keys + across).astype(jnp.uint32)
        return apply(values, random_bits_jax.at(self._seed, places), rate=self._rate)


def _scores(query: Any, key: Any, bias: Any) -> Any:
    """Of a tile, to the base 2."""
    return (triton.dot(query, key.T) + bias.astype(jnp.float32)) * _LOG2_E


def _forward_tile(*references: Any, tiles: Tiles, rate: float) -> None:
    """One tile of queries: goes through the keys with a running softmax."""
    seed, query_ref, key_ref, value_ref, bias_ref, found_ref, totals_ref = references
    keys = key_ref.shape[0]
    first = pallas.program_id(0) * tiles.queries
    drop = _Dropping(
        seed, queries=pallas.num_programs(0) * tiles.queries, keys=keys, rate=rate
    )
    query = query_ref[...]

    def step(index: Any, carry: Any) -> Any:
        found, largest, total = carry
        here = pallas.ds(index * tiles.keys, tiles.keys)
        scores = _scores(query, key_ref[here, :], bias_ref[:, here])
        now = jnp.maximum(largest, jnp.max(scores, axis=1))
        weights = jnp.exp2(scores - now[:, None])
        shrink = jnp.exp2(largest - now)
        dropped = drop(weights, query=first, key=index * tiles.keys)
        value = value_ref[here, :]
        more = triton.dot(dropped.astype(value.dtype), value)
        total = total * shrink + jnp.sum(weights, axis=1)
        return found * shrink[:, None] + more, now, total

    start = (
        jnp.zeros(query.shape, jnp.float32),
        jnp.full(tiles.queries, -jnp.inf, jnp.float32),
        jnp.zeros(tiles.queries, jnp.float32),
    )
    found, largest, total = lax.fori_loop(0, keys // tiles.keys, step, start)
    found_ref[...] = (found / total[:, None]).astype(found_ref.dtype)
    totals_ref[...] = largest + jnp.log2(total)


def _query_tile(*references: Any, tiles: Tiles, rate: float) -> None:
    """The gradient of one tile of queries."""
    (
        seed,
        query_ref,
        key_ref,
        value_ref,
        bias_ref,
        upstream_ref,
        totals_ref,
        means_ref,
        found_ref,
    ) = references
    keys = key_ref.shape[0]
    first = pallas.program_id(0) * tiles.queries
    drop = _Dropping(
        seed, queries=pallas.num_programs(0) * tiles.queries, keys=keys, rate=rate
    )
    query, upstream = query_ref[...], upstream_ref[...]
    totals, means = totals_ref[...], means_ref[...]

    def step(index: Any, found: Any) -> Any:
        here = pallas.ds(index * tiles.keys, tiles.keys)
        key = key_ref[here, :]
        weights = jnp.exp2(_scores(query, key, bias_ref[:, here]) - totals[:, None])
        wanted = triton.dot(upstream, value_ref[here, :].T)
        wanted = drop(wanted, query=first, key=index * tiles.keys)
        of_scores = weights * (wanted - means[:, None])
        return found + triton.dot(of_scores.astype(key.dtype), key)

    zeros = jnp.zeros(query.shape, jnp.float32)
    found = lax.fori_loop(0, keys // tiles.keys, step, zeros)
    found_ref[...] = found.astype(found_ref.dtype)


def _key_tile(*references: Any, tiles: Tiles, rate: float) -> None:
    """The gradients of one tile of keys and their values."""
    (
        seed,
        query_ref,
        key_ref,
        value_ref,
        bias_ref,
        upstream_ref,
        totals_ref,
        means_ref,
        of_key_ref,
        of_value_ref,
    ) = references
    queries = query_ref.shape[0]
    first = pallas.program_id(0) * tiles.keys
    drop = _Dropping(
        seed, queries=queries, keys=pallas.num_programs(0) * tiles.keys, rate=rate
    )
    key, value = key_ref[...], value_ref[...]

    def step(index: Any, carry: Any) -> Any:
        of_key, of_value = carry
        here = pallas.ds(index * tiles.queries, tiles.queries)
        query, upstream = query_ref[here, :], upstream_ref[here, :]
        scores = _scores(query, key, bias_ref[here, :])
        weights = jnp.exp2(scores - totals_ref[here][:, None])
        place = {"query": index * tiles.queries, "key": first}
        dropped = drop(weights, **place).astype(value.dtype)
        wanted = drop(triton.dot(upstream, value.T), **place)
        of_scores = weights * (wanted - means_ref[here][:, None])
        return (
            of_key + triton.dot(of_scores.astype(query.dtype).T, query),
            of_value + triton.dot(dropped.T, upstream),
        )

    zeros = jnp.zeros(key.shape, jnp.float32)
    of_key, of_value = lax.fori_loop(0, queries // tiles.queries, step, (zeros, zeros))
    of_key_ref[...] = of_key.astype(of_key_ref.dtype)
    of_value_ref[...] = of_value.astype(of_value_ref.dtype)
