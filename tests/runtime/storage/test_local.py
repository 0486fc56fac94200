from __future__ import annotations

import errno
import os
import stat
import sys
import threading

import pytest

from runtime import storage
from runtime.errors import StorageError


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
