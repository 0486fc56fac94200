"""What a model says of a text."""

from __future__ import annotations

import dataclasses
import html
from collections.abc import Mapping
from typing import Any

Input = str | tuple[str, str]
"""A text, or the two of a pair."""

_ROWS_SHOWN = 20


@dataclasses.dataclass(frozen=True, kw_only=True)
class Answer:
    """What a model says of one text or pair.

    Attributes:
        text: The text, or the two of the pair.
        label: The most probable label; None where a text has several, or a number.
        labels: Those of any number of labels whose probability reaches their threshold;
            None where a text has one, or a number.
        number: The number, of a regression; else None.
        probability: That of `label`; else None.
        probabilities: Of each label, in the order of the model's outputs; empty of a
            regression. In float32 they are the numbers of test_results.tsv.
    """

    text: Input
    label: str | None = None
    labels: tuple[str, ...] | None = None
    number: float | None = None
    probability: float | None = None
    probabilities: Mapping[str, float] = dataclasses.field(default_factory=dict)

    @property
    def values(self) -> list[float]:
        """What test_results.tsv has of it: the probabilities, or the number."""
        if self.number is not None:
            return [self.number]
        return list(self.probabilities.values())

    def as_json(self) -> dict[str, Any]:
        """The answer without its text, as JSON values."""
        if self.number is not None:
            return {"number": self.number}
        probabilities = dict(self.probabilities)
        if self.labels is not None:
            return {"labels": list(self.labels), "probabilities": probabilities}
        return {
            "label": self.label,
            "probability": self.probability,
            "probabilities": probabilities,
        }

    @property
    def said(self) -> str:
        """The answer in a word: the label, the labels or the number."""
        if self.number is not None:
            return str(self.number)
        return ", ".join(self.labels) if self.labels is not None else str(self.label)

    def _repr_html_(self) -> str:
        """What a notebook shows: the text, and a bar for each label."""
        return f"<p>{_shown(self.text)}: <b>{html.escape(self.said)}</b></p>" + (
            _table(map(_bar, self.probabilities, self.values))
            if self.probabilities
            else ""
        )


class Predictions(list[Answer]):
    """Answers in the order of their texts."""

    def _repr_html_(self) -> str:
        """What a notebook shows: a row for each text, the first ones of many."""
        rows = [
            f"<tr><td>{_shown(each.text)}</td><td><b>{html.escape(each.said)}</b></td>"
            f"<td>{'' if each.probability is None else f'{each.probability:.3f}'}</td>"
            "</tr>"
            for each in self[:_ROWS_SHOWN]
        ]
        more = len(self) - len(rows)
        return _table(rows) + (f"<p>and {more} more</p>" if more else "")


def _shown(text: Input) -> str:
    parts = (text,) if isinstance(text, str) else text
    return " | ".join(html.escape(part) for part in parts)


def _bar(label: str, probability: float) -> str:
    width = f"width:{100 * probability:.1f}%"
    return (
        f"<tr><td>{html.escape(label)}</td><td>{probability:.3f}</td>"
        '<td style="width:12em"><div style="background:#4a7ebb;height:.8em;'
        f'{width}"></div></td></tr>'
    )


def _table(rows: Any) -> str:
    return f"<table>{''.join(rows)}</table>"
