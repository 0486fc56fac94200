"""Tables of plain text that line up on a terminal, Japanese among them."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence


def aligned(table: Sequence[Sequence[str]], *, left: int = 1) -> str:
    """Returns the rows as lines, columns under each other.

    Args:
        table: Rows of as many cells each.
        left: How many of the first columns are aligned to the left; the others right.
    """
    widths = [max(map(_width, column)) for column in zip(*table, strict=True)]
    lines = []
    for row in table:
        cells = []
        for place, (text, width) in enumerate(zip(row, widths, strict=True)):
            room = " " * (width - _width(text))
            cells.append(text + room if place < left else room + text)
        lines.append("  ".join(cells).rstrip(" ") + "\n")
    return "".join(lines)


def _width(text: str) -> int:
    """Returns the number of cells of a terminal that `text` takes.

    Source: https://www.unicode.org/reports/tr11/ (East Asian Width).
    """
    return sum(map(_character_width, text))


def _character_width(character: str) -> int:
    if unicodedata.category(character) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1
