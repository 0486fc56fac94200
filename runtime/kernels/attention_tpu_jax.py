"""Attention as one kernel on a TPU: no `[rows, heads, queries, keys]` in its memory.

A program has some heads of one row, all its queries and all its keys. Their scores fit
into the memory beside the cores, so that the softmax is taken as it is written, and the
gradient needs nothing but to take it again.

Not JAX's own kernels (`flash_attention`, `splash_attention`): they drop no
probabilities, and 32 rows of 512 of BERT-base take 403 MB and more, with the gradient,
where this takes 17.

Untested on a TPU: none was available to develop on. It is compiled by the TPU's
compiler and interpreted on CPUs.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
from jax import lax
from jax import numpy as jnp
from jax.ad_checkpoint import checkpoint_name
from jax.experimental import pallas
from jax.experimental.pallas import tpu

from runtime.kernels import attention, layer_stack_jax, random_bits_jax
from runtime.kernels.dropout import Dropout, apply

_LANES = 128  # numbers side by side in a register
_LONGEST = 512  # queries or keys: float32 scores of a head are 1 MiB then
_BLOCK = 2**18  # bytes of the queries that a program has

Arrays = tuple[jax.Array, ...]


def attend(
    query: Any, key: Any, value: Any, *, bias: Any, dropout: Dropout | None
) -> Any:
    """Attention in one kernel where its arrays are whole registers, else plain.

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
    if not _fits(query, key, bias):
        return attention.plain(query, key, value, bias=bias, dropout=dropout)
    if dropout is None or dropout.rate == 0:
        return whole(query, key, value, bias=bias)
    seed = random_bits_jax.well_mixed(dropout.next_seed())
    return whole(query, key, value, bias=bias, rate=dropout.rate, seed=seed)


def runs_on(kind: str) -> bool:
    """Whether a kind of device, in JAX's words, is a TPU that the kernel compiles for.

    Those of v2 and v3 take no bfloat16 from a kernel.
    """
    return kind.startswith("TPU") and not kind.startswith(("TPU v2", "TPU v3"))


def _fits(query: Any, key: Any, bias: Any) -> bool:
    """Whether rows and heads are whole registers, and not too long."""
    rows, heads, queries, size = query.shape
    keys = key.shape[-2]
    whole_rows = all(n % _LANES == 0 and n <= _LONGEST for n in (queries, keys))
    whole_heads = _LANES % size == 0 and heads * size % _LANES == 0
    return whole_rows and whole_heads and bias.shape == (rows, 1, queries, keys)


