"""A confusion matrix whose cells open the examples in them, without any script."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence

import numpy as np

from pipelines.reports.page import examples
from pipelines.reports.page.answered import Answered, Row
from pipelines.reports.page.markup import Html, element, table, text_of_data, together
from processors.labels.targets import Targets

MOST_LABELS = 30  # in a matrix; of more the most frequent confusions are listed
_MOST_EXAMPLES = 1500
_MOST_A_CELL, _LEAST_A_CELL = 20, 2
_MOST_CONFUSIONS = 50
_KINDS = ("both", "gold only", "predicted only")

Place = tuple[int, int]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cells:
    """Counts, and which examples are counted.

    Attributes:
        rows: What stands before each row.
        columns: What stands above each column.
        counts: int `[rows, columns]`.
        right: The cells of right answers.
        examples: Those in each cell; none where only counts are known.
        targets: What an answer is.
    """

    rows: Sequence[str]
    columns: Sequence[str]
    counts: np.ndarray
    right: frozenset[Place]
    examples: Mapping[Place, Sequence[Row]]
    targets: Targets


def of_split(split: Answered) -> Cells:
    """The cells of a labelled split.

    Args:
        split: Each example with one label or several.
    """
    found: dict[Place, list[Row]] = {}
    places = {label: place for place, label in enumerate(split.labels)}
    for row in split.rows:
        for place in _places(row, split=split, places=places):
            found.setdefault(place, []).append(row)
    one = split.targets is Targets.LABEL
    columns = split.labels if one else _KINDS
    counts = np.zeros((len(split.labels), len(columns)), np.int64)
    for place, rows in found.items():
        counts[place] = len(rows)
        rows.sort(key=lambda row: -row.sureness)
    right = [(n, n if one else 0) for n in range(len(split.labels))]
    return Cells(
        rows=split.labels,
        columns=columns,
        counts=counts,
        right=frozenset(right),
        examples=found,
        targets=split.targets,
    )


def of_text(text: str) -> Cells | None:
    """The counts of a confusion_matrix.txt of one label a text; None of another.

    Args:
        text: As `report.write_confusion_matrix` writes it.
    """
    lines = text.splitlines()[3:-1]
    found = [line.split()[-len(lines) - 1 : -1] for line in lines]
    if not lines or not all(cell.isdecimal() for row in found for cell in row):
        return None
    names = [re.sub(rf"(\s+\d+){{{len(lines) + 1}}}$", "", line) for line in lines]
    numbered = all(name.startswith(f"{n} ") for n, name in enumerate(names))
    if numbered:
        names = [name.partition(" ")[2] for name in names]
    if any(len(row) != len(lines) for row in found):
        return None
    return Cells(
        rows=names,
        columns=names,
        counts=np.array(found, np.int64),
        right=frozenset((n, n) for n in range(len(lines))),
        examples={},
        targets=Targets.LABEL,
    )


def shown(cells: Cells, *, name: str) -> Html:
    """The matrix, and below it the examples of each cell, of which one is open.

    Args:
        cells: The counts.
        name: What the cells are told from those of others on the page by.
    """
    filled = len(cells.examples)
    share = _MOST_EXAMPLES // max(1, filled)
    most = max(_LEAST_A_CELL, min(_MOST_A_CELL, share))
    draw = _matrix if len(cells.rows) <= MOST_LABELS else _confusions
    lists = [
        _list(place, cells=cells, most=most, name=name)
        for place in sorted(cells.examples)
    ]
    return together([element("div", draw(cells, name=name), id=name), *lists])


def _places(row: Row, *, split: Answered, places: Mapping[str, int]) -> Sequence[Place]:
    if split.targets is Targets.LABEL:
        return [(places[row.gold[0]], places[row.predicted[0]])]
    gold, predicted = set(row.gold), set(row.predicted)
    kinds = (gold & predicted, gold - predicted, predicted - gold)
    return [
        (places[label], kind) for kind, labels in enumerate(kinds) for label in labels
    ]


def _matrix(cells: Cells, *, name: str) -> Html:
    head = ["gold \\ predicted", *map(text_of_data, cells.columns)]
    totals = np.maximum(cells.counts.sum(axis=1), 1)
    rows = [
        [
            element("th", text_of_data(label), scope="row", title=label),
            *(
                _cell((row, column), cells=cells, share=count / totals[row], name=name)
                for column, count in enumerate(cells.counts[row])
            ),
        ]
        for row, label in enumerate(cells.rows)
    ]
    caption = "Examples by their gold label (rows) and what was predicted (columns)."
    if cells.examples:
        caption += " A number opens its examples."
    drawn = table(head, rows, caption=caption)
    return Html(drawn.replace("<table>", '<table class="cells">', 1))


def _cell(place: Place, *, cells: Cells, share: float, name: str) -> Html:
    count = int(cells.counts[place])
    inner: str = element("span", count if count else "·")
    if place in cells.examples:
        row, column = cells.rows[place[0]], cells.columns[place[1]]
        told = f"{count}: gold {row}, predicted {column}"
        if cells.targets is Targets.LABELS:
            told = f"{count}: {row}, {column}"
        inner = element("a", count, href=f"#{_id(place, name)}", aria_label=told)
    style = f"--share:{share:.3f}"
    kind = "right" if place in cells.right else "wrong"
    return element("td", inner, class_=kind, style=style)


def _confusions(cells: Cells, *, name: str) -> Html:
    """The most frequent ones where a matrix would have too many cells."""
    wrong = [
        (row, column)
        for row, column in np.argwhere(cells.counts).tolist()
        if (row, column) not in cells.right
    ]
    wrong.sort(key=lambda place: -cells.counts[place])
    rows = [
        [
            element("td", text_of_data(cells.rows[place[0]]), class_="left"),
            element("td", text_of_data(cells.columns[place[1]]), class_="left"),
            _cell(place, cells=cells, share=0, name=name),
        ]
        for place in wrong[:_MOST_CONFUSIONS]
    ]
    caption = f"The most frequent confusions of {len(cells.rows)} labels."
    return table(["gold", "predicted", "examples"], rows, caption=caption)


def _list(place: Place, *, cells: Cells, most: int, name: str) -> Html:
    rows = cells.examples[place]
    said: list[str] = ["Gold ", text_of_data(cells.rows[place[0]]), ", predicted "]
    if cells.targets is Targets.LABELS:
        said = [text_of_data(cells.rows[place[0]]), ": "]
    title = element("h4", *said, text_of_data(cells.columns[place[1]]))
    note = f"{len(rows)} examples, the surest first"
    note += "." if len(rows) <= most else f"; {most} are shown."
    return element(
        "section",
        title,
        element("p", note, " ", element("a", "Close", href=f"#{name}"), class_="note"),
        examples.listed(rows[:most], targets=cells.targets),
        id=_id(place, name),
        class_="listed",
    )


def _id(place: Place, name: str) -> str:
    return f"{name}-{place[0]}-{place[1]}"
