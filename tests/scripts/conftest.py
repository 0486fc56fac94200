import json
import os
import subprocess
import sys

import pytest
from absl import flags

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def scripts():
    """All scripts that can be started."""
    found = []
    for name in sorted(os.listdir(os.path.join(ROOT, "scripts"))):
        path = os.path.join(ROOT, "scripts", name)
        if name.endswith(".py"):
            with open(path, encoding="utf-8") as file:
                if "\n    console.run(" in file.read():
                    found.append(f"scripts/{name}")
    return found


@pytest.fixture
def forget_flags():
    """Takes away the flags that were defined since."""
    before = set(flags.FLAGS)

    def forget():
        for name in set(flags.FLAGS) - before:
            delattr(flags.FLAGS, name)

    yield forget
    forget()


@pytest.fixture(scope="session")
def script_flags():
    """What `--help` leaves behind, by script; see tests/scripts/script_flags.py."""
    done = subprocess.run(
        [sys.executable, "tests/scripts/script_flags.py", *scripts()],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": ROOT},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)
