import json

import pytest

from runtime.doctor import diagnosis
from runtime.doctor.diagnosis import Finding, Verdict

FINE = Finding(check="python", verdict=Verdict.OK, found="Python 3.12.1")
ODD = Finding(
    check="font", verdict=Verdict.NOTE, found="no 日本語", remedy="Install one."
)
BAD = Finding(
    check="bucket",
    verdict=Verdict.PROBLEM,
    found="not allowed to list",
    remedy="Run `a command " + "that is long " * 20 + "`.",
    details={"list": "storage.objects.list"},
)


def test_a_line():
    assert diagnosis.as_line(FINE) == "ok       python       Python 3.12.1"


def test_what_to_do_stands_below_and_can_be_copied():
    line, remedy = diagnosis.as_line(BAD).splitlines()
    assert line == "PROBLEM  bucket       not allowed to list"
    assert remedy.strip() == f"-> {BAD.remedy}"


@pytest.mark.parametrize(
    ("findings", "usable", "summary"),
    [
        ([FINE, ODD], True, "Usable."),
        ([FINE, BAD], False, "Not usable: 1 problem, see above."),
        ([BAD, ODD, BAD], False, "Not usable: 2 problems, see above."),
    ],
)
def test_only_a_problem_makes_it_unusable(findings, usable, summary):
    assert diagnosis.is_usable(findings) is usable
    assert diagnosis.as_summary(findings) == summary


def test_json():
    text = diagnosis.as_json([ODD, BAD])
    assert "日本語" in text
    report = json.loads(text)
    assert report["usable"] is False
    assert [finding["verdict"] for finding in report["findings"]] == ["note", "problem"]
    assert report["findings"][1] == {
        "check": "bucket",
        "verdict": "problem",
        "found": BAD.found,
        "remedy": BAD.remedy,
        "details": {"list": "storage.objects.list"},
    }
