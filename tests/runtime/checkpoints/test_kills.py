"""Saves that are killed or do not fit leave a state that can be read."""

import json
import os
import subprocess
import sys

import pytest

from runtime import storage
from runtime.checkpoints import checkpoints

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../../.."))


def survive(directory, *, kills, seconds):
    """Returns the newest safe step after each kill."""
    program = os.path.join(ROOT, "tests/runtime/checkpoints/killed_saves.py")
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


def crowd(*arguments, before=()):
    """Returns the step left, the folders left, and what the failure says."""
    program = os.path.join(ROOT, "tests/runtime/checkpoints/crowded_saves.py")
    done = subprocess.run(
        [*before, sys.executable, program, *arguments],
        env={**os.environ, "PYTHONPATH": ROOT},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if (before and "denied" in done.stderr) or "not permitted" in done.stderr:
        pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_file_that_is_larger_than_files_may_be(tmp_path):
    directory = str(tmp_path / "checkpoints")
    step, folders, said = crowd(directory, "1000000")
    assert step == 8  # the ninth has 1,080,000 bytes
    assert folders == [8, 9]
    assert said.startswith("QUOTA Cannot write ")
    assert "step-00000009/weights.safetensors: larger than files may be" in said
    assert [n for n in os.listdir(f"{directory}/step-00000009") if "partial" in n] == []


def test_a_disk_that_is_full(tmp_path):
    """On a file system of 2 MB, of which one checkpoint is kept."""
    mounting = 'mount -t tmpfs -o size=2m tmpfs "$0" && exec "$@"'
    step, folders, said = crowd(
        str(tmp_path / "checkpoints"),
        before=(
            "unshare",
            "--map-root-user",
            "--mount",
            "sh",
            "-c",
            mounting,
            tmp_path,
        ),
    )
    assert step >= 5
    assert folders == [step, step + 1]
    assert said.startswith("DISK_FULL Cannot write ")
    assert "no space left on the disk" in said


def steps_left(directory):
    return set(checkpoints.list_steps(directory))


@pytest.mark.parametrize("kills", [10, pytest.param(200, marks=pytest.mark.slow)])
def test_on_a_disk(tmp_path, kills):
    directory = str(tmp_path / "checkpoints")
    newest = survive(directory, kills=kills, seconds=0.3)
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


def kill_at_each_touch(folder):
    """Returns what a kill leaves, and what is left of that by the next run, of each."""
    program = os.path.join(ROOT, "tests/runtime/checkpoints/killed_stages.py")
    done = subprocess.run(
        [sys.executable, program, folder],
        env={**os.environ, "PYTHONPATH": ROOT},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_next_run_deletes_what_is_half_written(tmp_path):
    pairs = kill_at_each_touch(str(tmp_path))
    assert len(pairs) > 100
    temporaries = ("weights", "state", "manifest", "unfinished", "train.tf", "a.npy")
    for name in temporaries:
        assert any(f".{name}" in file for before, _ in pairs for file in before), name
    assert any("unfinished.json" in names_of(before) for before, _ in pairs)
    for _, after in pairs:
        assert not [file for file in after if not is_whole(file)]
        for step in ("step-00000001", "step-00000002"):
            held = [file for file in after if step in file]
            assert len(held) in {0, 4}, held


def names_of(files):
    return {os.path.basename(file) for file in files}


def is_whole(file):
    unwanted = {"unfinished.json", "run.lock"}
    name = os.path.basename(file)
    return not name.endswith(".partial") and name not in unwanted


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
