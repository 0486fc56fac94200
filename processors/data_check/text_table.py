"""Tables of plain text that line up on a terminal, Japanese among them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from rich.cells import cell_len


def aligned(
    table: Sequence[Sequence[str]], *, left: int = 1, least: Sequence[int] = ()
) -> str:
    """Returns the rows as lines, columns under each other.

    Args:
        table: Rows of as many cells each.
        left: How many of the first columns are aligned to the left; the others right.
        least: Least widths of the first columns, in cells of a terminal.
    """
    needed = [max(map(cell_len, column)) for column in zip(*table, strict=True)]
    widths = list(map(max, itertools.zip_longest(needed, least, fillvalue=0)))
    lines = []
    for row in table:
        cells = []
        for place, (text, width) in enumerate(zip(row, widths, strict=True)):
            room = " " * (width - cell_len(text))
            cells.append(text + room if place < left else room + text)
        lines.append("  ".join(cells).rstrip(" ") + "\n")
    return "".join(lines)
