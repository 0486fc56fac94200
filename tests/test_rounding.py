"""The bounds of tests/rounding.py beside what rounding does."""

import numpy as np
import pytest

from tests import rounding


@pytest.mark.parametrize("length", [4, 24, 400, 10_000])
def test_sums_in_any_order_are_within_the_bound(length):
    random = np.random.default_rng(0)
    terms = random.normal(size=(1000, length)).astype(np.float32)
    orders = [np.cumsum(terms[:, ::way], axis=1, dtype=np.float32) for way in (1, -1)]
    size = max(np.abs(order).max() for order in orders)
    apart = np.abs(orders[0][:, -1] - orders[1][:, -1]).max()
    allowed = rounding.bound(length, size=size)
    assert allowed / 100 < apart <= allowed


def test_few_operations_add_up_and_many_cancel():
    assert rounding.bound(3, size=2.0) == 2 * 3 * 2.0 * 2**-24
    assert rounding.bound(10_000) == 2 * 5 * 100 * 2**-24


def test_what_is_further_apart_is_refused():
    expected = np.array([1.0, -4.0], np.float32)
    near = expected + np.float32(rounding.bound(10, size=4.0) * 0.9)
    rounding.assert_near(near, expected, operations=10)
    with pytest.raises(AssertionError, match="the name"):
        rounding.assert_near(near, expected, operations=5, err_msg="the name")
    with pytest.raises(AssertionError):
        rounding.assert_near(near, expected, operations=10, size=1.0)
