"""Scores of weighted cases, so that thousands of draws are scored at once.

A case is what examples have in common that are alike to the score. The values are those
of `pipelines.classification.scores`, which a run reports.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from pipelines.reports.page import uncertainty
from pipelines.reports.page.answered import Answered, Row
from pipelines.reports.page.uncertainty import Interval
from processors.labels.targets import Targets

ScoreOf = Callable[..., np.ndarray]
"""From what a `Tally` counts to the score `[...]`."""

Tally = Callable[[np.ndarray, np.ndarray, np.ndarray], tuple[np.ndarray, ...]]
"""From weights `[..., cases]`, gold and predicted (labels: bool `[cases, labels]`,
numbers: float `[cases]`) to what all scores are made of."""


@dataclasses.dataclass(frozen=True)
class Scored:
    """A score with its interval.

    Attributes:
        name: As eval_results.txt has it, without `eval_`.
        value: Of the examples.
        interval: Of all such examples there could be.
    """

    name: str
    value: float
    interval: Interval


def of_split(split: Answered) -> list[Scored]:
    """The scores of a labelled split."""
    gold, predicted = (
        arrays(split.rows, split=split, of="gold"),
        arrays(split.rows, split=split, of="predicted"),
    )
    counts, (gold, predicted) = cases(gold, predicted)
    return of_cases(split.targets, counts=counts, gold=gold, predicted=predicted)


def of_cases(
    targets: Targets, *, counts: np.ndarray, gold: np.ndarray, predicted: np.ndarray
) -> list[Scored]:
    """The scores of counted cases.

    Args:
        targets: What answers are.
        counts: Examples of each case, int `[cases]`.
        gold: As a `ScoreOf` takes them.
        predicted: As a `ScoreOf` takes them.
    """
    scores = functools.partial(all_of, targets, gold=gold, predicted=predicted)
    values, total = scores(counts), int(counts.sum())
    intervals = uncertainty.of_scores(scores, counts=counts)
    for name in SHARES & values.keys():
        right = round(float(values[name]) * total)
        intervals[name] = uncertainty.of_share(right, total=total)
    return [Scored(name, float(values[name]), intervals[name]) for name in values]


def all_of(
    targets: Targets, weights: np.ndarray, *, gold: np.ndarray, predicted: np.ndarray
) -> dict[str, np.ndarray]:
    """Each score of weighted cases, `[...]`.

    Args:
        targets: What answers are.
        weights: How often each case is met, `[..., cases]`.
        gold: As a `Tally` takes them.
        predicted: As a `Tally` takes them.
    """
    tally = _numbers if targets is Targets.NUMBER else _sums
    counted = tally(weights, gold, predicted)
    return {name: score(*counted) for name, score in SCORES[targets].items()}


def arrays(rows: Sequence[Row], *, split: Answered, of: str) -> np.ndarray:
    """What is right, or answered, of each example as an array.

    Args:
        rows: The examples.
        split: Says what answers are.
        of: `gold` or `predicted`.
    """
    answers: list[tuple[str, ...]] = [getattr(row, of) for row in rows]
    if split.targets is Targets.NUMBER:
        return np.array([float(answer[0]) for answer in answers])
    places = {label: place for place, label in enumerate(split.labels)}
    found = np.zeros((len(rows), len(places)), bool)
    for row, answer in enumerate(answers):
        found[row, [places[label] for label in answer]] = True
    return found


def cases(*answers: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """Examples that are alike, counted.

    Args:
        answers: Of each example, `[examples, ...]`.

    Returns:
        Examples of each case, int `[cases]`, and the answers of each case.
    """
    rows = np.concatenate([each.reshape(len(each), -1) for each in answers], axis=1)
    if rows.dtype == bool:
        rows = np.packbits(rows, axis=1)  # an eighth to compare
    _, first, counts = np.unique(rows, axis=0, return_index=True, return_counts=True)
    return counts, [each[first] for each in answers]


def _sums(
    weights: np.ndarray, gold: np.ndarray, predicted: np.ndarray
) -> tuple[np.ndarray, ...]:
    """What scores of labels are made of.

    Returns:
        Of each label the examples that have it and are said to, that have it, that are
        said to; then those answered right, and all.
    """
    counts = weights.astype(np.float32)  # whole numbers multiply slowly
    kinds = (gold & predicted, gold, predicted, (gold == predicted).all(axis=1))
    sums = [(counts @ kind.astype(np.float32)).astype(np.float64) for kind in kinds]
    return (*sums, weights.sum(axis=-1, dtype=np.float64))


def _right(
    both: np.ndarray,
    has: np.ndarray,
    said: np.ndarray,
    right: np.ndarray,
    total: np.ndarray,
) -> np.ndarray:
    del both, has, said
    return right / total


def _macro_f1(
    both: np.ndarray, has: np.ndarray, said: np.ndarray, *_: np.ndarray
) -> np.ndarray:
    found: np.ndarray = _f1(both, has, said).mean(axis=-1)
    return found


def _weighted_f1(
    both: np.ndarray, has: np.ndarray, said: np.ndarray, *_: np.ndarray
) -> np.ndarray:
    found: np.ndarray = (_f1(both, has, said) * has).sum(axis=-1) / has.sum(axis=-1)
    return found


def _micro_f1(
    both: np.ndarray, has: np.ndarray, said: np.ndarray, *_: np.ndarray
) -> np.ndarray:
    return _f1(*(each.sum(axis=-1) for each in (both, has, said)))


def _matthews(
    both: np.ndarray,
    has: np.ndarray,
    said: np.ndarray,
    right: np.ndarray,
    total: np.ndarray,
) -> np.ndarray:
    """Source: Gorodkin 2004, as scikit-learn's matthews_corrcoef has it."""
    del both
    above = right * total - (has * said).sum(axis=-1)
    below = np.sqrt(
        (total**2 - (has**2).sum(axis=-1)) * (total**2 - (said**2).sum(axis=-1))
    )
    return _divided(above, below)


