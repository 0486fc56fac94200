from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import threading

import pytest

from runtime import storage
from runtime.errors import StorageError
from runtime.storage import file_lock


@pytest.fixture
def folder(tmp_path) -> str:
    return str(tmp_path)


def test_could_not_ask_is_not_missing(folder, monkeypatch):
    def denied(path):
        raise PermissionError(errno.EACCES, "Permission denied", path)

    monkeypatch.setattr(os, "stat", denied)
    with pytest.raises(StorageError, match=r"secret: permission denied"):
        storage.exists(storage.join(folder, "secret"))


@pytest.mark.parametrize(
    "ask",
    [
        storage.list_dir,
        storage.read_bytes,
        storage.read_text,
        storage.open_read,
        storage.delete,
        storage.delete_tree,
    ],
)
def test_missing_path_is_named_with_its_reason(ask, folder):
    path = storage.join(folder, "missing")
    with pytest.raises(StorageError, match="missing: does not exist") as caught:
        ask(path)
    assert isinstance(caught.value.__cause__, FileNotFoundError)


def test_directory_is_no_file(folder):
    with pytest.raises(StorageError, match="is a directory, not a file"):
        storage.read_bytes(folder)
    with pytest.raises(StorageError, match="no regular file"):
        storage.write_text(folder, "x")


def test_a_pipe_is_read_as_often_as_a_file(folder):
    path = storage.join(folder, "pipe")
    os.mkfifo(path)
    writer = threading.Thread(target=lambda: write_bytes(path, b"some rows\n"))
    writer.start()
    with storage.open_read(path) as file:
        assert file.read(4) == b"some"
        file.seek(0)
        assert file.read() == b"some rows\n"
    writer.join()
    assert storage.read_bytes(path) == b"some rows\n"


def write_bytes(path, content):
    with open(path, "wb") as file:
        file.write(content)


def test_devices_are_not_replaced():
    with pytest.raises(StorageError, match="/dev/null: it is there and no regular"):
        storage.write_text("/dev/null", "x")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


def test_file_in_the_way_of_a_directory(folder):
    storage.write_text(storage.join(folder, "file"), "x")
    with pytest.raises(StorageError, match="Cannot make the directory"):
        storage.write_text(storage.join(folder, "file", "below"), "x")


def test_bytes_reach_the_disk_before_the_name(folder, monkeypatch):
    done = []
    real_sync, real_replace = os.fsync, os.replace

    def sync(descriptor):
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        done.append("sync folder" if is_folder else "sync file")
        real_sync(descriptor)

    def replace(source, target):
        assert storage.read_bytes(source) == b"content"
        done.append("replace")
        real_replace(source, target)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(os, "replace", replace)
    storage.write_text(storage.join(folder, "file"), "content")
    assert done == ["sync file", "replace", "sync folder"]


def test_folder_that_cannot_be_synchronised_is_fine(folder, monkeypatch):
    real_sync = os.fsync

    def sync(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "Invalid argument")
        real_sync(descriptor)

    monkeypatch.setattr(os, "fsync", sync)
    storage.write_text(storage.join(folder, "file"), "content")
    assert storage.read_text(storage.join(folder, "file")) == "content"


@pytest.mark.skipif(sys.platform != "linux", reason="needs /dev/full")
def test_full_disk_is_a_storage_error():
    file = storage.open_append("/dev/full")
    file.write(b"x")
    with pytest.raises(StorageError, match="/dev/full: no space left on the disk"):
        file.flush()
    with pytest.raises(StorageError):
        file.close()


