"""The text files on a task in which a text has any number of labels.

Which labels an example has, and which are predicted, is 1 or 0 for each: bool or int
`[examples, labels]`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.metrics import precision_recall_fscore_support

from pipelines.reports import report
from processors.data_check import text_table
from processors.example import InputExample
from runtime import storage
from runtime.errors import DataError

_SCORES = ("precision", "recall", "f1-score", "support")
_COUNTS = ("both", "gold only", "predicted only", "neither")
_SEPARATOR = ","


def write_label_report(
    path: str,
    *,
    gold: np.ndarray,
    predicted: np.ndarray,
    labels: Sequence[str],
    thresholds: np.ndarray,
    average_precisions: np.ndarray,
) -> None:
    """Writes the scores of each label, and their averages as scikit-learn has them.

    Args:
        path: The file.
        gold: The labels that examples have.
        predicted: Those that are predicted.
        labels: Label names, in order.
        thresholds: The probability from which on a label is predicted, `[labels]`.
        average_precisions: Of each label, `[labels]`.
    """
    _refuse_misfit(gold, predicted, labels=labels)
    table = [["", *_SCORES, "threshold", "average precision"]]
    for place, label in enumerate(labels):
        scores = _scores(gold[:, place], predicted[:, place])
        others = (f"{thresholds[place]:.4f}", f"{average_precisions[place]:.2f}")
        table.append([label, *scores, *others])
    table.append(["micro avg", *_scores(gold.ravel(), predicted.ravel()), "", ""])
    mean = f"{np.mean(average_precisions):.2f}"
    table.append(["macro avg", *_macro(gold, predicted), "", mean])
    storage.write_text(path, text_table.aligned(table))


def write_label_confusions(
    path: str, *, gold: np.ndarray, predicted: np.ndarray, labels: Sequence[str]
) -> None:
    """Writes the confusion matrix of each label, a row a label.

    Args:
        path: The file.
        gold: The labels that examples have.
        predicted: Those that are predicted.
        labels: Label names, in order.
    """
    _refuse_misfit(gold, predicted, labels=labels)
    gold, predicted = gold.astype(bool), predicted.astype(bool)
    cells = (
        gold & predicted,
        gold & ~predicted,
        ~gold & predicted,
        ~(gold | predicted),
    )
    counts = np.stack([cell.sum(axis=0) for cell in cells], axis=1)
    rows = [[label, *map(str, row)] for label, row in zip(labels, counts, strict=True)]
    title = "Examples that have a label, are predicted to, both or neither.\n\n"
    storage.write_text(path, title + text_table.aligned([["", *_COUNTS], *rows]))


def write_label_predictions(
    path: str,
    *,
    examples: Sequence[InputExample],
    predicted: np.ndarray,
    probabilities: np.ndarray,
    labels: Sequence[str],
) -> None:
    """Writes guid, gold, predicted, probability and text; commas between labels.

    Args:
        path: The file.
        examples: What was predicted, in order.
        predicted: The labels that are predicted.
        probabilities: float32 `[examples, labels]`; those of the predicted labels are
            listed in their order.
        labels: Label names, in order.
    """
    _refuse_misfit(predicted, probabilities, labels=labels)
    answers = []
    for example, has, said in zip(examples, predicted, probabilities, strict=True):
        chosen = np.flatnonzero(has).tolist()
        cells = (
            example.label_set or (),
            [labels[place] for place in chosen],
            [str(np.float32(said[place])) for place in chosen],
        )
        answers.append([_SEPARATOR.join(cell) for cell in cells])
    columns = ("gold", "predicted", "probability")
    report.write_answers(path, examples=examples, answers=answers, columns=columns)


def _scores(gold: np.ndarray, predicted: np.ndarray) -> list[str]:
    *scores, _ = precision_recall_fscore_support(
        gold.astype(bool), predicted.astype(bool), average="binary", zero_division=0
    )
    return [*(f"{score:.2f}" for score in scores), str(np.count_nonzero(gold))]


def _macro(gold: np.ndarray, predicted: np.ndarray) -> list[str]:
    each = [
        precision_recall_fscore_support(
            has.astype(bool), said.astype(bool), average="binary", zero_division=0
        )[:3]
        for has, said in zip(gold.T, predicted.T, strict=True)
    ]
    means = np.mean(each, axis=0)
    return [*(f"{mean:.2f}" for mean in means), str(np.count_nonzero(gold))]


def _refuse_misfit(
    one: np.ndarray, other: np.ndarray, *, labels: Sequence[str]
) -> None:
    if len(one) == 0 or one.shape != other.shape or one.shape[1:] != (len(labels),):
        raise DataError(
            "A report needs as many rows of gold as of predicted labels, and"
            f" {len(labels)} columns: got {list(one.shape)} and {list(other.shape)}."
        )
