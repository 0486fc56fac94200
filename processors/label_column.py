"""What a column of labels looks like: classes, or something that is none.

What is refused here was to be collected from a file. Whoever names the labels (by
`--labels`, or in a processor) has said that they are classes.
"""

from __future__ import annotations

import json
import math
import numbers
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from processors.example import InputExample
from processors.labels import label_names
from processors.labels.targets import Targets
from processors.readers.row import Column, Row
from runtime.errors import DataError

_SHOWN = 5
_LARGEST = float(np.finfo(np.float32).max)
# Ratings have fewer steps; scores are averages, or measured.
_MANY_NUMBERS = 10
_SEPARATORS = (",", ";", "|", "、", "，", "；", "｜")
_QUOTES = re.compile("[,\"']")
_INTEGERS = re.compile(r"[0-9]+(\s+[0-9]+)*")


def label_in(row: Row, column: Column, *, is_optional: bool) -> str | None:
    """Returns a row's label; None where the field is empty.

    Args:
        row: The row.
        column: Where its label is.
        is_optional: Whether it may lack the column, and so its label.

    Raises:
        DataError: There is no such column, or what it holds is no label.
    """
    if not row.has(column):
        _refuse_several_columns(row, column)
        if is_optional:
            return None
    value = row.value(column)
    if value is True or value is False:
        return json.dumps(value)  # as it stands in the file
    try:
        return label_names.name_of(value)
    except ValueError as error:
        raise row.error(f"{column!r}: {error}") from error


def target_in(
    row: Row,
    column: Column,
    *,
    targets: Targets,
    separator: str | None,
    is_optional: bool,
) -> dict[str, Any]:
    """Returns a row's labels or number, as `InputExample` is told of them.

    Args:
        row: The row.
        column: Where they are.
        targets: Which of the two.
        separator: See `labels_in`.
        is_optional: Whether it may lack the column.

    Raises:
        DataError: There is no such column, or it holds something else.
    """
    if targets is Targets.NUMBER:
        return {"number": number_in(row, column, is_optional=is_optional)}
    labels = labels_in(row, column, separator=separator, is_optional=is_optional)
    return {"labels": labels}


def labels_in(
    row: Row, column: Column, *, separator: str | None, is_optional: bool
) -> tuple[str, ...] | None:
    """Returns any number of labels of a row; None where it is unlabelled.

    Args:
        row: The row; its field is text, or an array in JSON and a list, tuple or array
            of numpy in memory. A text without a character that shows is no label.
        column: Where its labels are.
        separator: What stands between labels in a text; None where a text is one label.
        is_optional: Whether it may lack the column, and so its labels.

    Raises:
        DataError: There is no such column, or one of its labels is none.
    """
    if is_optional and not row.has(column):
        return None
    value = row.value(column)
    if value is None or type(value).__name__ in label_names.MISSING_TYPES:
        return None
    found = [_label_among(part, row, column) for part in _each(value, separator)]
    return tuple(dict.fromkeys(found))


def _each(value: object, separator: str | None) -> Sequence[object]:
    if isinstance(value, list | tuple | np.ndarray):
        return list(value)
    if not isinstance(value, str):
        return [value]
    if not value.strip():
        return []
    return [value] if separator is None else value.split(separator)


def _label_among(part: object, row: Row, column: Column) -> str:
    if part is True or part is False:
        return json.dumps(part)
    try:
        name = label_names.name_of(part.strip() if isinstance(part, str) else part)
    except ValueError as error:
        raise row.error(f"{column!r}: {error}") from error
    if name is None:
        raise row.error(
            f"{column!r}: an empty label name among {row.value(column)!r:.60}; expected"
            " a name between any two separators"
        )
    return name


def number_in(row: Row, column: Column, *, is_optional: bool) -> float | None:
    """Returns the number that is to be learned of a row; None where there is none.

    Args:
        row: The row.
        column: Where its number is.
        is_optional: Whether it may lack the column, and so its number.

    Raises:
        DataError: There is no such column, or what it holds is no finite number.
    """
    if is_optional and not row.has(column):
        return None
    value = row.value(column)
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    number = math.nan
    if isinstance(value, str) and (exact := label_names.number_of(value)) is not None:
        number = _rounded(exact)
    elif value is not True and value is not False and isinstance(value, numbers.Real):
        number = _rounded(value)
    if not abs(number) <= _LARGEST:
        raise row.error(
            f"{column!r}: expected a number, of at most {_LARGEST:.3g}; got"
            f" {value!r:.60}"
        )
    return number


