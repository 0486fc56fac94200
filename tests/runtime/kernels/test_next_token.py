"""The loss beside Keras' own."""

import keras
import numpy as np
import pytest
from keras import ops

from runtime.kernels import fusion, next_token
from tests import rounding

TARGETS, UNITS, VOCABULARY = 9, 6, 11
FORWARD = UNITS + rounding.of_cross_entropy(VOCABULARY)


@pytest.fixture(scope="module")
def values():
    """States, kernel, bias, target ids and weights; the last two targets are filler."""
    random = np.random.default_rng(0)
    weights = random.uniform(0.5, 2, TARGETS).astype(np.float32)
    weights[-2:] = 0
    return (
        random.normal(0, 2, (TARGETS, UNITS)).astype(np.float32),
        random.normal(0, 2, (UNITS, VOCABULARY)).astype(np.float32),
        random.normal(0, 2, VOCABULARY).astype(np.float32),
        random.integers(0, VOCABULARY, TARGETS).astype(np.int32),
        weights,
    )


def keras_losses(states, kernel, bias, target_ids):
    logits = ops.matmul(states, kernel) + bias
    return keras.losses.sparse_categorical_crossentropy(
        target_ids, logits, from_logits=True
    )


def test_losses_are_those_of_keras(values):
    *values, _ = values
    found = ops.convert_to_numpy(next_token.losses(*map(ops.convert_to_tensor, values)))
    expected = ops.convert_to_numpy(keras_losses(*values))
    rounding.assert_near(found, expected, operations=FORWARD)


def test_loss_is_the_weighted_sum(values):
    tensors = [ops.convert_to_tensor(value) for value in values]
    each = ops.convert_to_numpy(next_token.losses(*tensors[:-1]))
    found = float(next_token.loss(*tensors))
    expected = np.sum(each * values[-1])
    rounding.assert_near(found, expected, operations=FORWARD + TARGETS)


@pytest.mark.parametrize("is_compiled", [False, True])
def test_gradients_are_those_of_keras(values, gradients, compiler, is_compiled):
    *trained, target_ids, weights = values

    def ours(*trained):
        # Twice: what comes from above is not always 1.
        if is_compiled:
            with fusion.compiled_by(compiler):
                return 2.0 * next_token.loss(*trained, target_ids, weights)
        return 2.0 * next_token.loss(*trained, target_ids, weights)

    def theirs(*trained):
        return 2.0 * ops.sum(keras_losses(*trained, target_ids) * weights)

    for found, expected in zip(
        gradients(ours, *trained), gradients(theirs, *trained), strict=True
    ):
        rounding.assert_near(found, expected, operations=2 * FORWARD + TARGETS)


def test_large_logits_do_not_overflow(values):
    states, kernel, *rest = (ops.convert_to_tensor(value) for value in values)
    found = float(next_token.loss(states * 1e4, kernel, *rest))
    assert np.isfinite(found)


def test_bfloat16_logits_stay_near(values):
    states, kernel, *rest = (ops.convert_to_tensor(value) for value in values)
    narrow = next_token.loss(
        ops.cast(states, "bfloat16"), ops.cast(kernel, "bfloat16"), *rest
    )
    assert keras.backend.standardize_dtype(narrow.dtype) == "float32"
    expected = float(next_token.loss(states, kernel, *rest))
    assert float(narrow) == pytest.approx(expected, rel=0.02)
