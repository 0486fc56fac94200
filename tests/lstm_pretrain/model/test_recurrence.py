"""The loop beside Keras' own, and beside itself on rows one at a time."""

import keras
import numpy as np
import pytest
from keras import ops

from lstm_pretrain.model import recurrence
from runtime.kernels import fusion, portable
from tests import rounding

TIME, ROWS, SIZE, UNITS = 7, 5, 6, 4
FORWARD = rounding.of_lstm(TIME, size=SIZE, units=UNITS)
GRADIENT = 2 * FORWARD + ROWS * TIME  # a weight's is a sum over all places


@pytest.fixture(scope="module")
def layer():
    made = keras.layers.LSTM(UNITS, return_sequences=True, use_cudnn=False)
    made.build((None, None, SIZE))
    random = np.random.default_rng(0)
    for variable in made.weights:
        variable.assign(random.normal(0, 0.7, variable.shape))
    return made


@pytest.fixture(scope="module")
def values(layer):
    """Inputs `[rows, time, size]`, kernels, bias, and what weighs the outputs."""
    random = np.random.default_rng(1)
    inputs = random.normal(0, 1, (ROWS, TIME, SIZE)).astype(np.float32)
    weights = [ops.convert_to_numpy(variable) for variable in layer.weights]
    wanted = random.normal(0, 1, (ROWS, TIME, UNITS)).astype(np.float32)
    return inputs, weights, wanted


def run(inputs, kernel, recurrent_kernel, bias, *, keep=None):
    projected = ops.matmul(inputs, kernel) + bias
    outputs = recurrence.lstm(
        ops.transpose(projected, (1, 0, 2)), recurrent_kernel, keep=keep
    )
    return ops.transpose(outputs, (1, 0, 2))


def keep_of(starts):
    """float32 `[time, rows, 1]` from the places where examples start, by row."""
    keep = np.ones((TIME, ROWS, 1), np.float32)
    for row, places in enumerate(starts):
        keep[list(places), row] = 0
    return keep


def test_states_are_those_of_keras(layer, values):
    inputs, weights, _ = values
    found = ops.convert_to_numpy(run(inputs, *weights))
    expected = ops.convert_to_numpy(layer(inputs))
    rounding.assert_near(found, expected, operations=FORWARD, size=1)


def test_portable_states_are_the_same(values):
    inputs, weights, _ = values
    keep = keep_of([[0, 3]] * ROWS)
    expected = ops.convert_to_numpy(run(inputs, *weights, keep=keep))
    with portable.graphs():
        found = ops.convert_to_numpy(run(inputs, *weights, keep=keep))
    np.testing.assert_array_equal(found, expected)


def test_gradients_are_those_of_keras(layer, values, gradients):
    inputs, weights, wanted = values

    def of_keras(inputs, *weights):
        scope = keras.StatelessScope(list(zip(layer.weights, weights, strict=True)))
        with scope:
            return ops.sum(layer(inputs) * wanted)

    def of_ours(inputs, *weights):
        return ops.sum(run(inputs, *weights) * wanted)

    if keras.config.backend() == "tensorflow":
        expected = tensorflow_gradients(layer, inputs, wanted)
    else:
        expected = gradients(of_keras, inputs, *weights)
    found = gradients(of_ours, inputs, *weights)
    for ours, theirs in zip(found, expected, strict=True):
        rounding.assert_near(ours, theirs, operations=GRADIENT)


def tensorflow_gradients(layer, inputs, wanted):
    import tensorflow as tf

    inputs = tf.constant(inputs)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        result = tf.reduce_sum(layer(inputs) * wanted)
    found = tape.gradient(result, [inputs, *(v.value for v in layer.weights)])
    return [each.numpy() for each in found]


def test_a_state_starts_anew_where_an_example_does(values, gradients):
    """Packed rows have the states and gradients of examples that stand alone."""
    inputs, weights, wanted = values
    starts = [(0,), (0, 3), (0, 1, 5), (0, 6), (0, 2, 4)]

    def packed(inputs, *weights):
        return ops.sum(run(inputs, *weights, keep=keep_of(starts)) * wanted)

    def alone(inputs, *weights):
        total = 0.0
        for row, places in enumerate(starts):
            for first, stop in zip(places, (*places[1:], TIME), strict=True):
                states = run(inputs[row : row + 1, first:stop], *weights)
                total += ops.sum(states * wanted[row : row + 1, first:stop])
        return total

    found = gradients(packed, inputs, *weights)
    expected = gradients(alone, inputs, *weights)
    for ours, theirs in zip(found, expected, strict=True):
        rounding.assert_near(ours, theirs, operations=GRADIENT)


def test_kernels_change_nothing(values, gradients, compiler):
    inputs, weights, wanted = values

    def loss(inputs, *weights):
        return ops.sum(run(inputs, *weights) * wanted)

    def compiled_loss(inputs, *weights):
        with fusion.compiled_by(compiler):
            return loss(inputs, *weights)

    plain = gradients(loss, inputs, *weights)
    compiled = gradients(compiled_loss, inputs, *weights)
    for ours, theirs in zip(compiled, plain, strict=True):
        rounding.assert_near(ours, theirs, operations=GRADIENT)


def test_bfloat16_products_stay_near(values):
    inputs, weights, _ = values
    narrow = [ops.cast(value, "bfloat16") for value in (inputs, *weights)]
    found = run(*narrow)
    assert keras.backend.standardize_dtype(found.dtype) == "bfloat16"
    np.testing.assert_allclose(
        ops.convert_to_numpy(ops.cast(found, "float32")),
        ops.convert_to_numpy(run(inputs, *weights)),
        atol=0.03,
    )
