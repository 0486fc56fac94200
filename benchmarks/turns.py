"""Programs that take turns on one machine, so that its noise falls on all of them.

Each runs in a process of its own and waits while the others work. A benchmark calls
`measure`, which starts it again for every program with `--worker=NAME`; there it calls
`serve`. Programs that can share a process go through `measure_here`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from typing import IO, TypeVar

import tables

_ANSWER = "measured "
_ERROR = re.compile(r"[\w.]*(Error|Exception)\b")

T = TypeVar("T")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Turn:
    """What a program says of one turn.

    Attributes:
        seconds: That it took.
        count: What it did, in the table's unit.
        result: What it computed, as text: of it the digest is made.
        more: Heading to any other number.
    """

    seconds: float
    count: float = 1
    result: str = ""
    more: Mapping[str, float] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Measured:
    """Rows named `program, way`, and programs that are missing, with the reason."""

    rows: list[tables.Row]
    missing: dict[str, str]


def take(
    work: Callable[[], T], *, count: float = 1, result: Callable[[T], str] | None = None
) -> Turn:
    """Times a call.

    Args:
        work: What is timed.
        count: What it does, in the table's unit.
        result: Makes text of what the call returned.
    """
    start = time.perf_counter()
    found = work()
    seconds = time.perf_counter() - start
    return Turn(seconds=seconds, count=count, result=result(found) if result else "")


def measure(
    programs: Mapping[str, Sequence[str]],
    *,
    flags: Sequence[str],
    rounds: int,
    untimed: int = 1,
) -> Measured:
    """Times programs in turns, each in its process.

    Args:
        programs: Program to the ways in which it works.
        flags: Of the workers, beside those of this process.
        rounds: Rounds that count.
        untimed: Rounds before these.
    """
    workers = {name: _Worker(name, flags) for name in programs}
    found: dict[str, list[Turn]] = {}
    for _ in range(untimed + rounds):
        for name, ways in programs.items():
            for way in ways:
                turn = workers[name].ask(way)
                if turn:
                    label = f"{name}, {way}" if way else name
                    found.setdefault(label, []).append(turn)
    missing = {name: why for name, each in workers.items() if (why := each.end())}
    whole = {n: turns for n, turns in found.items() if len(turns) == untimed + rounds}
    return Measured([_row(n, whole[n], untimed=untimed) for n in whole], missing)


def measure_here(
    programs: Mapping[str, Callable[[], Turn]], *, rounds: int, untimed: int = 1
) -> list[tables.Row]:
    """Times programs in turns, in this process."""
    found: dict[str, list[Turn]] = {name: [] for name in programs}
    for _ in range(untimed + rounds):
        for name, program in programs.items():
            found[name].append(program())
    return [_row(name, turns, untimed=untimed) for name, turns in found.items()]


def serve(work: Callable[[str], Turn]) -> None:
    """Does the work of one program whenever it is its turn.

    Args:
        work: A way of working to what its turn took.
    """
    for line in sys.stdin:
        said = json.dumps(dataclasses.asdict(work(line.strip())))
        print(_ANSWER + said, flush=True)


def reason(said: str) -> str:
    """The line of a program's last words that names its error; else the last one."""
    lines = said.strip().splitlines()
    errors = [line for line in lines if _ERROR.match(line)]
    return [*lines[-1:], *errors[-1:]][-1] if lines else ""


def _row(name: str, turns: Sequence[Turn], *, untimed: int) -> tables.Row:
    """A row of the timed turns; the digest is of what all have computed."""
    results = dict.fromkeys(turn.result for turn in turns)
    last = turns[-1]
    return tables.Row(
        name=name,
        seconds=[turn.seconds for turn in turns[untimed:]],
        count=last.count,
        digest=tables.digest("\n".join(results)),
        more=last.more,
    )


class _Worker:
    """The process of a program."""

    def __init__(self, name: str, flags: Sequence[str]) -> None:
        self._has_ended = False
        self._said: IO[str] = tempfile.TemporaryFile("w+")  # noqa: SIM115 - until end()
        self._process = subprocess.Popen(
            [sys.executable, *sys.argv, f"--worker={name}", *flags],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            text=True,
        )

    def ask(self, way: str) -> Turn | None:
        """Gives it its turn; returns nothing if it has ended."""
        if self._has_ended:
            return None
        with contextlib.suppress(BrokenPipeError):
            print(way, file=self._process.stdin, flush=True)
            for line in self._process.stdout or ():
                if line.startswith(_ANSWER):
                    return Turn(**json.loads(line.removeprefix(_ANSWER)))
        self._has_ended = True
        return None

    def end(self) -> str:
        """Ends it; returns why it had ended before, or nothing."""
        self._process.terminate()
        code = self._process.wait()
        if not self._has_ended:
            return ""
        self._said.seek(0)
        with self._said as file:
            return reason(file.read()) or f"exit code {code}"
