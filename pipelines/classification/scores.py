"""How good a classifier is: from what it says of a split's examples to numbers.

Where a score would divide by 0 it is 0: precision of a label that is never predicted,
correlation with what is always the same.
"""

from __future__ import annotations

import numpy as np
import scipy.stats
import sklearn.metrics

THRESHOLD = 0.5
"""From which probability on a label is an example's, where nothing else is asked."""


def of_labels(
    *, gold: np.ndarray, predicted: np.ndarray, losses: np.ndarray, num_labels: int
) -> dict[str, float]:
    """Scores of a task of classes.

    Args:
        gold: Label ids, int `[examples]`.
        predicted: Label ids, int `[examples]`.
        losses: Of each example, float32 `[examples]`.
        num_labels: The task's labels. Each counts in `eval_macro_f1`, with 0 where no
            example has it, as in scikit-learn's classification report.
    """
    given = {"labels": range(num_labels), "zero_division": 0}
    f1 = sklearn.metrics.f1_score
    return {
        "eval_accuracy": np.float32(np.mean(predicted == gold)),
        "eval_loss": np.mean(losses),
        "eval_macro_f1": float(f1(gold, predicted, average="macro", **given)),
        "eval_mcc": _matthews(gold, predicted),
        "eval_weighted_f1": float(f1(gold, predicted, average="weighted", **given)),
    }


def _matthews(gold: np.ndarray, predicted: np.ndarray) -> float:
    if len(np.union1d(gold, predicted)) == 1:  # of which scikit-learn warns
        return 0.0
    return float(sklearn.metrics.matthews_corrcoef(gold, predicted))


def of_label_sets(
    *,
    gold: np.ndarray,
    probabilities: np.ndarray,
    losses: np.ndarray,
    thresholds: np.ndarray | float = THRESHOLD,
) -> dict[str, float]:
    """Scores of a task in which an example has any number of labels.

    Args:
        gold: 1 for each label that an example has, else 0, `[examples, labels]`.
        probabilities: Of each label, float `[examples, labels]`.
        losses: Of each example, float32 `[examples]`.
        thresholds: From which probability on a label counts as predicted, one for all
            or float `[labels]`.
    """
    gold, predicted = gold.astype(bool), probabilities >= thresholds
    return {
        "eval_average_precision": np.mean(average_precisions(gold, probabilities)),
        "eval_loss": np.mean(losses),
        "eval_macro_f1": np.mean(_f1_by_label(gold, predicted)),
        "eval_micro_f1": f1(gold.ravel(), predicted.ravel()),
        "eval_subset_accuracy": np.mean((gold == predicted).all(axis=-1)),
    }


def _f1_by_label(gold: np.ndarray, predicted: np.ndarray) -> list[float]:
    return [f1(*columns) for columns in zip(gold.T, predicted.T, strict=True)]


def f1(gold: np.ndarray, predicted: np.ndarray) -> float:
    """F1 of yes against no; 0 where both are never yes.

    Args:
        gold: Whether it is so, bool `[decisions]`.
        predicted: Whether it is said, of the same shape.
    """
    return float(sklearn.metrics.f1_score(gold, predicted, zero_division=0))


def average_precisions(gold: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Average precision of each label, 0 where no example has it.

    Args:
        gold: 1 for each label that an example has, else 0, `[examples, labels]`.
        probabilities: Of each label, float `[examples, labels]`.

    Returns:
        float64 `[labels]`.
    """
    return np.array(
        [
            sklearn.metrics.average_precision_score(has, probability)
            if has.any()
            else 0.0
            for has, probability in zip(gold.T, probabilities.T, strict=True)
        ]
    )


def best_thresholds(gold: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """The threshold of each label that gives it the best F1.

    It lies in the middle between two examples' probabilities, the nearest to 0.5 of
    those that are as good. A label that no example has keeps 0.5.

    Args:
        gold: 1 for each label that an example has, else 0, `[examples, labels]`.
        probabilities: Of each label, float32 `[examples, labels]`.

    Returns:
        float64 `[labels]`, above 0 and below 1.
    """
    return np.array(
        [
            _best_threshold(has, probability)
            for has, probability in zip(gold.T, probabilities.T, strict=True)
        ]
    )


def _best_threshold(gold: np.ndarray, probabilities: np.ndarray) -> float:
    if not gold.any():
        return THRESHOLD
    precision, recall, least = sklearn.metrics.precision_recall_curve(
        gold, probabilities
    )
    found = precision[:-1] * recall[:-1] * 2
    f1 = found / np.maximum(precision[:-1] + recall[:-1], np.finfo(np.float64).tiny)
    below = np.concatenate([[0.0], least[:-1]]).astype(np.float64)
    middles = (below + least) / 2
    is_best = (f1 >= f1[middles > 0].max()) & (middles > 0)
    best: float = min(middles[is_best].tolist(), key=lambda value: abs(value - 0.5))
    return best


def of_numbers(
    *, gold: np.ndarray, predicted: np.ndarray, losses: np.ndarray
) -> dict[str, float]:
    """Scores of a regression.

    Args:
        gold: float `[examples]`.
        predicted: float `[examples]`.
        losses: Of each example, float32 `[examples]`.
    """
    gold, predicted = gold.astype(np.float64), predicted.astype(np.float64)
    ranks = [scipy.stats.rankdata(values) for values in (gold, predicted)]
    return {
        "eval_loss": np.mean(losses),
        "eval_mse": float(np.mean((gold - predicted) ** 2)),
        "eval_pearson": correlation(gold, predicted),
        "eval_spearman": correlation(*ranks),
    }


def correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Pearson's; 0 where one of the two is always the same.

    Args:
        one: float `[examples]`.
        other: float `[examples]`.
    """
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return 0.0
    return float(np.corrcoef(one, other)[0, 1])
