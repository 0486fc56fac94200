"""How sure a score is that was measured on some examples."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.stats

CONFIDENCE = 0.95
RESAMPLES = 1000
_MOST_WEIGHTS = 20_000_000  # drawn for one score: a second
_AT_ONCE = 4_000_000

Interval = tuple[float, float]
Score = Callable[[np.ndarray], np.ndarray]
"""From how often each case was met, `[..., cases]`, to the score, `[...]`."""


def of_share(count: int, *, total: int) -> Interval:
    """Wilson's interval of a share.

    Args:
        count: Examples that are so.
        total: Examples.
    """
    if total == 0:
        return 0.0, 1.0
    found = scipy.stats.binomtest(count, total).proportion_ci(CONFIDENCE, "wilson")
    return float(found.low), float(found.high)


def of_score(score: Score, *, counts: np.ndarray) -> Interval:
    """The percentile interval of a score over draws of as many examples (bootstrap).

    Examples that are alike to the score are one case, so that drawing examples is
    drawing how often each case is met: the same distribution in a fraction of the time.

    Args:
        score: From weights of the cases to the score.
        counts: Examples of each case, int `[cases]`.

    Source: Efron and Tibshirani, An Introduction to the Bootstrap, 13.3.
    """
    total, cases = int(counts.sum()), len(counts)
    resamples = max(100, min(RESAMPLES, _MOST_WEIGHTS // cases))
    step = max(1, _AT_ONCE // cases)
    generator = np.random.default_rng(0)  # the same files, the same page
    found = [
        score(
            generator.multinomial(
                total, counts / total, size=min(step, resamples - start)
            )
        )
        for start in range(0, resamples, step)
    ]
    outside = (1 - CONFIDENCE) / 2
    low, high = np.quantile(np.concatenate(found), [outside, 1 - outside])
    return float(low), float(high)


def of_disagreement(one_alone: int, other_alone: int) -> float:
    """McNemar's exact test of two models on the same examples.

    Args:
        one_alone: Examples that only the one has right.
        other_alone: Those that only the other has.

    Returns:
        How likely so large a difference is if neither is better, two-sided.
    """
    if one_alone + other_alone == 0:
        return 1.0
    return float(scipy.stats.binomtest(one_alone, one_alone + other_alone).pvalue)
