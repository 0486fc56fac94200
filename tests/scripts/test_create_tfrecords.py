"""The command as its users type it."""

import os
import subprocess
import sys

from processors.records import store
from processors.records.manifest import Manifest

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))


def create(*flags):
    return subprocess.run(
        [sys.executable, os.path.join(ROOT, "scripts/create_tfrecords.py"), *flags],
        env={**os.environ, "PYTHONPATH": ROOT},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_task_becomes_records(small_task, tmp_path):
    needless = {"bert_config_file", "labels"}
    values = {k: v for k, v in small_task.settings().items() if k not in needless}
    flags = [f"--{name}={value}" for name, value in values.items()]
    done = create(*flags, "--workers=2", f"--output_dir={tmp_path}")
    assert done.returncode == 0, done.stderr
    path = str(tmp_path / "train.tf_record")
    assert f"train: {small_task.counts['train']} examples in {path}" in done.stderr
    assert len(store.read_records(path)) == small_task.counts["train"]
    assert Manifest.load(path).labels == tuple(sorted(small_task.labels))


def test_what_is_wrong_is_a_sentence():
    done = create("--task_name=tsv", "--workers=0")
    assert done.returncode == 1
    assert "--output_dir is required" in done.stderr
    assert "--workers must be at least 1" in done.stderr
    assert "Traceback" not in done.stderr
