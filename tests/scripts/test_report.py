"""The script, as it is called."""

import subprocess
import sys

import pytest

from tests.scripts.conftest import ROOT

HEAD = "guid\tgold\tpredicted\tprobability\ttext\n"


@pytest.fixture
def folders(tmp_path):
    """Two runs' folders with one answer each."""
    for name, label in (("one", "hot"), ("two", "cold")):
        (tmp_path / name).mkdir()
        row = f"a\thot\t{label}\t0.5\t<script>\n"
        (tmp_path / name / "predictions.tsv").write_text(HEAD + row)
    return str(tmp_path / "one"), str(tmp_path / "two")


def call(*words):
    done = subprocess.run(
        [sys.executable, "scripts/report.py", *words],
        cwd=ROOT,
        env={"PYTHONPATH": ROOT, "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def test_one_run(folders, tmp_path):
    code, _, log = call(folders[0])
    assert (code, log) == (0, f"Report: {folders[0]}/report.html\n")
    page = (tmp_path / "one/report.html").read_text(encoding="utf-8")
    assert "&lt;script&gt;" in page


def test_two_runs(folders, tmp_path):
    code, said, _ = call(*folders, f"--output={tmp_path}/page.html")
    assert code == 0
    assert "test accuracy: 1.0000 and 0.0000, difference -1.0000" in said
    assert "p = 1" in said
    assert "<title>one and two</title>" in (tmp_path / "page.html").read_text()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "RUN is missing: name it beside the flags."),
        (["a", "b", "c"], "c: no flag takes this."),
        (["/nowhere"], "/nowhere: expected the folder of a run"),
    ],
)
def test_what_cannot_be_meant_is_said(words, message):
    code, _, log = call(*words)
    assert code == 1
    assert message in log
    assert "Traceback" not in log