def _rounded(value: numbers.Real) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _refuse_several_columns(row: Row, column: Column) -> None:
    names = str(column).split(",")
    if len(names) > 1 and all(map(row.has, names)):
        raise row.error(
            f"{column!r} names {len(names)} columns, where one holds the label."
            f" {label_names.SEVERAL} {names[0]!r} alone is such a column."
        )


def count(examples: Iterable[InputExample]) -> Counter[str]:
    """Counts the examples of each label; those without one are left out."""
    return Counter(label for each in examples for label in each.label_set or ())


def refuse_other_than_classes(counts: Mapping[str, int], *, path: str) -> None:
    """Refuses labels that are not meant as classes.

    Args:
        counts: Label -> how many training rows have it.
        path: Where they are from.

    Raises:
        DataError: The labels look like scores, or each like several.
    """
    if _are_scores(counts):
        raise DataError(
            f"the labels look like scores: {len(counts)} different numbers in"
            f" {sum(counts.values())} rows,"
            f" {_some(label_names.in_order(counts))}. That is regression, which"
            " --objective=regression trains. For classes round them to a few; if each"
            " number is a class, name them all by --labels.",
            path=path,
        )
    if several := _several(counts):
        raise DataError(
            f"the labels look like several each: {_some(several)}."
            f" {label_names.SEVERAL} If each is one class, name them all by --labels,"
            " in quotes where they hold a comma.",
            path=path,
        )


def _are_scores(counts: Mapping[str, int]) -> bool:
    """Whether labels are numbers, some not by halves, and too many or each too rare."""
    values = [label_names.number_of(label) for label in counts]
    fine = [number for number in values if number is not None and not _is_half(number)]
    if None in values or not fine:
        return False
    are_rare = len(counts) > 3 and sum(counts.values()) < 2 * len(counts)
    return len(counts) >= _MANY_NUMBERS or are_rare


def _is_half(number: Fraction) -> bool:
    return number.denominator in {1, 2}


def _several(labels: Collection[str]) -> list[str]:
    """Returns labels that look like several; none where they look like classes."""
    inner = {label: label.strip("[](){} ") for label in labels}
    lists = [label for label in labels if label[0] + label[-1] in {"[]", "()", "{}"}]
    if len(lists) == len(labels) and any(map(_QUOTES.search, lists)):
        return lists
    for separator in _SEPARATORS:
        parts = {label: _parts(text.split(separator)) for label, text in inner.items()}
        if found := _of_shared_parts(parts):
            return found
    if all(map(_INTEGERS.fullmatch, inner.values())):
        return _of_shared_parts({label: text.split() for label, text in inner.items()})
    return []


def _parts(texts: Iterable[str]) -> list[str]:
    return [text.strip() for text in texts if text.strip()]


def _of_shared_parts(parts: Mapping[str, Sequence[str]]) -> list[str]:
    """Returns the labels of several parts, where most such consist of others' parts.

    `Arts, Culture` beside `Sports` is a name with a comma; `a,b` beside `a` and `b` is
    two labels.

    Args:
        parts: Label -> what it is made of.
    """
    uses = Counter(part for made_of in parts.values() for part in set(made_of))
    composed = {label: made_of for label, made_of in parts.items() if len(made_of) > 1}
    shared = [made_of for made_of in composed.values() if _all_shared(made_of, uses)]
    if 2 * len(shared) < len(composed) or _is_grid(list(parts.values())):
        return []
    return list(composed)


def _all_shared(made_of: Iterable[str], uses: Mapping[str, int]) -> bool:
    return all(uses[part] > 1 for part in made_of)


def _is_grid(rows: Sequence[Sequence[str]]) -> bool:
    """Whether each part has its place, as in `food|good`, `food|bad`, `staff|good`."""
    if len({len(row) for row in rows}) > 1:
        return False
    columns = [set(column) for column in zip(*rows, strict=True)]
    return sum(map(len, columns)) == len(set().union(*columns))


def _some(labels: Sequence[str]) -> str:
    shown = ", ".join(map(repr, labels[:_SHOWN]))
    return shown if len(labels) <= _SHOWN else f"{shown} and others"
