"""Several processes, one order."""

import functools
import os
import signal
import subprocess
import sys
import time

import pytest

from runtime import processes
from runtime.errors import SettingsError

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), *[os.pardir] * 3))


def test_only_a_few_items_are_read_ahead():
    read = []
    items = (read.append(n) or n for n in range(1000))
    results = processes.in_order(items, make_work=_doubling, workers=2)
    assert [next(results) for _ in range(3)] == [0, 2, 4]
    assert len(read) < 10
    results.close()


def test_an_error_of_a_worker_is_told():
    results = processes.in_order(
        ["1", "x"], make_work=functools.partial(_reading, 10), workers=2
    )
    assert next(results) == 1
    with pytest.raises(ValueError, match="'x'"):
        next(results)


def test_a_process_that_ends_is_told():
    results = processes.in_order([1, 0], make_work=_ending, workers=2)
    with pytest.raises(SettingsError, match="one of 2 processes ended on its own"):
        list(results)


def _ending():
    return _end


def _end(number):
    if number == 0:
        os._exit(1)
    return number


def _doubling():
    return _double


def _double(number):
    return 2 * number


def _reading(base):
    return functools.partial(int, base=base)


PROGRAM = """
import functools, os, sys, time
from runtime import processes

def pid(seconds):
    time.sleep(seconds)
    return os.getpid()

def make():
    return pid

if __name__ == "__main__":
    for found in processes.in_order([0, 0, 0, 1000], make_work=make, workers=1):
        print(found, flush=True)
"""


def test_workers_end_with_a_parent_that_is_killed(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    process = subprocess.Popen(
        [sys.executable, str(program)],
        env={**os.environ, "PYTHONPATH": ROOT},
        stdout=subprocess.PIPE,
        text=True,
    )
    worker = int(process.stdout.readline())
    process.send_signal(signal.SIGKILL)
    process.communicate()
    deadline = time.monotonic() + 30
    while _is_alive(worker):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _is_alive(pid):
    """Whether a process runs; one that nobody has waited for does not."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
