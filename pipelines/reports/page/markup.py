"""HTML made so that a text stays a text: what is not `Html` is escaped."""

from __future__ import annotations

import html
from collections.abc import Iterable


class Html(str):
    """Markup, which goes into a page as it is."""

    __slots__ = ()


def element(name: str, *content: str | int, **attributes: str | int) -> Html:
    """An element with what it holds.

    Args:
        name: Such as `p`.
        content: Markup as it is; anything else as text.
        attributes: `class_` is written `class`, `aria_label` `aria-label`.
    """
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(str(value))}"'
        for key, value in attributes.items()
    )
    return Html(f"<{name}{given}>{together(content)}</{name}>")


def together(parts: Iterable[str | int]) -> Html:
    """Parts one after the other: markup as it is, anything else as text."""
    return Html("".join(map(_as_markup, parts)))


def text_of_data(text: str) -> Html:
    """A text of strangers, which turns no writing around it from right to left."""
    return element("bdi", text, class_="text")


def table(
    head: Iterable[str | int], rows: Iterable[Iterable[str | int]], *, caption: str = ""
) -> Html:
    """A table whose rows begin with what they are of, to be scrolled where it is wide.

    Args:
        head: Of its columns.
        rows: Cells; one that is a `td` or `th` already is taken as it is.
        caption: What it shows.
    """
    above = element("tr", *(element("th", cell, scope="col") for cell in head))
    found = [
        element(
            "tr", *(_cell(cell, first=place == 0) for place, cell in enumerate(row))
        )
        for row in rows
    ]
    titles = [element("caption", caption)] if caption else []
    inner = element("table", *titles, element("thead", above), element("tbody", *found))
    return element("div", inner, class_="wide", tabindex=0)


def _cell(content: str | int, *, first: bool) -> Html:
    if isinstance(content, Html) and content.startswith(("<td", "<th")):
        return content
    return element("th", content, scope="row") if first else element("td", content)


def _as_markup(part: str | int) -> str:
    return part if isinstance(part, Html) else html.escape(str(part))
