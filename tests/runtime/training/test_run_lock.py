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
from runtime.storage import file_lock
from runtime.storage.lock import LeaseTimes
from runtime.training import run_lock

QUICK = LeaseTimes(renewal=0.2, stale=3, look=0.1)
ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../../.."))
HOLDING = """
import sys, time
from runtime.training import run_lock
from runtime.storage.lock import LeaseTimes
with run_lock.hold(sys.argv[1], lease_times=LeaseTimes(renewal=0.5)):
    print("held", flush=True)
    time.sleep(60)
"""
CONTENDING = """
import sys
from runtime.errors import StorageError
from runtime.training import run_lock
from runtime.storage.lock import LeaseTimes
try:
    with run_lock.hold(sys.argv[1], lease_times=LeaseTimes(stale=60, look=0.1)):
        print("taken over", flush=True)
except StorageError as error:
    print(error, flush=True)
"""
DYING = f"""
import subprocess, sys
holder = subprocess.Popen(
    [sys.executable, "-c", {HOLDING!r}, sys.argv[1]], stdout=subprocess.PIPE
)
print(holder.stdout.readline().decode(), end="", flush=True)
holder.kill()
holder.wait()
subprocess.run([sys.executable, "-c", {CONTENDING!r}, sys.argv[1]], check=True)
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
        with run_lock.hold(folder, lease_times=QUICK) as lock:
            assert (
                json.loads(storage.read_text(lock_file(folder)))["pid"] == os.getpid()
            )
            lock.check()
        assert not storage.exists(lock_file(folder))


def test_the_second_is_refused_and_told_who_was_first(folder):
    holder = start_holder(folder)
    second = run_lock.hold(folder, lease_times=LeaseTimes(stale=60, look=0.2))
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
    with run_lock.hold(folder, lease_times=LeaseTimes(stale=60)):
        assert time.monotonic() - start < 5


def test_a_lock_is_held_through_an_error_and_let_go(folder):
    def run():
        with run_lock.hold(folder, lease_times=QUICK):
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


@pytest.mark.parametrize("untold", ["none", "boot", "host", "pid_namespace"])
def test_the_dead_are_known_only_where_all_places_are(monkeypatch, untold):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    names = ("boot", "host", "pid_namespace")
    here = {name: "" if name == untold else "told" for name in names}
    monkeypatch.setattr(run_lock, "_place", lambda: here)
    content = json.dumps({**here, "pid": gone.pid}).encode()
    assert run_lock._is_dead(content) is (untold == "none")
    living = json.dumps({**here, "pid": os.getpid()}).encode()
    assert not run_lock._is_dead(living)


class TestHalfWritten:
    """What a killed run left, in a folder that another run takes."""

    TEMPORARY = ".weights." + 8 * "0a1f" + ".partial"

    @pytest.fixture(autouse=True)
    def left(self, tmp_path):
        self.folder = tmp_path / "run"
        self.steps = tmp_path / "disk"
        (self.steps / "step-00000001").mkdir(parents=True)
        self.files = [
            self.steps / self.TEMPORARY,
            self.steps / "step-00000001" / "unfinished.json",
        ]
        for file in self.files:
            file.write_text("{}")
        self.folder.mkdir()
        # Large files are often kept on another disk.
        (self.folder / "checkpoints").symlink_to(self.steps)

    def test_it_is_deleted(self, caplog):
        with caplog.at_level("INFO"), run_lock.hold(str(self.folder)):
            assert os.listdir(self.steps) == []
        assert "Deleted what a killed run left half written: " in caplog.text
        assert self.TEMPORARY in caplog.text

    def test_without_locks_its_writer_may_live(self, monkeypatch):
        monkeypatch.setattr(file_lock, "AVAILABLE", False)
        with run_lock.hold(str(self.folder)):
            assert all(file.exists() for file in self.files)


SUSPENDED = """
import sys
from runtime.errors import StorageError
from runtime.training import run_lock
from runtime.storage.lock import LeaseTimes
with run_lock.hold(sys.argv[1], lease_times=LeaseTimes(renewal=0.2, stale=2)) as lock:
    print("held", flush=True)
    sys.stdin.readline()
    try:
        lock.check()
        print("goes on", flush=True)
    except StorageError as error:
        print(error, flush=True)
