"""A GPU's gradient of rows beside the one of every other device."""

import jax
import numpy as np
import pytest
from jax import numpy as jnp

from runtime.kernels import lookup, lookup_gpu_jax
from tests import rounding


@pytest.mark.parametrize(
    ("entries", "size", "shape"),
    [(50, (8,), (6, 24)), (2, (8,), (300,)), (1, (3,), (7,)), (9, (2, 5, 3), (4,))],
)
def test_rows_and_gradients_are_those_of_every_other_device(entries, size, shape):
    random = np.random.default_rng(0)
    ids = random.integers(0, entries, shape).astype(np.int32)
    table = random.normal(size=(entries, *size)).astype(np.float32)
    upstream = random.normal(size=(*shape, *size)).astype(np.float32)
    expected, pull_expected = jax.vjp(lambda table: lookup.plain(table, ids), table)
    found, pull = jax.vjp(lambda table: lookup_gpu_jax.take(table, ids), table)
    np.testing.assert_array_equal(found, expected)
    [gradient], [wanted] = pull(upstream), pull_expected(upstream)
    rounding.assert_near(gradient, wanted, operations=ids.size)


def test_an_id_without_a_row_has_no_gradient():
    rows = jnp.ones((3, 2))
    found = lookup_gpu_jax.sums_by_id(rows, jnp.array([4, 1, 4]), entries=6)
    np.testing.assert_array_equal(found[:, 0], [0, 1, 0, 0, 2, 0])


def test_one_row_asked_for_a_thousand_times_is_summed_up_exactly():
    rows = jnp.full((2**12, 1), 0.1)
    found = lookup_gpu_jax.sums_by_id(rows, jnp.zeros(2**12, int), entries=1)
    assert found[0, 0] == np.float32(0.1) * 2**12


def test_half_precision_is_added_up_in_single():
    rows = jnp.full((512,), 3, jnp.int32)
    table = jnp.zeros((4, 1), jnp.bfloat16)
    _, pull = jax.vjp(lambda table: lookup_gpu_jax.take(table, rows), table)
    [gradient] = pull(jnp.ones((512, 1), jnp.bfloat16))
    assert gradient[3, 0] == 512  # one by one they would end at 256
