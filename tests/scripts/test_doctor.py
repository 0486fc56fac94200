import json
import os
import subprocess
import sys

import pytest

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
SCRIPT = os.path.join(ROOT, "scripts/doctor.py")


@pytest.fixture
def doctor(backend):
    """Runs the script on this session's backend."""

    def run(*flags):
        return subprocess.run(
            [sys.executable, SCRIPT, f"--backend={backend.value}", *flags],
            env={**os.environ, "PYTHONPATH": ROOT},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_a_usable_environment(doctor, tmp_path):
    done = doctor("--accelerator=cpu", f"--output_dir={tmp_path}")
    assert done.returncode == 0, done.stdout
    *lines, last = done.stdout.splitlines()
    assert last == "Usable."
    checks = [line.split()[1] for line in lines if not line.startswith(" ")]
    assert checks == [
        "python",
        "packages",
        "versions",
        "tensorflow",
        "output_dir",
        "font",
        "devices",
        "speed",
    ]


@pytest.mark.slow
def test_one_json_object_and_exit_code_1(doctor, tmp_path):
    (tmp_path / "file").touch()
    done = doctor("--json", "--accelerator=tpu", f"--output_dir={tmp_path}/file")
    assert done.returncode == 1
    report = json.loads(done.stdout)
    assert report["usable"] is False
    problems = {
        finding["check"]
        for finding in report["findings"]
        if finding["verdict"] == "problem"
    }
    assert problems == {"output_dir", "devices"}


def test_a_flag_that_does_not_exist(doctor):
    done = doctor("--outputdir=x")
    assert done.returncode == 1
    assert done.stdout == ""
