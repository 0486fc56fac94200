import math

import numpy as np
import pytest
import scipy.stats

from pipelines.reports import over_seeds

VALUES = np.array([0.61, 0.59, 0.64, 0.6])


def test_a_mean_is_as_sure_as_student_says():
    expected = scipy.stats.t.interval(
        0.95, len(VALUES) - 1, loc=VALUES.mean(), scale=scipy.stats.sem(VALUES)
    )
    assert over_seeds.interval(VALUES) == pytest.approx(expected, rel=1e-12)
    assert over_seeds.deviation(VALUES) == pytest.approx(scipy.stats.tstd(VALUES))


def test_a_single_value_says_nothing_of_others():
    assert all(math.isnan(bound) for bound in over_seeds.interval(VALUES[:1]))
    assert over_seeds.deviation(VALUES[:1]) == 0


def test_equal_values_leave_no_doubt():
    assert over_seeds.interval(np.full(3, 0.5)) == (0.5, 0.5)
