"""The kernel for TPUs beside plain attention, computed without one."""

import jax
import numpy as np
import pytest
from jax import numpy as jnp

from runtime.kernels import attention, attention_tpu_jax, dropout
from tests.runtime.kernels import attention_twin

HEADS, SIZE = 2, 64
BOUND = 1e-5
SEED = jnp.asarray([7, 9], jnp.uint32)


def packed_rows(length, *, queries=None):
    """A bias for rows of several segments and padding, of padding alone, and full."""
    several = np.repeat([1, 2, 3, 0], length // 4)
    keys = np.stack([several, np.zeros(length, int), np.ones(length, int)])
    of_query = keys[:, :queries, None]
    allowed = (keys[:, None] > 0) & ((of_query == keys[:, None]) | (of_query == 0))
    return jnp.asarray((1.0 - allowed[:, None]) * -10000.0)


def arrays_of(*shape, dtype="float32", count=4):
    """Query, key, value and what comes back from above."""
    random = np.random.default_rng(0)
    found = [random.normal(size=shape) * SIZE**-0.25 for _ in range(count)]
    return [jnp.asarray(each, dtype) for each in found]


def values_and_gradients(attend, inputs, upstream):
    found, pull = jax.vjp(attend, *inputs)
    return [np.asarray(each, np.float32) for each in (found, *pull(upstream))]


def kernel(bias, **options):
    def attend(*inputs):
        return attention_tpu_jax.whole(*inputs, bias=bias, interpret=True, **options)

    return attend


def plain(bias):
    def attend(*inputs):
        return attention.plain(*inputs, bias=bias, dropout=None)

    return attend


@pytest.mark.parametrize("length", [128, 512])
@pytest.mark.parametrize("rate", [0.0, 0.1])
def test_values_and_gradients_are_those_of_plain_attention(length, rate):
    bias = packed_rows(length)
    *inputs, upstream = arrays_of(3, HEADS, length, SIZE)
    twin = attention_twin.dropping(SEED, rate=rate, bias=bias)
    expected = values_and_gradients(twin, inputs, upstream)
    found = values_and_gradients(kernel(bias, rate=rate, seed=SEED), inputs, upstream)
    for each, wanted in zip(found, expected, strict=True):
        np.testing.assert_allclose(each, wanted, atol=BOUND)


def test_without_dropout_it_is_the_attention_of_every_other_device():
    bias = packed_rows(128)
    inputs = arrays_of(3, HEADS, 128, SIZE, count=3)
    found = kernel(bias)(*inputs)
    np.testing.assert_allclose(found, plain(bias)(*inputs), atol=BOUND)


@pytest.mark.parametrize("length", [128, 512])
def test_in_bfloat16_it_is_nearer_to_float32_than_plain_attention(length):
    bias = packed_rows(length)
    *inputs, upstream = arrays_of(3, HEADS, length, SIZE, dtype="bfloat16")
    wide = [each.astype("float32") for each in inputs]
    narrow = bias.astype("bfloat16")
    exact = values_and_gradients(plain(bias), wide, upstream.astype("float32"))
    rounded = values_and_gradients(plain(narrow), inputs, upstream)
    found = values_and_gradients(kernel(narrow), inputs, upstream)
    for each, other, wanted in zip(found, rounded, exact, strict=True):
        assert np.abs(each - wanted).mean() <= np.abs(other - wanted).mean()
        np.testing.assert_allclose(each, wanted, atol=2**-6 * np.abs(wanted).max())


def test_queries_may_be_fewer_than_keys():
    bias = packed_rows(256, queries=128)
    [query] = arrays_of(3, 4, 128, 32, count=1)
    key, value = arrays_of(3, 4, 256, 32, count=2)
    expected = values_and_gradients(plain(bias), [query, key, value], query)
    found = values_and_gradients(kernel(bias), [query, key, value], query)
    for each, wanted in zip(found, expected, strict=True):
        np.testing.assert_allclose(each, wanted, atol=BOUND)


def test_blocks_of_heads_drop_what_all_heads_together_would(monkeypatch):
    bias = packed_rows(128)
    inputs = arrays_of(3, 6, 128, SIZE, count=3)
    whole = kernel(bias, rate=0.5, seed=SEED)(*inputs)
    monkeypatch.setattr(attention_tpu_jax, "_BLOCK", 1)
    assert (kernel(bias, rate=0.5, seed=SEED)(*inputs) == whole).all()


@pytest.mark.parametrize(
    ("heads", "length", "size", "dtype", "is_kernel"),
    [
        (12, 128, 64, "bfloat16", True),
        (12, 512, 64, "float32", True),
        (12, 96, 64, "bfloat16", False),
        (12, 1024, 64, "bfloat16", False),
        (8, 128, 80, "bfloat16", False),
        (3, 128, 64, "bfloat16", False),
    ],
)
def test_a_tpu_gets_the_kernel_for_whole_registers(
    heads, length, size, dtype, is_kernel
):
    query, key, value = arrays_of(3, heads, length, size, dtype=dtype, count=3)
    bias = packed_rows(length).astype(dtype)
    assert ("tpu_custom_call" in program_of(query, key, value, bias)) == is_kernel


def test_first_tokens_alone_are_attended_plainly():
    query, key, value = arrays_of(3, 12, 128, SIZE, count=3)
    bias = packed_rows(128, queries=1)
    assert "tpu_custom_call" not in program_of(query[:, :, :1], key, value, bias)


def program_of(query, key, value, bias):
    """What a TPU's compiler is given of attention and its gradient."""
    layer = dropout.Dropout(0.1, dtype=query.dtype)

    def gradients(seed, *inputs):
        with attention.computed_by(attention_tpu_jax.attend), dropout.stream(seed):
            found, pull = jax.vjp(
                lambda *each: attention.attend(*each, bias=bias, dropout=layer), *inputs
            )
            return pull(found)

    arguments = np.array([3, 4], np.int32), query, key, value
    traced = jax.jit(gradients).trace(*arguments)
    return traced.lower(lowering_platforms=("tpu",)).as_text()


@pytest.mark.parametrize(
    ("kind", "runs"),
    [
        ("TPU v2", False),
        ("TPU v3", False),
        ("TPU v4", True),
        ("TPU v5 lite", True),
        ("TPU v5", True),
        ("TPU v6 lite", True),
        ("cpu", False),
    ],
)
def test_a_tpu_since_v4_runs_it(kind, runs):
    assert attention_tpu_jax.runs_on(kind) == runs
