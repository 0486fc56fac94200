"""Programs that take turns on one machine, so that its noise falls on all of them.

Each runs in a process of its own and waits while the others work. A benchmark calls
`measure`, which starts it again for every program with `--worker=NAME`; there it calls
`serve`.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence

Measured = dict[str, list[list[float]]]
"""`program, way` to the numbers of each round: seconds first."""

_ANSWER = "measured "


def measure(
    programs: Mapping[str, Sequence[str]],
    *,
    flags: Sequence[str],
    rounds: int,
    untimed: int = 1,
) -> Measured:
    """Times programs in turns.

    Args:
        programs: Program to the ways in which it works.
        flags: Of the workers, beside those of this process.
        rounds: Rounds that count.
        untimed: Rounds before these.

    Returns:
        The numbers; a program that could not start has none.
    """
    workers = {name: _start(name, flags) for name in programs}
    found: Measured = {}
    for number in range(untimed + rounds):
        for name, ways in programs.items():
            for way in ways:
                numbers = _ask(workers[name], way)
                if numbers and number >= untimed:
                    found.setdefault(f"{name}, {way}", []).append(numbers)
    for worker in workers.values():
        worker.terminate()
        worker.wait()
    missing = [name for name in programs if not any(name in row for row in found)]
    if missing:
        print(f"not installed here: {', '.join(missing)}")
    return found


def serve(work: Callable[[str], Sequence[float]]) -> None:
    """Does the work of one program whenever it is its turn.

    Args:
        work: A way of working to seconds and any other numbers.
    """
    for line in sys.stdin:
        print(_ANSWER, *work(line.strip()), flush=True)


def seconds_of(work: Callable[[], object]) -> float:
    """How long a call takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _start(name: str, flags: Sequence[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *sys.argv, f"--worker={name}", *flags],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def _ask(worker: subprocess.Popen[str], way: str) -> list[float]:
    if worker.poll() is not None or worker.stdin is None or worker.stdout is None:
        return []
    try:
        worker.stdin.write(way + "\n")
        worker.stdin.flush()
    except BrokenPipeError:
        return []
    for line in worker.stdout:
        if line.startswith(_ANSWER):
            return [float(number) for number in line.removeprefix(_ANSWER).split()]
    return []