"""


class TestSuspended:
    """A holder that is stopped, as a machine that sleeps is."""

    @pytest.fixture(autouse=True)
    def held(self, fake_bucket):
        self.bucket = fake_bucket
        self.folder = "gs://my-bucket/runs"
        self.holder = subprocess.Popen(
            [sys.executable, "-c", SUSPENDED, self.folder],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        with self.holder:
            assert self.holder.stdout.readline() == "held\n"
            self.holder.send_signal(signal.SIGSTOP)
            yield
            self.holder.kill()

    def what_the_holder_does(self):
        self.holder.stdin.write("\n")
        self.holder.stdin.flush()
        self.holder.send_signal(signal.SIGCONT)
        return self.holder.stdout.readline()

    def test_it_writes_no_more_when_another_has_taken_over(self):
        with run_lock.hold(
            self.folder, lease_times=LeaseTimes(stale=1.5, look=0.1)
        ) as lock:
            said = self.what_the_holder_does()
            lock.check()
        assert "another process holds it" in said

    def test_it_goes_on_when_none_has(self):
        time.sleep(2)
        assert self.what_the_holder_does() == "goes on\n"


class TestContainers:
    """Numbers of processes mean something in their PID namespace only."""

    ENTER = ("unshare", "--pid", "--fork", "--mount-proc")

    @pytest.fixture(autouse=True)
    def can_be_made(self, fake_bucket):
        self.bucket = fake_bucket
        tried = subprocess.run(
            [*self.ENTER, "true"], capture_output=True, text=True, check=False
        )
        if tried.returncode:
            pytest.skip(f"no PID namespace can be made here: {tried.stderr.strip()}")

    def start(self, program, *, pid):
        """Runs a program as process `pid` of a container of its own."""
        # Each `true` takes a number; the first process there is the shell.
        script = "true & " * (pid - 2) + f'wait; "$@" {"& wait" if pid > 1 else ""}'
        python = (sys.executable, "-c", program)
        return subprocess.Popen(
            [*self.ENTER, "sh", "-c", script, "sh", *python, "gs://my-bucket/runs"],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def holder(self):
        return json.loads(self.bucket.contents()[f"runs/{run_lock.LOCK_FILE}"])

    def test_a_living_holder_in_another_is_not_displaced(self):
        with self.start(HOLDING, pid=9) as first:
            try:
                assert first.stdout.readline() == "held\n"
                before = self.holder()
                assert before["pid"] == 9
                with self.start(CONTENDING, pid=2) as second:
                    assert "is in use by process 9 on" in second.stdout.read()
                assert self.holder() == before
            finally:
                os.killpg(first.pid, signal.SIGKILL)

    def test_the_dead_of_the_same_are_known(self):
        with self.start(DYING, pid=2) as only:
            assert only.stdout.read() == "held\ntaken over\n"


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
        with run_lock.hold(self.folder, lease_times=LeaseTimes(stale=0.6, look=0.1)):
            assert 0.6 <= time.monotonic() - start < 10
            held = json.loads(storage.read_text(lock_file(self.folder)))
            assert held["pid"] == os.getpid()

    def test_a_lock_that_is_let_go_meanwhile_is_taken(self):
        self.put_foreign_lock()
        gone = threading.Timer(0.3, self.bucket.objects.pop, [self.name])
        gone.start()
        with run_lock.hold(self.folder, lease_times=LeaseTimes(stale=60, look=0.1)):
            pass
        gone.join()

    def test_it_is_renewed(self):
        with run_lock.hold(self.folder, lease_times=QUICK):
            versions = set()
            for _ in range(30):
                versions.add(storage.stat(lock_file(self.folder)).version)
                time.sleep(0.1)
        assert len(versions) >= 2

    def test_who_lost_it_is_told_and_leaves_it_to_the_other(self):
        with run_lock.hold(self.folder, lease_times=QUICK) as lock:
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
        with run_lock.hold(self.folder, lease_times=LeaseTimes(stale=0.4, look=0.1)):
            assert time.monotonic() - start >= 0.4
