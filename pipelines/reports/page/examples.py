"""Examples on a page: what was read, what is right and what was answered."""

from __future__ import annotations

from collections.abc import Sequence

from pipelines.reports.page.answered import Row
from pipelines.reports.page.markup import Html, element, text_of_data, together
from processors.labels.targets import Targets

_SHOWN_CHARACTERS = 300
_KEPT_CHARACTERS = 20_000
_NONE = "(none)"


def listed(rows: Sequence[Row], *, targets: Targets, opening: bool = False) -> Html:
    """Examples one below the other.

    Args:
        rows: The examples.
        targets: What answers are.
        opening: Whether long texts can be opened; else only their beginning is there.
    """
    return together(_example(row, targets=targets, opening=opening) for row in rows)


def answer(labels: Sequence[str]) -> Html:
    """A label, several or a number, or that there is none."""
    return text_of_data(", ".join(labels)) if labels else element("i", _NONE)


def _example(row: Row, *, targets: Targets, opening: bool) -> Html:
    sure = "off by" if targets is Targets.NUMBER else "probability"
    parts: list[str] = [text_of_data(row.guid), ": gold ", answer(row.gold)]
    parts += [", predicted ", answer(row.predicted)]
    if row.sureness == row.sureness:  # of a number without its gold it is NaN
        parts.append(f", {sure} {row.sureness:.3f}")
    return element(
        "div",
        element("p", *parts, class_="note"),
        element("div", shortened(row.text, opening=opening)),
        class_="example",
    )


def shortened(text: str, *, opening: bool) -> Html:
    """A text; of a long one the beginning.

    Args:
        text: The text.
        opening: Whether the rest is there, too, where one asks for it.
    """
    if not text.strip():
        return element("i", f"(nothing to see: {len(text)} characters)")
    if len(text) <= _SHOWN_CHARACTERS:
        return text_of_data(text)
    begun = text_of_data(f"{text[:_SHOWN_CHARACTERS]} …")
    if not opening:
        return together([begun, element("i", f" ({len(text):,} characters)")])
    kept = text_of_data(text[_SHOWN_CHARACTERS:_KEPT_CHARACTERS])
    note = "" if len(text) <= _KEPT_CHARACTERS else f" … ({_KEPT_CHARACTERS:,} shown)"
    summary = element("summary", f"The rest of {len(text):,} characters")
    return together([begun, element("details", summary, kept, note, class_="all")])
