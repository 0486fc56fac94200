"""Two runs on one output directory, on disks and in buckets."""

import errno
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from runtime import storage
from runtime.errors import StorageError, StorageReason
from runtime.safety import run_lock
from runtime.storage.lock import Rhythm

QUICK = Rhythm(renewal=0.2, stale=3, look=0.1)
ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../../.."))
HOLDING = """
import sys, time
from runtime.safety import run_lock
from runtime.storage.lock import Rhythm
with run_lock.hold(sys.argv[1], rhythm=Rhythm(renewal=0.5)):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture(params=["disk", "bucket"])
def folder(request, tmp_path):
    if request.param == "disk":
        return str(tmp_path / "runs")
    request.getfixturevalue("fake_bucket")
    return "gs://my-bucket/runs"


def lock_file(folder):
    return storage.join(folder, run_lock.LOCK_FILE)


def start_holder(folder):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDING, folder],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout.readline() == "held\n"
    return holder


def wait_for_renewal(lock):
    """Returns when the lock knows that it is lost."""
    for _ in range(100):
        time.sleep(0.1)
        try:
            lock.check()
        except StorageError:
            return


def kill(holder):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    holder.stdout.close()


def test_a_lock_lasts_as_long_as_its_block(folder):
    for _ in range(2):
        with run_lock.hold(folder, rhythm=QUICK) as lock:
            assert (
                json.loads(storage.read_text(lock_file(folder)))["pid"] == os.getpid()
            )
            lock.check()
        assert not storage.exists(lock_file(folder))


def test_the_second_is_refused_and_told_who_was_first(folder):
    holder = start_holder(folder)
    second = run_lock.hold(folder, rhythm=Rhythm(stale=60, look=0.2))
    try:
        with pytest.raises(StorageError) as caught:
            second.__enter__()
    finally:
        kill(holder)
    assert caught.value.reason is StorageReason.EXISTS
    named = (
        f"{folder} is in use by process {holder.pid} on {socket.gethostname()} since"
    )
    assert named in str(caught.value)
    assert "--output_dir" in str(caught.value)


def test_the_lock_of_a_killed_run_is_taken_over(folder):
    kill(start_holder(folder))
    assert storage.exists(lock_file(folder))
    start = time.monotonic()
    with run_lock.hold(folder, rhythm=Rhythm(stale=60)):
        assert time.monotonic() - start < 5


def test_a_lock_is_held_through_an_error_and_let_go(folder):
    def run():
        with run_lock.hold(folder, rhythm=QUICK):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run()
    assert not storage.exists(lock_file(folder))


def test_a_file_system_without_locks_is_told(tmp_path, monkeypatch, caplog):
    def refuse(descriptor, how):
        raise OSError(errno.ENOTSUP, "Operation not supported")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with run_lock.hold(str(tmp_path)) as lock:
        lock.check()
    assert "would not be noticed" in caplog.text


class TestInBuckets:
    @pytest.fixture(autouse=True)
    def folder(self, fake_bucket):
        self.bucket = fake_bucket
        self.folder = "gs://my-bucket/runs"
        self.name = f"runs/{run_lock.LOCK_FILE}"

    def put_foreign_lock(self):
        content = {"host": "elsewhere", "boot": "other", "pid": 1, "since": "then"}
        self.bucket.put(self.name, json.dumps(content).encode())

    def test_a_lock_that_nobody_renews_is_taken_over_after_a_while(self):
        self.put_foreign_lock()
        start = time.monotonic()
        with run_lock.hold(self.folder, rhythm=Rhythm(stale=0.6, look=0.1)):
            assert 0.6 <= time.monotonic() - start < 10
            held = json.loads(storage.read_text(lock_file(self.folder)))
            assert held["pid"] == os.getpid()

    def test_a_lock_that_is_let_go_meanwhile_is_taken(self):
        self.put_foreign_lock()
        gone = threading.Timer(0.3, self.bucket.objects.pop, [self.name])
        gone.start()
        with run_lock.hold(self.folder, rhythm=Rhythm(stale=60, look=0.1)):
            pass
        gone.join()

    def test_it_is_renewed(self):
        with run_lock.hold(self.folder, rhythm=QUICK):
            versions = set()
            for _ in range(30):
                versions.add(storage.stat(lock_file(self.folder)).version)
                time.sleep(0.1)
        assert len(versions) >= 2

    def test_who_lost_it_is_told_and_leaves_it_to_the_other(self):
        with run_lock.hold(self.folder, rhythm=QUICK) as lock:
            lock.check()
            self.put_foreign_lock()
            wait_for_renewal(lock)
            with pytest.raises(StorageError, match="another process holds it"):
                lock.check()
        assert b"elsewhere" in self.bucket.contents()[self.name]

    @pytest.mark.parametrize("content", [b"", b"[]", b"{", b'{"pid": "x"}'])
    def test_a_lock_that_tells_nothing_is_somebodys(self, content):
        self.bucket.put(self.name, content)
        start = time.monotonic()
        with run_lock.hold(self.folder, rhythm=Rhythm(stale=0.4, look=0.1)):
            assert time.monotonic() - start >= 0.4
