"""Saves that are killed at any instant leave a state that can be read."""

import json
import os
import subprocess
import sys

import pytest

from runtime import checkpoints, storage

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))


def survive(directory, *, kills, seconds):
    """Returns the newest safe step after each kill."""
    program = os.path.join(ROOT, "tests/runtime/killed_saves.py")
    done = subprocess.run(
        [sys.executable, program, directory, str(kills), str(seconds)],
        env={**os.environ, "PYTHONPATH": ROOT},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def steps_left(directory):
    return set(checkpoints.list_steps(directory))


@pytest.mark.parametrize("kills", [10, pytest.param(200, marks=pytest.mark.slow)])
def test_on_a_disk(tmp_path, kills):
    directory = str(tmp_path / "checkpoints")
    newest = survive(directory, kills=kills, seconds=0.15)
    assert len(newest) == kills
    assert newest == sorted(newest)
    assert newest[-1] >= kills // 4
    marks = {step for step in steps_left(directory) if step % 50 == 0}
    assert marks == set(range(50, max(steps_left(directory)) + 1, 50))


@pytest.mark.parametrize("kills", [3, pytest.param(50, marks=pytest.mark.slow)])
def test_in_a_bucket(fake_bucket, kills):
    directory = "gs://my-bucket/run/checkpoints"
    newest = survive(directory, kills=kills, seconds=2)
    assert len(newest) == kills
    assert newest == sorted(newest)
    last = checkpoints.load_newest(directory).step
    assert last >= newest[-1]
    assert no_manifest_before_its_files(fake_bucket)
    assert storage.list_dir("gs://my-bucket/run") == ["checkpoints"]


def no_manifest_before_its_files(server):
    """Whether each manifest came after the files that it vouches for."""
    written = {}
    for request in server.log:
        if not request.changed or request.operation not in {"create", "part"}:
            continue
        folder, _, name = request.name.rpartition("/")
        there = written.setdefault(folder, set())
        if name == "manifest.json" and len(there) < 3:
            return False
        if name not in {"manifest.json", "unfinished.json"}:
            there.add(name)
    return True
