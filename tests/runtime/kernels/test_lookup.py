import keras
import numpy as np
import pytest
from keras import ops

from runtime.kernels.lookup import lookup, measure
from tests import rounding


@pytest.fixture
def table():
    values = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
    return keras.Variable(values, name="table")


def value(tensor):
    return ops.convert_to_numpy(tensor)


def test_it_takes_rows(table):
    ids = np.array([[1, 5], [1, 0]], np.int32)
    expected = ops.convert_to_numpy(table.value)[ids]
    np.testing.assert_array_equal(value(lookup(table, ids)), expected)
    with measure(ops.zeros(())):
        np.testing.assert_array_equal(value(lookup(table, ids)), expected)


def test_the_probe_gradient_counts_rows_before_rows_of_one_word_are_added(
    table, gradients
):
    ids = np.array([1, 5, 1, 1], np.int32)
    weights = np.random.default_rng(1).normal(size=(4, 3)).astype(np.float32)

    def loss(probe):
        with measure(probe):
            return ops.sum(lookup(table, ids) * weights)

    [squares] = gradients(loss, np.float32(0))
    rounding.assert_near(squares, np.square(weights).sum(), operations=weights.size)
    added_up = np.zeros((6, 3))
    np.add.at(added_up, ids, weights)
    assert abs(squares - np.square(added_up).sum()) > 0.1  # the two norms differ


def test_several_lookups_add_up(table, gradients):
    def loss(probe):
        with measure(probe):
            first = 2.0 * ops.sum(lookup(table, np.array([0, 0], np.int32)))
            return first + ops.sum(lookup(table, np.array([[4]], np.int32)))

    [squares] = gradients(loss, np.float32(0))
    assert squares == pytest.approx(2 * 3 * 4 + 3)


def test_the_rows_gradient_is_untouched(gradients):
    values = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
    ids = np.array([1, 5, 1], np.int32)

    def loss(rows, probe):
        with measure(probe):
            return ops.sum(ops.square(lookup(rows, ids)))

    rows, squares = gradients(loss, values, np.float32(0))
    expected = np.zeros_like(values)
    np.add.at(expected, ids, 2 * values[ids])
    rounding.assert_near(rows, expected, operations=3)
    squared = np.square(2 * values[ids])
    rounding.assert_near(squares, squared.sum(), operations=squared.size)


def test_the_measurement_names_the_tables(table):
    other = keras.Variable(np.zeros((2, 2), np.float32))
    with measure(ops.zeros(())) as measurement:
        assert measurement.tables == set()
        lookup(table, np.array([0], np.int32))
    assert measurement.tables == {id(table)}
    lookup(other, np.array([0], np.int32))
    assert measurement.tables == {id(table)}  # it is closed
