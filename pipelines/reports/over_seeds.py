"""What runs that differ in their seed alone say together: how sure a mean is."""

from __future__ import annotations

import math

import numpy as np
import scipy.special

CONFIDENCE = 0.95


def deviation(values: np.ndarray) -> float:
    """Standard deviation of a sample, 0 of a single value."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else 0.0


def interval(values: np.ndarray) -> tuple[float, float]:
    """Confidence interval of the mean, NaN of a single value.

    Of differences of pairs it is that of the paired t-test.

    Args:
        values: One a seed.

    Source: Student's t.
    """
    count = len(values)
    if count < 2:
        return math.nan, math.nan
    error = deviation(values) / math.sqrt(count)
    reach = float(scipy.special.stdtrit(count - 1, (1 + CONFIDENCE) / 2)) * error
    mean = float(np.mean(values))
    return mean - reach, mean + reach
