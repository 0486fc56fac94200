from __future__ import annotations

import errno
import os
import stat
import sys

import pytest

from runtime import storage
from runtime.errors import DataError, StorageError


@pytest.fixture
def folder(tmp_path) -> str:
    return str(tmp_path)


def test_names():
    assert storage.join("a", "b", "c.txt") == "a/b/c.txt"
    assert storage.join("a/", "b") == "a/b"
    assert storage.basename("a/b/c.txt") == "c.txt"
    assert storage.basename("a/b/") == "b"
    assert storage.dirname("a/b/c.txt") == "a/b"
    assert storage.dirname("a/b/") == "a"
    assert storage.dirname("c.txt") == ""
    assert storage.dirname("/") == "/"


def test_what_is_written_comes_back(folder):
    path = storage.join(folder, "new", "folders", "日本語.txt")
    storage.write_text(path, "一行目\r\n二行目\n")
    assert storage.read_text(path) == "一行目\r\n二行目\n"
    assert storage.read_bytes(path) == "一行目\r\n二行目\n".encode()
    assert storage.size(path) == len("一行目\r\n二行目\n".encode())
    storage.write_bytes(path, b"")
    assert storage.read_bytes(path) == b""


def test_streams_longer_than_the_buffer(folder):
    path = storage.join(folder, "long.bin")
    block = bytes(range(256)) * 1024
    with storage.open_write(path) as file:
        for _ in range(9):
            file.write(block)
    assert storage.size(path) == 9 * len(block)
    with storage.open_read(path) as file:
        assert file.read(len(block)) == block
        assert file.read() == block * 8


def test_text_in_another_encoding(folder):
    path = storage.join(folder, "sjis.txt")
    storage.write_bytes(path, "走れメロス".encode("cp932"))
    assert storage.read_text(path, encoding="cp932") == "走れメロス"
    with pytest.raises(DataError, match=r"sjis\.txt, byte 0: expected utf-8 text"):
        storage.read_text(path)


def test_questions(folder):
    path = storage.join(folder, "file")
    assert not storage.exists(path)
    storage.write_text(path, "x")
    assert storage.exists(path)
    assert not storage.is_dir(path)
    assert storage.is_dir(folder)
    assert not storage.is_dir(storage.join(folder, "missing"))
    assert not storage.exists(storage.join(path, "below-a-file"))


def test_could_not_ask_is_not_missing(folder, monkeypatch):
    def denied(path):
        raise PermissionError(errno.EACCES, "Permission denied", path)

    monkeypatch.setattr(os, "stat", denied)
    with pytest.raises(StorageError, match=r"secret: permission denied"):
        storage.exists(storage.join(folder, "secret"))


def test_list_and_glob_are_sorted(folder):
    for name in ("b.tsv", "a.tsv", "sub/c.tsv", "d.txt"):
        storage.write_text(storage.join(folder, name), "")
    assert storage.list_dir(folder) == ["a.tsv", "b.tsv", "d.txt", "sub"]
    found = storage.glob(storage.join(folder, "*.tsv"))
    assert [storage.basename(path) for path in found] == ["a.tsv", "b.tsv"]
    deep = storage.glob(storage.join(folder, "**", "*.tsv"))
    assert [storage.basename(path) for path in deep] == ["a.tsv", "b.tsv", "c.tsv"]
    assert storage.glob(storage.join(folder, "*.none")) == []


