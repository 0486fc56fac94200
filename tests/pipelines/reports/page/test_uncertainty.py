"""Intervals and tests beside others' numbers."""

import math

import numpy as np
import pytest
import scipy.stats

from pipelines.reports.page import uncertainty


@pytest.mark.parametrize(("count", "total"), [(366, 600), (0, 10), (10, 10)])
def test_of_a_share_it_is_wilsons(count, total):
    z, p = 1.959963984540054, count / total
    middle = (p + z * z / (2 * total)) / (1 + z * z / total)
    reach = z / (1 + z * z / total)
    reach *= math.sqrt(p * (1 - p) / total + z * z / (4 * total * total))
    low, high = uncertainty.of_share(count, total=total)
    assert low == pytest.approx(middle - reach, abs=1e-9)
    assert high == pytest.approx(middle + reach, abs=1e-9)


def test_of_no_examples_nothing_is_known():
    assert uncertainty.of_share(0, total=0) == (0, 1)


def test_drawn_cases_give_the_interval_of_drawn_examples():
    values = np.random.default_rng(1).normal(size=400)
    [expected] = [scipy.stats.bootstrap((values,), np.mean, method="percentile", rng=0)]
    found = uncertainty.of_scores(
        lambda weights: {"mean": weights @ values / weights.sum(axis=-1)},
        counts=np.ones(400, np.int64),
    )
    low, high = found["mean"]
    interval = expected.confidence_interval
    assert low == pytest.approx(interval.low, abs=0.012)
    assert high == pytest.approx(interval.high, abs=0.012)


def shares(weights):
    return {"first": weights[..., 0] / weights.sum(axis=-1)}


def test_the_same_counts_give_the_same_interval_in_any_parts(monkeypatch):
    whole = uncertainty.of_scores(shares, counts=np.array([30, 70]))
    assert uncertainty.of_scores(shares, counts=np.array([30, 70])) == whole
    monkeypatch.setattr(uncertainty, "_AT_ONCE", 14)
    assert uncertainty.of_scores(shares, counts=np.array([30, 70])) == whole


# Source: binomial probabilities by hand: 2 * (1 + 8 + 28) / 2**8; 2 / 2**6.
@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [(2, 6, 74 / 256), (6, 0, 2 / 64), (0, 0, 1), (5, 5, 1)],
)
def test_mcnemar(one, other, expected):
    assert uncertainty.of_disagreement(one, other) == pytest.approx(expected)
