"""How much the examples of each class weigh in the training loss."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from processors.labels import label_names
from runtime.errors import SettingsError

NONE, BALANCED = "none", "balanced"


def problems(asked: Sequence[str]) -> Iterator[str]:
    """A sentence for each part of `--class_weights` that cannot be used.

    Args:
        asked: `none`, `balanced`, or `label:weight` for some labels.
    """
    if tuple(asked) in {(NONE,), (BALANCED,)}:
        return
    for part in asked or ("",):
        label, weight = _parts(part)
        if not label:
            yield (
                f"--class_weights: expected {NONE} or {BALANCED} alone, or label:weight"
                f" such as positive:2.5; got {part!r}."
            )
        elif not 0 < weight < math.inf:
            yield f"--class_weights: a weight is a number above 0; got {part!r}."
    uses = Counter(label for label, _ in map(_parts, asked) if label)
    for label in (label for label, count in uses.items() if count > 1):
        yield f"--class_weights: {label!r} is weighed more than once."


def refuse_unknown(asked: Sequence[str], *, labels: Sequence[str], task: str) -> None:
    """Refuses weights of labels that a task has not.

    Args:
        asked: As `problems` has found nothing wrong with.
        labels: The task's labels.
        task: Its name.

    Raises:
        SettingsError: Names each such label.
    """
    unknown = [label for label in _given(asked) if label not in labels]
    if unknown:
        raise SettingsError(
            *(
                "--class_weights: "
                f"{label_names.unknown(label, labels=labels, task=task)}."
                for label in unknown
            )
        )


def of_split(
    asked: Sequence[str], *, labels: Sequence[str], label_ids: np.ndarray
) -> np.ndarray | None:
    """The weight of each class.

    Args:
        asked: `none`; `balanced`, which makes all classes of the training examples
            weigh alike; or `label:weight`, where the other labels weigh 1.
        labels: The task's labels in order of their ids.
        label_ids: Of the training examples, int `[examples]`.

    Returns:
        float64 `[labels]`; None where every example weighs the same.
    """
    if tuple(asked) == (NONE,):
        return None
    if tuple(asked) == (BALANCED,):
        return _balanced(np.bincount(label_ids, minlength=len(labels)))
    given = _given(asked)
    return np.array([given.get(label, 1.0) for label in labels])


def _balanced(counts: np.ndarray) -> np.ndarray:
    """Weights in inverse proportion to the counts; 1 on average over the examples.

    Source: scikit-learn, compute_class_weight, whose classes are those that occur.
    """
    present = np.count_nonzero(counts)
    weights: np.ndarray = counts.sum() / (present * np.maximum(counts, 1))
    return weights


def _given(asked: Sequence[str]) -> dict[str, float]:
    if tuple(asked) in {(NONE,), (BALANCED,)}:
        return {}
    return dict(map(_parts, asked))


def _parts(part: str) -> tuple[str, float]:
    """Label and weight; no label where the part is no such pair, NaN for no number."""
    label, _, weight = part.rpartition(":")
    try:
        return label, float(weight)
    except ValueError:
        return label, math.nan