@pytest.mark.parametrize(
    "ask",
    [
        storage.size,
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


def test_devices_are_not_replaced():
    with pytest.raises(StorageError, match="/dev/null: it is there and no regular"):
        storage.write_text("/dev/null", "x")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


def test_file_in_the_way_of_a_directory(folder):
    storage.write_text(storage.join(folder, "file"), "x")
    with pytest.raises(StorageError, match="Cannot make the directory"):
        storage.write_text(storage.join(folder, "file", "below"), "x")


def test_failed_write_changes_nothing(folder):
    path = storage.join(folder, "results.txt")
    storage.write_text(path, "old")

    def write_half() -> None:
        with storage.open_write(path) as file:
            file.write(b"half of the new")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_half()
    assert storage.read_text(path) == "old"
    assert os.listdir(folder) == ["results.txt"]


def test_unfinished_write_is_not_seen(folder):
    path = storage.join(folder, "results.txt")
    with storage.open_write(path) as file:
        file.write(b"half")
        assert not storage.exists(path)
        assert storage.list_dir(folder) == []
        assert storage.glob(storage.join(folder, "*")) == []
    assert storage.list_dir(folder) == ["results.txt"]


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


def test_append(folder):
    path = storage.join(folder, "new", "metrics.jsonl")
    for line in (b"one\n", b"two\n"):
        with storage.open_append(path) as file:
            file.write(line)
    assert storage.read_bytes(path) == b"one\ntwo\n"


def test_arranging(folder):
    tree = storage.join(folder, "tree")
    storage.make_dirs(storage.join(tree, "deep"))
    storage.make_dirs(storage.join(tree, "deep"))
    source = storage.join(tree, "source")
    storage.write_bytes(source, b"\x00\xff" * 10)
    storage.copy(source, storage.join(tree, "other", "target"))
    assert storage.read_bytes(storage.join(tree, "other", "target")) == b"\x00\xff" * 10
    storage.delete(source)
    assert storage.list_dir(tree) == ["deep", "other"]
    storage.delete_tree(tree)
    assert not storage.exists(tree)


@pytest.mark.parametrize(
    "touch",
    [
        storage.exists,
        storage.is_dir,
        storage.size,
        storage.list_dir,
        storage.glob,
        storage.open_read,
        storage.open_append,
        storage.make_dirs,
        storage.delete,
        storage.delete_tree,
        lambda path: storage.write_text(path, "x"),
    ],
)
def test_buckets_are_refused_in_one_sentence(touch, folder, monkeypatch):
    monkeypatch.chdir(folder)
    with pytest.raises(StorageError, match=r"gs://bucket/x: .* local paths only\."):
        touch("gs://bucket/x")
    assert os.listdir(folder) == []


def test_a_temporary_directory_goes_with_all_it_holds():
    with storage.temporary_dir() as path:
        storage.write_text(storage.join(path, "deeper", "file.txt"), "text")
        assert storage.list_dir(path) == ["deeper"]
    assert not storage.exists(path)


# Folders of strangers ----------------------------------------------------------------


def test_a_file_inside_a_folder(tmp_path):
    folder = str(tmp_path / "folder")
    storage.write_text(f"{folder}/assets/vocab.txt", "")
    assert storage.inside(folder, "assets/vocab.txt") == f"{folder}/assets/vocab.txt"
    assert storage.inside(folder, "not yet") == f"{folder}/not yet"
    os.symlink(folder, tmp_path / "link")
    assert storage.inside(f"{tmp_path}/link", "assets/vocab.txt")


@pytest.mark.parametrize(
    "name",
    [
        "../secret",
        "a/../../secret",
        "a/..",
        "..\\secret",
        "/etc/passwd",
        "\\\\host\\share",
        "C:\\secret",
        "gs://bucket/secret",
        "file:///secret",
        "a\0b",
        "",
        "a//b",
    ],
)
def test_names_that_lead_out_of_a_folder(tmp_path, name):
    for folder in (str(tmp_path), "gs://bucket/model"):
        with pytest.raises(StorageError, match="expected the name of a file in it"):
            storage.inside(folder, name)


def test_links_that_lead_out_of_a_folder(tmp_path):
    folder, blobs = str(tmp_path / "snapshots/1"), str(tmp_path / "blobs")
    storage.write_text(f"{blobs}/abc", "secret")
    storage.write_text(f"{folder}/own", "")
    os.symlink("own", f"{folder}/inner")
    os.symlink("../../blobs/abc", f"{folder}/outer")
    os.symlink("../../blobs", f"{folder}/folder")
    assert storage.inside(folder, "inner") == f"{folder}/inner"
    for name in ("outer", "folder/abc"):
        with pytest.raises(StorageError, match="blobs/abc, which is not below"):
            storage.inside(folder, name)
        assert storage.inside(folder, name, root=str(tmp_path))
