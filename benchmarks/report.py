"""The report of benchmarks/run.py: written as a page, and read from it again."""

from __future__ import annotations

import dataclasses
import enum
import os
import re
from collections.abc import Iterable, Mapping, Sequence

from tables import Row, Spread, Table, number

SUFFIX = "-all.md"

_SPREAD = re.compile(r"(\S+) \((\S+) to (\S+)\)")
_PROCESSOR = re.compile(r"Processor: (.+?)\.\s")
_NOTHING, _TIMES = "-", "times"
_NOT_INSTALLED = ("ModuleNotFoundError", "ImportError")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Line:
    """What a report says of one program.

    Attributes:
        milliseconds: Of its rounds.
        speed: Times as fast as its peer; None of the peer, or where there is none.
        peer: Name of the peer; "" where there is none.
        digest: Of what it computed; "" where nothing is said about that.
    """

    milliseconds: Spread
    speed: Spread | None
    peer: str
    digest: str

    @classmethod
    def of(cls, row: Row, table: Table) -> Line:
        """What will be said of a row."""
        return cls(
            milliseconds=Spread.of(1e3 * seconds for seconds in row.seconds),
            speed=table.speed(row),
            peer=table.peer.name if table.peer else "",
            digest=row.digest,
        )


Lines = Mapping[tuple[str, str], Line]
"""Heading of a table and name of a program to what is said of it."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Outcome:
    """What one benchmark came to.

    Attributes:
        name: The benchmark.
        tables: What it measured.
        left_out: Why it did not.
        has_ended: Whether it was started, and ended with an error.
    """

    name: str
    tables: tuple[Table, ...] = ()
    left_out: str = ""
    has_ended: bool = False

    @property
    def has_failed(self) -> bool:
        """Whether it ended, or a program is missing that is installed."""
        whys = (why for table in self.tables for why in table.missing.values())
        return self.has_ended or not all(why.startswith(_NOT_INSTALLED) for why in whys)


class Verdict(enum.Enum):
    """A number beside that of the last report."""

    SAME = "within noise"
    FASTER = "faster"
    SLOWER = "slower"
    ONE_ROUND = "one round: no telling"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Comparison:
    """A program now and in the last report.

    Attributes:
        verdict: Of its speed beside the peer; without a peer of its time.
        then: What the verdict is about, in the last report.
        unit: Of that: times as fast as the peer, or ms.
        has_equal_results: None where one of the two has no digest.
    """

    verdict: Verdict
    then: Spread
    unit: str
    has_equal_results: bool | None

    def __str__(self) -> str:
        results = {True: ", equal results", False: ", OTHER RESULTS", None: ""}
        return (
            f"{_said(self.then)} {self.unit}: {self.verdict.value}"
            + results[self.has_equal_results]
        )


def compare(now: Line, *, then: Line) -> Comparison:
    """Says what has changed: a speed has if no round of one is among the other's."""
    equal = now.digest == then.digest if now.digest and then.digest else None
    if now.speed and then.speed and now.peer == then.peer:
        verdict, before, unit = _verdict(now.speed, then.speed), then.speed, _TIMES
    else:
        before, unit = then.milliseconds, "ms"
        verdict = _verdict(_inverse(now.milliseconds), _inverse(before))
    return Comparison(verdict=verdict, then=before, unit=unit, has_equal_results=equal)


def _inverse(times: Spread) -> Spread:
    """Speeds of times."""
    return Spread(1 / times.median, 1 / times.high, 1 / times.low)


def _verdict(now: Spread, then: Spread) -> Verdict:
    if now.low == now.high or then.low == then.high:
        return Verdict.ONE_ROUND
    if now.low > then.high:
        return Verdict.FASTER
    return Verdict.SLOWER if now.high < then.low else Verdict.SAME


# -- reading --------------------------------------------------------------------------