def whole(
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
        interpret: Whether to compute without a TPU, slowly.

    Returns:
        `[rows, heads, queries, head_size]`.
    """
    seed = jnp.zeros(2, jnp.uint32) if seed is None else seed
    call = _Call(size=query.shape[-1], rate=rate, interpret=interpret)
    # They come from matrix products as they are wanted: of turning them back, and of
    # turning what is found, the compiler leaves nothing.
    side_by_side = [_side_by_side(each) for each in (query, key, value)]
    found = _attend(*side_by_side, bias[:, 0], seed, call)
    found = checkpoint_name(  # type: ignore[no-untyped-call]
        found, layer_stack_jax.KEPT
    )
    return jnp.swapaxes(found.reshape(*found.shape[:2], *query.shape[1::2]), 1, 2)


def _side_by_side(heads: jax.Array) -> jax.Array:
    """`[rows, length, hidden]` of `[rows, heads, length, head_size]`."""
    rows, _, length, _ = heads.shape
    return jnp.swapaxes(heads, 1, 2).reshape(rows, length, -1)


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Call:
    """How a kernel is called.

    Attributes:
        size: Of a head.
        rate: Share of the probabilities that is dropped.
        interpret: Whether to compute without a TPU.
    """

    size: int
    rate: float
    interpret: bool

    def __call__(
        self, kernel: Any, arrays: Arrays, seed: jax.Array, *, gives: Arrays
    ) -> list[jax.Array]:
        """Runs a program for each row and each block of its heads.

        Args:
            kernel: Takes references to the seed, to its part of the arrays and of the
                results, and `call`.
            arrays: Bias `[rows, queries, keys]`, then query, key, value and what else
                there is of `[rows, length, hidden]`.
            seed: uint32 `[2]`.
            gives: What the results are like.
        """
        bias, query, key = arrays[:3]
        rows, _, hidden = query.shape
        block = _block(query, length=max(query.shape[1], key.shape[1]))

        def part(array: jax.Array) -> Any:
            shape = (None, array.shape[1], block)
            return pallas.BlockSpec(shape, lambda row, at: (row, 0, at))

        of_bias = pallas.BlockSpec((None, *bias.shape[1:]), lambda row, _: (row, 0, 0))
        found: list[jax.Array] = pallas.pallas_call(
            functools.partial(kernel, call=self),
            grid=(rows, hidden // block),
            in_specs=[
                pallas.BlockSpec(memory_space=tpu.SMEM),
                of_bias,
                *map(part, arrays[1:]),
            ],
            out_specs=list(map(part, gives)),
            out_shape=[_shape(each.shape, each.dtype) for each in gives],
            interpret=self.interpret,
            cost_estimate=_cost(arrays, gives, heads=hidden // self.size),
        )(seed, *arrays)
        return found


def _block(query: jax.Array, *, length: int) -> int:
    """How much of the hidden size a program has, in whole registers."""
    hidden = query.shape[-1]
    most = max(_BLOCK // (length * query.dtype.itemsize), _LANES)
    whole = range(_LANES, min(most, hidden) + 1, _LANES)
    return max(size for size in whole if hidden % size == 0)


def _cost(arrays: Arrays, gives: Arrays, *, heads: int) -> pallas.CostEstimate:
    """What the compiler is told, which cannot look inside."""
    bias, query, *_ = arrays
    products = 2 if len(gives) == 1 else 5
    return pallas.CostEstimate(
        flops=2 * products * query.size * bias.shape[-1],
        transcendentals=bias.size * heads,
        bytes_accessed=sum(each.nbytes for each in (*arrays, *gives)),
    )


_shape: Any = jax.ShapeDtypeStruct  # jax leaves it untyped


@functools.partial(jax.custom_vjp, nondiff_argnums=(5,))
def _attend(
    query: Any, key: Any, value: Any, bias: Any, seed: Any, call: _Call
) -> jax.Array:
    arrays = (bias, query, key, value)
    [found] = call(_values_program, arrays, seed, gives=(query,))
    return found


def _forward(*arrays: Any) -> tuple[jax.Array, Arrays]:
    return _attend(*arrays), arrays[:-1]


def _backward(call: _Call, needed: Arrays, upstream: jax.Array) -> tuple[Any, ...]:
    """The gradients of query, key and value; of bias and seed there are none."""
    query, key, value, bias, seed = needed
    arrays = (bias, query, key, value, upstream)
    found = call(_gradients_program, arrays, seed, gives=(query, key, value))
    return *found, None, None


_attend.defvjp(_forward, _backward)


# -- what a program on the device does ------------------------------------------------


def _values_program(seed: Any, *references: Any, call: _Call) -> None:
    """The values of a block of heads."""
    bias, *arrays, found = references
    for head in _heads(seed, found, bias, call=call):
        query, key, value = (array[:, head.here] for array in arrays)
        kept = head.drop(_weights(query, key, bias[...]))
        found[:, head.here] = _dot(kept, value).astype(found.dtype)


def _gradients_program(seed: Any, *references: Any, call: _Call) -> None:
    """The gradients of a block of heads."""
    bias, *arrays, of_query, of_key, of_value = references
    for head in _heads(seed, of_query, bias, call=call):
        query, key, value, upstream = (array[:, head.here] for array in arrays)
        weights = _weights(query, key, bias[...])
        wanted = head.drop(_dot(upstream, value.T))
        means = jnp.sum(wanted * weights, axis=1, keepdims=True)
        of_scores = weights * (wanted - means)
        for result, found in (
            (of_query, _dot(of_scores, key)),
            (of_key, _dot(of_scores.T, query)),
            (of_value, _dot(head.drop(weights).T, upstream)),
        ):
            result[:, head.here] = found.astype(result.dtype)


def _weights(query: jax.Array, key: jax.Array, bias: jax.Array) -> jax.Array:
    """The softmax of the scores, float32 `[queries, keys]`."""
    scores = _dot(query, key.T) + bias.astype(jnp.float32)
    powers = jnp.exp(scores - jnp.max(scores, axis=1, keepdims=True))
    return powers / jnp.sum(powers, axis=1, keepdims=True)


def _dot(left: jax.Array, right: jax.Array) -> jax.Array:
    """A matrix product in the dtype of the right one, summed up in float32."""
    is_wide = right.dtype == jnp.float32
    return jnp.dot(
        left.astype(right.dtype),
        right,
        precision=lax.Precision.HIGHEST if is_wide else lax.Precision.DEFAULT,
        preferred_element_type=jnp.float32,
    )


class _Head(NamedTuple):
    """One of a program's heads.

    Attributes:
        here: Its place in the block.
        drop: Drops and scales up its probabilities.
    """

    here: Any
    drop: Callable[[jax.Array], jax.Array]


def _heads(seed: Any, block: Any, bias: Any, *, call: _Call) -> Iterator[_Head]:
    """The heads of a program's block `[queries, part of hidden]`, one by one."""
    row, at = pallas.program_id(0), pallas.program_id(1)
    here = block.shape[1] // call.size
    before = (row * pallas.num_programs(1) + at) * here
    for index in range(here):
        drop = _dropping(seed, before + index, shape=bias.shape, rate=call.rate)
        yield _Head(pallas.ds(index * call.size, call.size), drop)


def _dropping(
    seed: Any, head: Any, *, shape: tuple[int, int], rate: float
) -> Callable[[jax.Array], jax.Array]:
    """Drops probabilities `[queries, keys]` of a head, counted through the rows."""
    if not rate:
        return lambda weights: weights
    down = head * shape[0] + lax.broadcasted_iota(jnp.int32, shape, 0)
    places = down * shape[1] + lax.broadcasted_iota(jnp.int32, shape, 1)
    bits = random_bits_jax.at((seed[0], seed[1]), places.astype(jnp.uint32))
    return functools.partial(apply, bits=bits, rate=rate)
