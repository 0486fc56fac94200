"""What a run has answered to the examples of a split, read from its files."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

from pipelines.reports.report import text_of_cell
from processors.labels.targets import Targets
from runtime import storage
from runtime.errors import DataError

_SEPARATOR = ","
_ANSWERED = ["guid", "gold", "predicted", "probability", "text"]
_NUMBERS = ["guid", "gold", "predicted", "text"]


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """One example with its answer.

    Attributes:
        guid: Its name.
        gold: What is right: a label, labels or a number; empty where nobody says.
        predicted: The answer.
        sureness: The probability of the answer, of several labels the highest; of a
            number how far it is off.
        text: What was read.
    """

    guid: str
    gold: tuple[str, ...]
    predicted: tuple[str, ...]
    sureness: float
    text: str

    @property
    def is_right(self) -> bool:
        """Whether the answer is the right one; of a number it never says."""
        return set(self.gold) == set(self.predicted)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Answered:
    """A split with the answers to it.

    Attributes:
        name: dev, test, or what else the set is called.
        file: The file that has the answers.
        targets: What an answer is.
        labels: The task's labels in order; of a number none.
        rows: The examples in order.
    """

    name: str
    file: str
    targets: Targets
    labels: tuple[str, ...]
    rows: Sequence[Row]

    @property
    def is_labelled(self) -> bool:
        """Whether it is known what is right; of sets of labels, of any example."""
        known = [bool(row.gold) for row in self.rows]
        return (
            any(known) if self.targets is Targets.LABELS else bool(known) and all(known)
        )


def columns_of(path: str) -> list[str]:
    """The names in the first line of a table."""
    with storage.open_read(path) as file:
        return file.readline().decode("utf-8", "replace").rstrip("\n").split("\t")


def read(
    path: str, *, name: str, targets: Targets | None, labels: Sequence[str]
) -> Answered:
    """Reads a table such as predictions.tsv.

    Args:
        path: The file.
        name: What the split is called.
        targets: What answers are; None where it is to be seen from the table.
        labels: The task's labels in order; none where they are to be seen, too.

    Raises:
        DataError: It is no such table.
    """
    head, *lines = storage.read_text(path).split("\n")
    columns = head.split("\t")
    if columns not in (_ANSWERED, _NUMBERS):
        raise DataError(f"expected the columns {', '.join(_ANSWERED)}", path=path)
    table = [line.split("\t") for line in lines if line]
    targets = targets or _seen_targets(columns, table)
    rows = [
        _row(cells, targets=targets, place=(path, number))
        for number, cells in enumerate(table, start=2)
    ]
    return Answered(
        name=name,
        file=storage.basename(path),
        targets=targets,
        labels=tuple(dict.fromkeys([*labels, *_met(rows, targets=targets)])),
        rows=rows,
    )


def _row(cells: Sequence[str], *, targets: Targets, place: tuple[str, int]) -> Row:
    is_number = targets is Targets.NUMBER
    expected = len(_NUMBERS if is_number else _ANSWERED)
    path, line = place
    if len(cells) != expected:
        raise DataError(
            f"expected {expected} columns, found {len(cells)}", path=path, line=line
        )
    guid, gold, predicted, *others = map(text_of_cell, cells)
    try:
        if is_number:
            sureness = abs(float(predicted) - float(gold)) if gold else math.nan
        else:
            sureness = _highest(others[0])
    except ValueError as error:
        raise DataError(f"expected a number: {error}", path=path, line=line) from error
    return Row(
        guid=guid,
        gold=_answer(gold, targets=targets),
        predicted=_answer(predicted, targets=targets),
        sureness=sureness,
        text=others[-1],
    )


def _seen_targets(columns: list[str], table: Sequence[Sequence[str]]) -> Targets:
    if columns == _NUMBERS:
        return Targets.NUMBER
    place = columns.index("probability")
    told = [cells[place] for cells in table if len(cells) == len(columns)]
    several = any(not cell or _SEPARATOR in cell for cell in told)
    return Targets.LABELS if several else Targets.LABEL


def _answer(cell: str, *, targets: Targets) -> tuple[str, ...]:
    if not cell:
        return ()
    return tuple(cell.split(_SEPARATOR)) if targets is Targets.LABELS else (cell,)


def _highest(cell: str) -> float:
    return max(map(float, cell.split(_SEPARATOR))) if cell else 0.0


def _met(rows: Sequence[Row], *, targets: Targets) -> list[str]:
    """The labels that occur."""
    if targets is Targets.NUMBER:
        return []
    return sorted({label for row in rows for label in (*row.gold, *row.predicted)})
