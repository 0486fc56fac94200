"""What a check of the environment found, as a line to read and as JSON."""

from __future__ import annotations

import dataclasses
import enum
import json
from collections.abc import Mapping, Sequence
from typing import Any

from runtime.devices.placement import Accelerator, Backend
from runtime.settings import setting


class Verdict(enum.Enum):
    """How a check ended."""

    OK = "ok"
    NOTE = "note"
    PROBLEM = "PROBLEM"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Finding:
    """What one check found.

    Attributes:
        check: What was checked, in a word.
        verdict: OK, NOTE (a run works, but perhaps not as wished) or PROBLEM.
        found: What was found, in a sentence.
        remedy: What to do about it; empty where there is nothing to do.
        details: The same in values, for programs.
    """

    check: str
    verdict: Verdict
    found: str
    remedy: str = ""
    details: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, kw_only=True)
class DoctorSettings:
    """What to check."""

    output_dir: str | None = setting(
        None,
        path=True,
        help="Folder or gs:// path that a run is to write to, to check as well.",
    )
    accelerator: Accelerator = setting(Accelerator.AUTO, help="What to run on.")
    backend: Backend = setting(Backend.AUTO, help="What to run with.")
    json: bool = setting(False, help="Print one JSON object instead of lines.")


def is_usable(findings: Sequence[Finding]) -> bool:
    """Whether a run can work: no finding is a problem."""
    return not any(finding.verdict is Verdict.PROBLEM for finding in findings)


def as_line(finding: Finding) -> str:
    """A line for people, and below it what to do.

    Neither is wrapped: the commands in them are there to be copied.
    """
    line = f"{finding.verdict.value:<8} {finding.check:<12} {finding.found}"
    return f"{line}\n{'':<21} -> {finding.remedy}" if finding.remedy else line


def as_summary(findings: Sequence[Finding]) -> str:
    """The last line for people."""
    count = sum(finding.verdict is Verdict.PROBLEM for finding in findings)
    if not count:
        return "Usable."
    plural = "problem" if count == 1 else "problems"
    return f"Not usable: {count} {plural}, see above."


def as_json(findings: Sequence[Finding]) -> str:
    """One JSON object: `usable` and the list `findings`."""
    listed = [
        {**dataclasses.asdict(finding), "verdict": finding.verdict.name.lower()}
        for finding in findings
    ]
    report = {"usable": is_usable(findings), "findings": listed}
    return json.dumps(report, ensure_ascii=False, indent=2)
