import os
import subprocess
import sys

import pytest

from runtime import storage
from runtime.errors import DataError, StorageError, StorageReason


def test_names():
    assert storage.join("a", "b", "c.txt") == "a/b/c.txt"
    assert storage.join("a/", "b") == "a/b"
    assert storage.basename("a/b/c.txt") == "c.txt"
    assert storage.basename("a/b/") == "b"
    assert storage.dirname("a/b/c.txt") == "a/b"
    assert storage.dirname("a/b/") == "a"
    assert storage.dirname("c.txt") == ""
    assert storage.dirname("/") == "/"


def test_names_in_buckets():
    assert storage.join("gs://b", "c", "d.txt") == "gs://b/c/d.txt"
    assert storage.join("gs://b/c/", "d") == "gs://b/c/d"
    assert storage.basename("gs://b/c/") == "c"
    assert storage.dirname("gs://b/c/d.txt") == "gs://b/c"
    assert storage.dirname("gs://b/c") == "gs://b"
    assert storage.is_remote("gs://b")
    assert not storage.is_remote("gs:/b")


def test_where_a_path_leads(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    assert storage.resolve("b/c.tsv", folder="a") == "a/b/c.tsv"
    assert storage.resolve("b/c.tsv", folder="gs://b") == "gs://b/b/c.tsv"
    for folder in ("a", "gs://bucket"):
        assert storage.resolve("/b/c.tsv", folder=folder) == "/b/c.tsv"
        assert storage.resolve("gs://b/c.tsv", folder=folder) == "gs://b/c.tsv"
        assert storage.resolve("~/c.tsv", folder=folder) == "/home/me/c.tsv"
    relative = ["b/c.tsv", "c.tsv", "/c.tsv", "~/c.tsv", "gs://b/c.tsv"]
    assert [storage.is_relative(path) for path in relative] == [1, 1, 0, 0, 0]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le"])
def test_a_byte_order_mark_is_no_text(tmp_path, encoding):
    path = storage.join(str(tmp_path), "marked.txt")
    storage.write_bytes(path, "\ufeffa\ufeff".encode(encoding))
    assert storage.read_text(path, encoding=encoding) == "a\ufeff"


def test_text_in_another_encoding(tmp_path):
    path = storage.join(str(tmp_path), "sjis.txt")
    storage.write_bytes(path, "走れメロス".encode("cp932"))
    assert storage.read_text(path, encoding="cp932") == "走れメロス"
    with pytest.raises(DataError, match=r"sjis\.txt, byte 0: expected utf-8 text"):
        storage.read_text(path)


def test_text_in_a_bucket_is_named_by_its_path(fake_bucket):
    fake_bucket.put("data/train.tsv", "走れメロス".encode("cp932"))
    with pytest.raises(DataError, match=r"gs://my-bucket/data/train\.tsv, byte 0: exp"):
        storage.read_text("gs://my-bucket/data/train.tsv")


@pytest.mark.parametrize("path", ["gs://", "gs:///x"])
def test_a_path_without_a_bucket(path, fake_bucket):
    with pytest.raises(StorageError, match="expected gs://BUCKET/NAME"):
        storage.exists(path)


def test_without_the_client_local_paths_work_and_others_say_what_to_install(tmp_path):
    program = f"""
import sys
sys.modules["google.cloud"] = None
from runtime import storage
from runtime.errors import StorageError
storage.write_text({str(tmp_path / "file")!r}, "x")
try:
    storage.exists("gs://my-bucket/x")
except StorageError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.getcwd()},
    )
    assert done.stdout == (
        "gs:// paths need google-cloud-storage, which is not installed. Run `pip "
        "install --editable '.[gcs]'`.\n"
    )


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


def test_the_home_folder_at_the_start_of_a_path(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    assert storage.expand_user("~/a") == "/home/me/a"
    for path in ("a/~", "./~", "gs://b/~", ""):
        assert storage.expand_user(path) == path
    with pytest.raises(StorageError, match=r"^~no such user is no user") as caught:
        storage.expand_user("~no such user/a")
    assert caught.value.reason is StorageReason.MISSING
