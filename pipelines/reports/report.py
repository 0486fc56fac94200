"""The text files that say how good a model is; `plots.py` draws the same.

Gold and predicted labels are label ids: the place of a label in the task's list.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import sklearn.metrics

from processors.data_check import text_table
from processors.example import InputExample
from runtime import storage
from runtime.errors import DataError

_WIDEST_HEADING = 8
_PAIR_SEPARATOR = " ||| "
_ANSWER_COLUMNS = ("gold", "predicted", "probability")

# Control characters, and the two of Unicode that some readers take for a line's end;
# and a backslash where it looks like what they are written as.
_ESCAPED = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]|\\(?=u[0-9a-f]{4})")

# What makes a spreadsheet take a cell for a formula (also full-width, which a Japanese
# one reads alike), a CSV reader for a quoted cell, and what marks such a cell here.
# Source: https://owasp.org/www-community/attacks/CSV_Injection
_ACTIVE_STARTS = tuple("=+-@＝＋－＠\"'")


def write_eval_results(path: str, results: Mapping[str, object]) -> None:
    """Writes one `key = value` line for each result, sorted by key.

    A float is shown as float32, in the digits that google-research/bert shows
    (`eval_accuracy = 0.9525939`).
    """
    lines = [f"{key} = {result_text(results[key])}\n" for key in sorted(results)]
    storage.write_text(path, "".join(lines))


def write_classification_report(
    path: str, *, gold: np.ndarray, predicted: np.ndarray, labels: Sequence[str]
) -> None:
    """Writes scikit-learn's classification report, one row for each of `labels`.

    A label with no example, or never predicted, has a score of 0 where scikit-learn
    would divide by 0.

    Args:
        path: The file.
        gold: Label ids, int [examples].
        predicted: Label ids, int [examples].
        labels: Label names, in the order of their ids.
    """
    check_label_ids(gold=gold, predicted=predicted, labels=labels)
    report = sklearn.metrics.classification_report(
        gold,
        predicted,
        labels=range(len(labels)),
        target_names=labels,
        zero_division=0,
    )
    storage.write_text(path, report)


def write_confusion_matrix(
    path: str, *, gold: np.ndarray, predicted: np.ndarray, labels: Sequence[str]
) -> None:
    """Writes the counts as an aligned table: a row a gold label, a column a predicted.

    Names that are long do not fit over columns of counts, and Japanese ones may not be
    in the picture: the rows then bear label ids too, and the columns only them.

    Args:
        path: The file.
        gold: Label ids, int [examples].
        predicted: Label ids, int [examples].
        labels: Label names, in the order of their ids.
    """
    counts = confusion_counts(gold=gold, predicted=predicted, labels=labels)
    rows, columns = list(labels), list(labels)
    if not all(name.isascii() and len(name) <= _WIDEST_HEADING for name in labels):
        columns = [str(number) for number in range(len(labels))]
        rows = [f"{number} {name}" for number, name in enumerate(labels)]
    table = [["", *columns, "total"]]
    for name, row in zip(rows, counts, strict=True):
        table.append([name, *map(str, row), str(row.sum())])
    table.append(["total", *map(str, counts.sum(axis=0)), str(counts.sum())])
    title = "Rows: gold label. Columns: predicted label.\n\n"
    storage.write_text(path, title + text_table.aligned(table))


def confusion_counts(
    *, gold: np.ndarray, predicted: np.ndarray, labels: Sequence[str]
) -> np.ndarray:
    """Returns int64 [gold label, predicted label], the examples of each kind."""
    check_label_ids(gold=gold, predicted=predicted, labels=labels)
    ids = range(len(labels))
    return sklearn.metrics.confusion_matrix(gold, predicted, labels=ids)


def write_test_results(path: str, probabilities: np.ndarray) -> None:
    """Writes google-research/bert's test_results.tsv: no header, no ids.

    Args:
        path: The file.
        probabilities: float32 [examples, labels], in the order of the test file and
            of the task's labels.
    """
    with storage.open_write(path) as file:
        for row in np.asarray(probabilities, np.float32):
            file.write(("\t".join(map(str, row)) + "\n").encode())


def write_labels(path: str, labels: Sequence[str]) -> None:
    """Writes the order of the columns of test_results.tsv, one label a line.

    Control characters are written as in `write_predictions`.

    Args:
        path: The file.
        labels: Label names, in the order of their ids.
    """
    storage.write_text(path, "".join(f"{_escaped(label)}\n" for label in labels))


def write_predictions(
    path: str,
    *,
    examples: Sequence[InputExample],
    predicted: np.ndarray,
    probabilities: np.ndarray,
    labels: Sequence[str],
) -> None:
    r"""Writes a table of guid, gold, predicted, probability and text, with a header.

    A cell is never quoted and never runs over a line: a control character in it is
    written as JSON writes it, a tab as `\u0009`. One that a spreadsheet would take
    for a formula, or a CSV reader for a quoted cell, starts with an added apostrophe
    (numbers such as -1 do not); so does one that starts with an apostrophe itself.
    `text_of_cell` gives the text back, byte for byte. The two texts of a pair are
    joined by ` ||| `; the gold cell of an unlabelled example is empty.

    Args:
        path: The file.
        examples: What was predicted, in order.
        predicted: Label ids, int [examples].
        probabilities: float32 [examples, labels].
        labels: Label names, in the order of their ids.

    Raises:
        DataError: there is not one prediction an example.
    """
    if not len(examples) == len(predicted) == len(probabilities):
        raise DataError(
            f"expected a prediction for each of {len(examples)} examples, got"
            f" {len(predicted)} labels and {len(probabilities)} rows of probabilities.",
            path=path,
        )
    chosen = np.asarray(probabilities, np.float32)[np.arange(len(examples)), predicted]
    answers = (
        (example.label or "", labels[label_id], str(probability))
        for example, label_id, probability in zip(
            examples, predicted, chosen, strict=True
        )
    )
    write_answers(path, examples=examples, answers=answers, columns=_ANSWER_COLUMNS)


def write_answers(
    path: str,
    *,
    examples: Sequence[InputExample],
    answers: Iterable[Sequence[str]],
    columns: Sequence[str],
) -> None:
    """Writes a table with a header; its cells are as `write_predictions` says.

    Args:
        path: The file.
        examples: What was predicted, in order: the first and the last column.
        answers: What stands between of each.
        columns: The names of what stands between.
    """
    with storage.open_write(path) as file:
        file.write(("\t".join(("guid", *columns, "text")) + "\n").encode())
        for example, answer in zip(examples, answers, strict=True):
            cells = map(cell, (example.guid, *answer, _text_of(example)))
            file.write(("\t".join(cells) + "\n").encode())


def check_label_ids(
    *, gold: np.ndarray, predicted: np.ndarray, labels: Sequence[str]
) -> None:
    """Keeps a report from being made of what it cannot be made of.

    Raises:
        DataError: there are no examples, not as many predictions, or ids of no label.
    """
    if len(gold) == 0 or len(gold) != len(predicted):
        raise DataError(
            "A report needs labelled examples and a prediction for each: got"
            f" {len(gold)} gold labels and {len(predicted)} predictions."
        )
    lowest = min(np.min(gold), np.min(predicted))
    highest = max(np.max(gold), np.max(predicted))
    if lowest < 0 or highest >= len(labels):
        raise DataError(
            f"A report on {len(labels)} labels needs label ids from 0 to"
            f" {len(labels) - 1}, got {lowest} to {highest}. Leave unlabelled examples"
            " out."
        )


def result_text(value: object) -> str:
    """A score as eval_results.txt shows it: a float in the digits of float32."""
    if isinstance(value, float | np.floating):
        return str(np.float32(value))
    return str(value)


def _text_of(example: InputExample) -> str:
    if example.text_b is None:
        return example.text_a
    return example.text_a + _PAIR_SEPARATOR + example.text_b


def text_of_cell(cell: str) -> str:
    """Returns the text that `write_predictions` wrote as this cell."""
    text = cell[1:] if cell.startswith("'") else cell
    if "\\u" not in text:
        return text
    return re.sub(r"\\u([0-9a-f]{4})", lambda found: chr(int(found[1], 16)), text)


def cell(text: str) -> str:
    """Returns a text as it stands in a table; `text_of_cell` gives it back."""
    text = _escaped(text)
    if text.startswith(_ACTIVE_STARTS) and not _is_number(text):
        return "'" + text
    return text


def _escaped(text: str) -> str:
    return _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
