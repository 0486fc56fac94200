"""The kernel for GPUs beside plain attention, computed without one."""

import jax
import numpy as np
import pytest
from jax import numpy as jnp

from runtime.kernels import attention, attention_gpu_jax, dropout, random_bits_jax
from tests.runtime.kernels import attention_twin

ROWS, HEADS, SIZE = 2, 3, 32
BOUND = 1e-5


def arrays_of(queries, keys, dtype="float32"):
    """Query, key, value and what comes back from above; a bias that hides keys."""
    random = np.random.default_rng(0)
    shapes = [(ROWS, HEADS, n, SIZE) for n in (queries, keys, keys, queries)]
    *inputs, upstream = [
        jnp.asarray(random.normal(size=shape) * SIZE**-0.25, dtype) for shape in shapes
    ]
    hidden = random.integers(0, 3, (ROWS, 1, queries, keys)) == 0
    return inputs, upstream, jnp.asarray(hidden * -10000.0, dtype)


@pytest.mark.parametrize(("queries", "keys"), [(64, 96), (128, 128), (16, 80)])
@pytest.mark.parametrize("rate", [0.0, 0.1])
def test_values_and_gradients_are_those_of_plain_attention(queries, keys, rate):
    inputs, upstream, bias = arrays_of(queries, keys)
    seed = jnp.asarray([7, 9], jnp.uint32)
    twin = attention_twin.dropping(seed, rate=rate, bias=bias)

    def tiled(*inputs):
        return attention_gpu_jax.tiled(
            *inputs, bias=bias, rate=rate, seed=seed, interpret=True
        )

    expected, pull_expected = jax.vjp(twin, *inputs)
    found, pull = jax.vjp(tiled, *inputs)
    np.testing.assert_allclose(found, expected, atol=BOUND)
    for each, wanted in zip(pull(upstream), pull_expected(upstream), strict=True):
        np.testing.assert_allclose(each, wanted, atol=BOUND)


def test_without_dropout_it_is_the_attention_of_every_other_device():
    inputs, _, bias = arrays_of(64, 64)
    found = attention_gpu_jax.tiled(*inputs, bias=bias, interpret=True)
    expected = attention.plain(*inputs, bias=bias, dropout=None)
    np.testing.assert_allclose(found, expected, atol=BOUND)


def test_dropped_are_as_many_as_asked_for_and_others_with_another_seed():
    places = jnp.arange(2**20, dtype=jnp.uint32)
    seeds = [jnp.asarray(seed, jnp.uint32) for seed in ([1, 2], [1, 3], [4, 2])]
    mixed = map(random_bits_jax.well_mixed, seeds)
    masks = [np.asarray(attention_twin.kept_of(s, places, rate=0.1)) for s in mixed]
    for mask in masks:
        assert abs(mask.mean() - 0.9) < 0.002
    for one, other in [(0, 1), (0, 2), (1, 2)]:
        assert abs(np.corrcoef(masks[one], masks[other])[0, 1]) < 0.005
    for distance in (1, 2, 128, 512, 128 * 128):
        ahead = np.corrcoef(masks[0][:-distance], masks[0][distance:])[0, 1]
        assert abs(ahead) < 0.005


@pytest.mark.parametrize(
    ("queries", "dtype", "is_kernel"),
    [(64, "bfloat16", True), (64, "float32", False), (57, "bfloat16", False)],
)
def test_a_gpu_gets_the_kernel_in_bfloat16_and_whole_tiles(queries, dtype, is_kernel):
    inputs, _, bias = arrays_of(queries, queries, dtype)
    layer = dropout.Dropout(0.1, dtype=dtype)

    def gradients(seed, *inputs):
        with attention.computed_by(attention_gpu_jax.attend), dropout.stream(seed):
            found, pull = jax.vjp(
                lambda *each: attention.attend(*each, bias=bias, dropout=layer), *inputs
            )
            return pull(found)

    traced = jax.jit(gradients).trace(np.array([3, 4], np.int32), *inputs)
    program = traced.lower(lowering_platforms=("cuda",)).as_text()
    assert ("triton" in program) == is_kernel


def test_dropout_comes_from_the_open_stream():
    layer = dropout.Dropout(0.1)
    with dropout.stream(np.array([3, 4], np.int32)):
        first, second = (np.asarray(layer.next_seed()) for _ in range(2))
    with dropout.stream(np.array([3, 4], np.int32)):
        again = np.asarray(layer.next_seed())
    assert (first == again).all()
    assert (first != second).any()
