"""The one table that every benchmark prints, and the digests in it.

With `--json=FILE` each table is also added to that file, a line of JSON:
benchmarks/run.py reads them.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import statistics
from collections.abc import Iterable, Mapping

import numpy as np
from absl import flags

_JSON = flags.DEFINE_string("json", None, "File that a line a table is added to.")

_DIGITS = 12
_WHOLE = 1000


@dataclasses.dataclass(frozen=True, kw_only=True)
class Row:
    """What one program took.

    Attributes:
        name: The program.
        seconds: Of each round that counts.
        count: What it did in a round, in the table's unit.
        digest: Of what it computed; "" where nothing can be said about that.
        more: Heading to any other number.
    """

    name: str
    seconds: list[float]
    count: float = 1
    digest: str = ""
    more: Mapping[str, float] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Spread:
    """The median of some rounds, the least and the greatest."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        """The spread of these."""
        found = list(values)
        return cls(statistics.median(found), min(found), max(found))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Table:
    """Programs that did the same work.

    Attributes:
        title: What they did.
        rows: The programs.
        unit: What a row's count counts, in the plural.
        beside: Names of rows: the first that is there is what others are compared with.
        missing: Programs that could not run, each with the reason.
    """

    title: str
    rows: list[Row]
    unit: str = "rounds"
    beside: tuple[str, ...] = ()
    missing: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @classmethod
    def from_json(cls, line: str) -> Table:
        """The table that such a line holds."""
        told = json.loads(line)
        told["rows"] = [Row(**row) for row in told["rows"]]
        return cls(**told)

    @property
    def peer(self) -> Row | None:
        """The row that the others are compared with."""
        named = {row.name: row for row in self.rows}
        return next((named[name] for name in self.beside if name in named), None)

    def speed(self, row: Row) -> Spread | None:
        """How many times as fast as the peer a row is, round by round."""
        peer = self.peer
        if peer is None or peer is row:
            return None
        times = zip(peer.seconds, row.seconds, strict=False)
        share = row.count / peer.count
        return Spread.of(share * theirs / own for theirs, own in times)


def show(table: Table) -> None:
    """Prints a table, and adds it to the file of `--json`."""
    print(f"\n{text(table)}", flush=True)
    if _JSON.value:
        with open(_JSON.value, "a", encoding="utf-8") as file:
            file.write(json.dumps(dataclasses.asdict(table), ensure_ascii=False) + "\n")


def text(table: Table) -> str:
    """A table in columns."""
    others = list(dict.fromkeys(name for row in table.rows for name in row.more))
    heads = ["ms median", "ms min", f"{table.unit}/s", "x", *others, "digest"]
    lines = [["", *heads], *([row.name, *_cells(row, table)] for row in table.rows)]
    for line, row in zip(lines[1:], table.rows, strict=True):
        line[-1:-1] = [f"{row.more[n]:.6g}" if n in row.more else "" for n in others]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    shown = [
        "  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])])
        for line in lines
    ]
    peer = table.peer
    notes = [f"x: times as fast as {peer.name}"] if peer else []
    notes += [f"left out: {name}: {why}" for name, why in table.missing.items()]
    return "\n".join([table.title, *shown, *notes])


def _cells(row: Row, table: Table) -> list[str]:
    seconds, speed = Spread.of(row.seconds), table.speed(row)
    return [
        number(seconds.median * 1e3),
        number(seconds.low * 1e3),
        number(row.count / seconds.median),
        f"{speed.median:.2f}" if speed else "",
        row.digest,
    ]


def number(value: float) -> str:
    """A number with four digits, or all that stand before its point."""
    return f"{value:.4g}" if abs(value) < _WHOLE else f"{value:.0f}"


# -- digests --------------------------------------------------------------------------


def digest(result: object) -> str:
    """Twelve digits that another result would change; "" of nothing.

    Args:
        result: Text, or something that says all of itself as text.
    """
    said = str(result)
    return hashlib.sha256(said.encode()).hexdigest()[:_DIGITS] if said else ""


def of_ids(ids: Iterable[Iterable[int]]) -> str:
    """The digest of token ids, text by text."""
    return digest("\n".join(" ".join(map(str, row)) for row in ids))


def of_scores(scores: np.ndarray) -> str:
    """The digest of numbers, rounded to three decimals; -0 is 0."""
    return digest((np.round(scores, 3) + 0.0).tolist())


def of_losses(losses: np.ndarray) -> str:
    """Losses with six digits, as text."""
    return " ".join(f"{loss:.6g}" for loss in losses.ravel())