def last(folder: str, *, processor: str, command: str) -> str | None:
    """The newest report of this processor and command in a folder; none is None."""
    for name in sorted(os.listdir(folder), reverse=True):
        if name.endswith(SUFFIX):
            path = os.path.join(folder, name)
            said = _read(path)
            found = _PROCESSOR.search(said)
            if found and found[1] == processor and _fence(command) in said:
                return path
    return None


def parse(path: str) -> Lines:
    """What a report says of each program."""
    found, heading, peer = {}, "", ""
    for line in _read(path).splitlines():
        cells = line.removeprefix("| ").removesuffix(" |").split(" | ")
        if line.startswith("## "):
            heading = line.removeprefix("## ")
        elif line.startswith("|  | "):
            peer = cells[3].removeprefix(_TIMES).strip()
        elif line.startswith("| ") and (milliseconds := _SPREAD.fullmatch(cells[1])):
            name, _, _, speed, digest, *_ = cells
            found[heading, name] = Line(
                milliseconds=Spread(*map(float, milliseconds.groups())),
                speed=_spread(_SPREAD.fullmatch(speed)),
                peer=peer,
                digest=digest.strip("`").replace(_NOTHING, ""),
            )
    return found


def _read(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read()


def _spread(match: re.Match[str] | None) -> Spread | None:
    return Spread(*map(float, match.groups())) if match else None


# -- writing --------------------------------------------------------------------------


def page(
    outcomes: Sequence[Outcome], *, about: str, command: str, then: str | None
) -> str:
    """The report as Markdown.

    Args:
        outcomes: What the benchmarks came to.
        about: A paragraph: when and where.
        command: What was called.
        then: Path of the last report of the same processor and command.
    """
    before = parse(then) if then else {}
    parts = ["# Every benchmark in short", about, _fence(command), _HOW]
    if then:
        parts.append(
            f"Then: {os.path.basename(then)}, of the same processor and command."
        )
    for outcome in outcomes:
        parts += [_table(outcome.name, table, before) for table in outcome.tables]
    return "\n\n".join([*parts, *_left_out(outcomes)]) + "\n"


def _fence(command: str) -> str:
    return f"```bash\n{command}\n```"


_HOW = (
    "Milliseconds of a round and times as fast as the peer beside it in the same round:"
    " median, least and\ngreatest round. A speed has changed if no round is among those"
    " of the last report. Equal digests are equal\nresults: token ids, losses of six"
    " digits, or rounded scores."
)


def _table(name: str, table: Table, before: Lines) -> str:
    heading, peer = f"{name}: {table.title}", table.peer
    heads = ["", "ms", f"{table.unit}/s", f"{_TIMES} {peer.name}" if peer else _TIMES]
    heads += ["digest", "more", *(["then"] if before else [])]
    lines = [_row(heads), _row(["---"] * len(heads))]
    for row in table.rows:
        line = Line.of(row, table)
        cells = _cells(row, line)
        if then := before.get((heading, row.name)):
            cells.append(str(compare(line, then=then)))
        elif before:
            cells.append("new")
        lines.append(_row(cells))
    return f"## {heading}\n\n" + "\n".join(lines)


def _cells(row: Row, line: Line) -> list[str]:
    return [
        row.name,
        _said(line.milliseconds),
        number(1e3 * row.count / line.milliseconds.median),
        _said(line.speed) if line.speed else _NOTHING,
        f"`{line.digest}`" if line.digest else _NOTHING,
        ", ".join(f"{n} {value:.6g}" for n, value in row.more.items()) or _NOTHING,
    ]


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _said(spread: Spread) -> str:
    return f"{number(spread.median)} ({number(spread.low)} to {number(spread.high)})"


def _left_out(outcomes: Iterable[Outcome]) -> list[str]:
    """A section that names what is missing and why, if anything is."""
    lines = []
    for outcome in outcomes:
        missing = {
            name: why for each in outcome.tables for name, why in each.missing.items()
        }
        if outcome.left_out:
            lines.append(f"- {outcome.name}: {outcome.left_out}")
        lines += [f"- {outcome.name}, {name}: {why}" for name, why in missing.items()]
    return ["## Left out", "\n".join(lines)] if lines else []
