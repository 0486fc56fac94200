"""The command that trains a classifier, in a process of its own."""

import os
import subprocess
import sys

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
SCRIPT = os.path.join(ROOT, "scripts/run_classifier.py")


def as_flags(values):
    """Command-line flags of settings by name; None leaves a flag out."""
    texts = {
        name: ",".join(value) if isinstance(value, tuple | list) else value
        for name, value in values.items()
    }
    return [f"--{name}={text}" for name, text in texts.items() if text is not None]


def start(values, *, script=SCRIPT):
    """Starts the command, or another script, in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": ROOT}
    environment.pop("KERAS_BACKEND", None)
    return subprocess.Popen(
        [sys.executable, script, *as_flags(values)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
