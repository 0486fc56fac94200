"""What a report says of the machine: processor, versions, and how busy it was."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import os
import platform
import resource
import time

from runtime.devices import processor

_BFLOAT16 = ("amx_bf16", "avx512_bf16")
_VERSIONS = (
    "tensorflow",
    "tensorflow-cpu",
    "jax",
    "keras",
    "keras-hub",
    "numpy",
    "torch",
    "transformers",
    "tokenizers",
    "sentencepiece",
    "fugashi",
)
_STAT = "/proc/stat"
_NOT_BUSY = slice(3, 5)  # idle and iowait
_COUNTED = 8  # the guests' time, behind it, is in the users' as well


def described() -> str:
    """Processor, cores that this process may use, and what helps bfloat16."""
    told = processor.described(processor.CPUINFO)
    name = told.get("model name", platform.processor() or platform.machine())
    found = [flag for flag in _BFLOAT16 if flag in told.get("flags", "").split()]
    with_it = f"with {' and '.join(found)}" if found else "without AMX and AVX-512 BF16"
    count = cores()
    return f"{name}, {count} core{'s' * (count > 1)}, {with_it}"


def cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def memory() -> float:
    """The machine's, in GB."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9


def versions() -> str:
    """Of Python and of every library that is measured and installed."""
    found = [f"Python {platform.python_version()}"]
    for name in _VERSIONS:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return ", ".join(found)


@dataclasses.dataclass
class Watch:
    """How busy the machine is from now on.

    Attributes:
        first: Load when it began: programs that wanted a core, mean of a minute.
        highest: The highest load that was seen.
    """

    first: float = dataclasses.field(default_factory=lambda: os.getloadavg()[0])
    highest: float = 0

    def __post_init__(self) -> None:
        self._start = time.perf_counter(), _busy(), _own()

    def look(self) -> None:
        """Looks at the load now."""
        self.highest = max(self.highest, os.getloadavg()[0])

    def said(self) -> str:
        """The loads, and how many cores other programs used, where Linux tells it."""
        text = f"Load {self.first:.1f} when it began, {self.highest:.1f} at most"
        begun, busy, own = self._start
        if not os.path.exists(_STAT):
            return text
        others = (_busy() - busy) - (_own() - own)
        cores_used = max(others, 0) / (time.perf_counter() - begun)
        return f"{text}; other programs used {cores_used:.2f} of {os.cpu_count()} cores"


def _busy() -> float:
    """Seconds that all cores have been busy since the machine was started."""
    if not os.path.exists(_STAT):
        return 0
    with open(_STAT, encoding="utf-8") as file:
        ticks = list(map(int, file.readline().split()[1:]))[:_COUNTED]
    return (sum(ticks) - sum(ticks[_NOT_BUSY])) / os.sysconf("SC_CLK_TCK")


def _own() -> float:
    """Seconds that this process and its ended children have used."""
    used = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in used)