def test_full_disk_leaves_no_temporary(folder, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    path = storage.join(folder, "big")
    with pytest.raises(StorageError, match="big: no space left on the disk"):
        storage.write_text(path, "x")
    assert os.listdir(folder) == []


def test_longest_names_can_be_written(folder):
    path = storage.join(folder, "あ" * 85)
    storage.write_text(path, "x")
    assert storage.read_text(path) == "x"
    with pytest.raises(StorageError, match="the name is too long"):
        storage.write_text(path + "い", "x")


def test_write_goes_through_a_link(folder):
    storage.write_text(storage.join(folder, "real"), "old")
    os.symlink("real", storage.join(folder, "link"))
    storage.write_text(storage.join(folder, "link"), "new")
    assert storage.read_text(storage.join(folder, "real")) == "new"
    assert os.path.islink(storage.join(folder, "link"))


def test_a_temporary_directory_goes_with_all_it_holds():
    with storage.temporary_dir() as path:
        storage.write_text(storage.join(path, "deeper", "file.txt"), "text")
        assert storage.list_dir(path) == ["deeper"]
    assert not storage.exists(path)


ABANDONED = ".eval_results.txt." + 8 * "0a1f" + ".partial"
FOREIGN = [
    ".partial",
    "a.partial",
    ".a.partial",
    ".a." + 8 * "0a1F" + ".partial",
    ".a." + 7 * "0a1f" + ".partial",
    ".a." + 8 * "0a1f" + ".partial~",
    "a." + 8 * "0a1f" + ".partial",
]


class TestAbandoned:
    @pytest.fixture(autouse=True)
    def in_folder(self, folder):
        self.folder = folder

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def make(self, *names):
        os.makedirs(os.path.dirname(self.path(*names)), exist_ok=True)
        with open(self.path(*names), "w", encoding="utf-8") as file:
            file.write("half")

    def test_what_dead_writers_left_is_deleted(self):
        self.make(ABANDONED)
        self.make("checkpoints", "step-00000001", ABANDONED)
        self.make("checkpoints", "best.txt")
        deleted = storage.delete_abandoned(self.folder)
        assert deleted == [
            self.path(ABANDONED),
            self.path("checkpoints", "step-00000001", ABANDONED),
        ]
        # The folder goes that was made for that write alone.
        assert os.listdir(self.folder) == ["checkpoints"]
        assert os.listdir(self.path("checkpoints")) == ["best.txt"]

    @pytest.mark.parametrize("name", FOREIGN)
    def test_what_others_call_alike_stays_and_is_listed(self, name):
        self.make(name)
        assert storage.delete_abandoned(self.folder) == []
        assert storage.list_dir(self.folder) == [name]

    def test_what_a_living_process_writes_stays(self):
        with storage.open_write(self.path("below", "file")) as file:
            file.write(b"content")
            assert storage.delete_abandoned(self.folder) == []
        assert storage.read_text(self.path("below", "file")) == "content"
        assert os.listdir(self.path("below")) == ["file"]

    def test_a_folder_that_is_a_link_is_looked_through_but_none_below(self):
        self.make("real", ABANDONED)
        os.symlink(self.path("real"), self.path("link"))
        os.makedirs(self.path("other"))
        os.symlink(self.path("real"), self.path("other", "link"))
        assert storage.delete_abandoned(self.path("other")) == []
        assert storage.delete_abandoned(self.path("link")) == [
            self.path("link", ABANDONED)
        ]
        assert os.listdir(self.path("real")) == []

    def test_where_there_are_no_locks_nothing_is_deleted(self, monkeypatch):
        self.make(ABANDONED)
        monkeypatch.setattr(file_lock, "AVAILABLE", False)
        assert storage.delete_abandoned(self.folder) == []
        assert os.listdir(self.folder) == [ABANDONED]

    def test_the_folder_itself_stays(self):
        self.make("run", ABANDONED)
        assert len(storage.delete_abandoned(self.path("run"))) == 1
        assert os.listdir(self.path("run")) == []

    def test_no_folder_is_nothing_to_delete(self):
        assert storage.delete_abandoned(self.path("none")) == []

    @pytest.mark.parametrize("moment", ["before it is locked", "while it is locked"])
    def test_a_temporary_that_was_taken_for_abandoned_is_made_anew(
        self, moment, monkeypatch
    ):
        take, seen = file_lock.take, []

        def disturbed(descriptor):
            seen.append(descriptor)
            if len(seen) > 1:
                return take(descriptor)
            if moment == "while it is locked":
                return file_lock.Outcome.HELD
            [made] = os.listdir(self.folder)
            os.remove(self.path(made))
            return take(descriptor)

        monkeypatch.setattr(file_lock, "take", disturbed)
        storage.write_text(self.path("file"), "content")
        assert len(seen) == 2
        assert storage.read_text(self.path("file")) == "content"


def test_a_link_says_where_it_leads(folder):
    os.symlink("anywhere", storage.join(folder, "link"))
    assert storage.link_target(storage.join(folder, "link")) == "anywhere"
    assert storage.link_target(storage.join(folder, "none")) is None


class TestEmptyFolders:
    def test_one_that_holds_something_stays(self, folder):
        storage.write_text(storage.join(folder, "below", "file"), "x")
        storage.delete_empty_dir(storage.join(folder, "below"))
        assert storage.list_dir(folder) == ["below"]
        storage.delete_empty_dir(storage.join(folder, "below", "file"))
        storage.delete_empty_dir(storage.join(folder, "none"))
        storage.delete(storage.join(folder, "below", "file"))
        storage.delete_empty_dir(storage.join(folder, "below"))
        assert storage.list_dir(folder) == []

    def test_one_that_cannot_be_deleted_is_an_error(self, folder, monkeypatch):
        def denied(path):
            raise PermissionError(errno.EACCES, "Permission denied", path)

        monkeypatch.setattr(os, "rmdir", denied)
        with pytest.raises(StorageError, match=r"Cannot delete .*permission denied"):
            storage.delete_empty_dir(folder)


WITHOUT_FCNTL = """
import os, sys
sys.modules["fcntl"] = None  # as on Windows
del os.statvfs
import logging
logging.basicConfig(format="%(message)s")
from runtime import storage
from runtime.training import run_lock
folder = sys.argv[1]
with run_lock.hold(folder) as lock:
    lock.check()
    storage.write_text(storage.join(folder, "file"), "content")
    assert storage.read_text(storage.join(folder, "file")) == "content"
"""


def test_a_system_without_fcntl_is_told_that_two_runs_are_not_noticed(folder):
    """Simulated: nothing of this was run on Windows."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_FCNTL, folder],
        cwd=os.path.join(os.path.dirname(__file__), "../../.."),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == (
        f"Cannot lock {folder}/run.lock: the system or its file system has no locks. "
        "Two runs there at a time would not be noticed.\n"
    )
    assert storage.list_dir(folder) == ["file"]


def test_a_lock_whose_folder_and_file_are_deleted_meanwhile(folder, monkeypatch):
    """Its holder ends between two questions of the one who wants it."""
    path = storage.join(folder, "runs", "run.lock")
    take, seen = file_lock.take, []

    def end_first(descriptor):
        if not seen:
            os.remove(path)
            os.rmdir(os.path.dirname(path))
        seen.append(descriptor)
        return take(descriptor)

    monkeypatch.setattr(file_lock, "take", end_first)
    held = storage.lock(path, content=b"ours", is_dead=lambda _: False)
    assert len(seen) == 2
    assert storage.read_bytes(path) == b"ours"
    held.release()


def test_a_lock_whose_folder_is_deleted_before_it_is_opened(folder, monkeypatch):
    path = storage.join(folder, "runs", "run.lock")
    opened, seen = os.open, []

    def end_first(name, *arguments, **options):
        if name == path and not seen:
            os.rmdir(os.path.dirname(path))
            seen.append(name)
        return opened(name, *arguments, **options)

    monkeypatch.setattr(os, "open", end_first)
    storage.lock(path, content=b"ours", is_dead=lambda _: False).release()
    assert seen == [path]