def _numbers(
    weights: np.ndarray, gold: np.ndarray, predicted: np.ndarray
) -> tuple[np.ndarray, ...]:
    return weights, gold, predicted


def _pearson(
    weights: np.ndarray, gold: np.ndarray, predicted: np.ndarray
) -> np.ndarray:
    shape = weights.shape
    return _correlation(
        weights, np.broadcast_to(gold, shape), np.broadcast_to(predicted, shape)
    )


def _spearman(
    weights: np.ndarray, gold: np.ndarray, predicted: np.ndarray
) -> np.ndarray:
    return _correlation(weights, _ranks(weights, gold), _ranks(weights, predicted))


def _squared_error(
    weights: np.ndarray, gold: np.ndarray, predicted: np.ndarray
) -> np.ndarray:
    mean: np.ndarray = weights @ (gold - predicted) ** 2 / weights.sum(axis=-1)
    return mean


def _f1(both: np.ndarray, has: np.ndarray, said: np.ndarray) -> np.ndarray:
    return _divided(2 * both, has + said)


def _divided(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """0 where it would be divided by 0."""
    return np.divide(above, below, out=np.zeros(np.shape(below)), where=below > 0)


def _correlation(weights: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    def mean(values: np.ndarray) -> np.ndarray:
        found: np.ndarray = (weights * values).sum(axis=-1) / weights.sum(axis=-1)
        return found[..., np.newaxis]

    x, y = x - mean(x), y - mean(y)
    return _divided(mean(x * y), np.sqrt(mean(x * x) * mean(y * y)))[..., 0]


def _ranks(weights: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The rank of each value where it occurs so often; equal ones share a mean rank."""
    _, group = np.unique(values, return_inverse=True)
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.diff(group[order], prepend=-1))
    counts = np.add.reduceat(weights[..., order], starts, axis=-1)
    ranks: np.ndarray = np.cumsum(counts, axis=-1) - (counts - 1) / 2
    return ranks[..., group]


SCORES: Mapping[Targets, Mapping[str, ScoreOf]] = {
    Targets.LABEL: {
        "accuracy": _right,
        "macro_f1": _macro_f1,
        "weighted_f1": _weighted_f1,
        "mcc": _matthews,
    },
    Targets.LABELS: {
        "micro_f1": _micro_f1,
        "macro_f1": _macro_f1,
        "subset_accuracy": _right,
    },
    Targets.NUMBER: {
        "pearson": _pearson,
        "spearman": _spearman,
        "mse": _squared_error,
    },
}
"""Those that are computed of answers alone, by what answers are."""

SHARES = {"accuracy", "subset_accuracy"}
"""Those that are the share of examples that are answered right."""
