"""One text or pair of texts with its label, as every data set hands it on."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import google_crc32c

from processors.labels import label_names
from runtime.errors import DataError

Target = str | tuple[str, ...] | float | None
"""A label, labels or a number; None where nothing is known."""


@dataclass(frozen=True, slots=True)
class InputExample:
    """A single example for sequence classification.

    Args:
        guid: Name of the example, unique in its split; reports carry it.
        text_a: The text, or the first of a pair, before tokenization.
        text_b: The second text of a pair.
        label: The label's name. None means unlabelled; no dummy stands in for it. A
            number is kept as text, and what stands for a missing value as None, for
            those who make examples of numpy's or pandas' values.
        group: What the example is a part of (its work, author, day), so that a split
            can keep together what belongs together; None where nothing is known.
        labels: Where an example has any number of labels, their names; () for none of
            them. None means unlabelled.
        number: Where a number is to be learned, that; None means unlabelled.

    Raises:
        DataError: A text is no text, or the label is no label.

    Source: InputExample of google-research/bert, run_classifier.py.
    """

    guid: str
    text_a: str
    text_b: str | None = None
    label: str | None = None
    group: str | None = None
    labels: tuple[str, ...] | None = field(default=None, kw_only=True)
    number: float | None = field(default=None, kw_only=True)

    @property
    def label_set(self) -> tuple[str, ...] | None:
        """The names of all its labels; None where it is unlabelled."""
        if self.label is not None:
            return (self.label,)
        return self.labels if self.number is None else ()

    @property
    def is_labelled(self) -> bool:
        """Whether it is known what is to be said of it."""
        return self.target is not None

    @property
    def target(self) -> Target:
        """Its label, labels or number; None where it is unlabelled."""
        if self.label is not None:
            return self.label
        return self.number if self.labels is None else self.labels

    def __post_init__(self) -> None:
        if type(self.text_a) is not str:
            object.__setattr__(self, "text_a", self._text(self.text_a))
        if not (self.text_b is None or type(self.text_b) is str):
            object.__setattr__(self, "text_b", self._text(self.text_b))
        if self.label is not None:
            object.__setattr__(self, "label", self._name(self.label))
        if self.labels is not None:
            object.__setattr__(self, "labels", self._labels(self.labels))
        if self.number is not None and not math.isfinite(self.number):
            raise DataError(
                f"Example {self.guid}: expected a finite number, got {self.number!r}."
            )

    @property
    def content(self) -> list[Any]:
        """All that is learnt from the example, as a JSON value."""
        return [self.text_a, self.text_b, self.target]

    def _text(self, value: object) -> str:
        if not isinstance(value, str):
            raise DataError(f"Example {self.guid}: expected text, got {value!r:.60}.")
        return str.__str__(value)

    def _labels(self, labels: object) -> tuple[str, ...]:
        if isinstance(labels, str) or not isinstance(labels, Iterable):
            raise DataError(
                f"Example {self.guid}: expected a tuple of labels, got {labels!r:.60}."
            )
        names = tuple(map(self._name, labels))
        if None in names:
            raise DataError(
                f"Example {self.guid}: an empty label name among {labels!r:.60}."
            )
        return tuple(name for name in dict.fromkeys(names) if name is not None)

    def _name(self, label: object) -> str | None:
        try:
            return label_names.name_of(label)
        except ValueError as error:
            raise DataError(f"Example {self.guid}: {error}") from error


def checksum(examples: Iterable[InputExample], *, after: int = 0) -> int:
    """CRC-32C of all that is learnt from some examples: their texts and labels.

    Args:
        examples: In the order of their split.
        after: That of the examples before them.
    """
    found = after
    for example in examples:
        found = google_crc32c.extend(found, json.dumps(example.content).encode())
    return int(found)
