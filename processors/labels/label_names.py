"""The names of a data set's classes: what is one, their order, which are alike."""

from __future__ import annotations

import math
import numbers
import re
import unicodedata
from collections.abc import Collection, Iterable
from fractions import Fraction

import numpy as np

from runtime.errors import SettingsError

SEVERAL = (
    "That is multi-label data: --multi_label trains on it. Without, keep one label a"
    " text, or write a column of 0 and 1 for each and train on one column at a time."
)

MISSING_TYPES = {"NAType", "NaTType"}
"""What pandas has for a missing value, besides NaN and None; it is not imported here.
"""
# What programs write for a missing value where they write one at all.
_MISSING_NAMES = {
    "#N/A",
    "<NA>",
    "N/A",
    "NULL",
    "NaN",
    "NaT",
    "None",
    "nan",
    "null",
}
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")


def name_of(value: object) -> str | None:
    """Returns the label that a value is, as text.

    A whole number is written without a fraction, so that 1 and 1.0 are one label: where
    values are missing, pandas makes floats of integers.

    Args:
        value: Text, a number or a truth value of Python or numpy, or a missing value.

    Returns:
        The label; None for None, NaN, pandas' NA, and text that shows nothing.

    Raises:
        ValueError: The value is none of these.
    """
    if isinstance(value, str):
        return str.__str__(value) if any(map(_shows, value)) else None
    if value is None or type(value).__name__ in MISSING_TYPES:
        return None
    if isinstance(value, bool | np.bool_):
        return str(bool(value))
    if isinstance(value, numbers.Integral):
        return str(int(value))
    if isinstance(value, numbers.Real) and math.isnan(value):
        return None
    if isinstance(value, numbers.Real) and math.isfinite(value):
        number = float(value)
        return str(int(number) if number.is_integer() else value)
    if isinstance(value, list | tuple | dict | set | np.ndarray):
        raise ValueError(f"expected one label, got {value!r:.60}. {SEVERAL}")
    raise ValueError(f"expected a label, text or a number, got {value!r:.60}")


def checked(labels: Iterable[object], *, task: str) -> tuple[str, ...]:
    """Returns labels that someone has named, as text.

    Args:
        labels: Text or numbers, in the order of the outputs.
        task: Whose labels they are.

    Raises:
        SettingsError: One is empty, is no label or is named more than once.
    """
    names: list[str] = []
    for label in labels:
        try:
            name = name_of(label)
        except ValueError as error:
            raise SettingsError(f"The labels of {task}: {error}") from error
        if name is None:
            raise SettingsError(
                f"The labels of {task}: {label!r} is empty; a class needs a name."
            )
        if name in names:
            raise SettingsError(f"The labels of {task}: {name!r} is named twice.")
        names.append(name)
    return tuple(names)


def in_order(labels: Iterable[str]) -> tuple[str, ...]:
    """Returns labels in the order of numbers where all are numbers, else of text."""
    found = {label: number_of(label) for label in labels}
    numbers = [(value, label) for label, value in found.items() if value is not None]
    if len(numbers) == len(found):
        return tuple(label for _, label in sorted(numbers))
    return tuple(sorted(found))


def number_of(label: str) -> Fraction | None:
    """Returns the number that a label is; None where it is none."""
    text = unicodedata.normalize("NFKC", label).strip()
    return Fraction(text) if _NUMBER.fullmatch(text) else None


def remarks(labels: Collection[str]) -> list[str]:
    """Returns a sentence on labels that may be meant as one, or that may mean none."""
    alike: dict[str, list[str]] = {}
    for label in labels:
        alike.setdefault(_form_of(label), []).append(label)
    found = [
        f"The labels {_listed(group)} are alike but for case, width, white space,"
        " Unicode form or how a number is written; each is a class of its own. Write"
        " them alike if they are one."
        for group in alike.values()
        if len(group) > 1
    ]
    missing = [label for label in labels if label.strip() in _MISSING_NAMES]
    return found + [
        f"The label {label!r} is what programs write for a missing value, and here it"
        " is a class. Empty its cells if it is none."
        for label in missing
    ]


def unknown(label: str, *, labels: Collection[str], task: str) -> str:
    """Returns the sentence that a label is none of a task's.

    Args:
        label: The label.
        labels: The task's.
        task: Its name.
    """
    form = _form_of(label)
    alike = [repr(other) for other in labels if _form_of(other) == form]
    hint = f"; it is written otherwise than {alike[0]}" if alike else ""
    known = ", ".join(labels)
    return f"unknown label {label!r}; the labels of {task} are {known}{hint}"


def _form_of(label: str) -> str:
    """Returns a label without what seldom tells two labels apart.

    Source: Unicode's NFKC and full case folding, https://www.unicode.org/reports/tr15/.
    """
    folded = unicodedata.normalize("NFKC", label).casefold()
    text = "".join(filter(_shows, unicodedata.normalize("NFKC", folded)))
    number = number_of(text)
    return text if number is None else str(number)


def _shows(character: str) -> bool:
    """Whether a character is neither white space nor one that controls or formats."""
    return not character.isspace() and unicodedata.category(character) not in {
        "Cc",
        "Cf",
    }


def _listed(labels: Iterable[str]) -> str:
    *most, last = map(repr, labels)
    return f"{', '.join(most)} and {last}"
