"""How sure a score is that was measured on some examples."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import scipy.stats

CONFIDENCE = 0.95
RESAMPLES = 1000
_LEAST_RESAMPLES = 200  # of very many examples, whose intervals are narrow
_MOST_WEIGHTS = 10_000_000  # drawn: half a second
_AT_ONCE = 1_000_000

Interval = tuple[float, float]
Scores = Callable[[np.ndarray], Mapping[str, np.ndarray]]
"""From how often each case was met, `[..., cases]`, to each score, `[...]`."""


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


def of_scores(scores: Scores, *, counts: np.ndarray) -> dict[str, Interval]:
    """The percentile interval of scores over draws of as many examples (bootstrap).

    Examples that are alike to the scores are one case, so that drawing examples is
    drawing how often each case is met: the same distribution in a fraction of the time.

    Args:
        scores: From weights of the cases to each score.
        counts: Examples of each case, int `[cases]`.

    Source: Efron and Tibshirani, An Introduction to the Bootstrap, 13.3.
    """
    total, cases = int(counts.sum()), len(counts)
    resamples = max(_LEAST_RESAMPLES, min(RESAMPLES, _MOST_WEIGHTS // cases))
    step = max(1, _AT_ONCE // cases)
    generator = np.random.default_rng(0)  # the same files, the same page
    found = []
    for start in range(0, resamples, step):
        size = min(step, resamples - start)
        found.append(scores(generator.multinomial(total, counts / total, size=size)))
    ends = [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2]
    drawn = {name: np.concatenate([each[name] for each in found]) for name in found[0]}
    pairs = {name: np.quantile(values, ends) for name, values in drawn.items()}
    return {name: (float(low), float(high)) for name, (low, high) in pairs.items()}


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
