import io
import re
import tarfile
import zipfile

import pytest

from processors.corpora import archives
from runtime.errors import DataError, StorageError

ANY_TEXT = re.compile(r".*\.txt")


def make(path, files, mode):
    with tarfile.open(path, mode) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return str(path)


@pytest.mark.parametrize("extension", ["gz", "xz"])
def test_members_by_name(tmp_path, extension):
    files = {"a/1.txt": b"one", "../2.txt": b"two", "a/3.bin": b"three"}
    path = make(tmp_path / f"c.tar.{extension}", files, f"w:{extension}")
    found = dict(archives.read_tar(path, name=ANY_TEXT))
    assert found == {"a/1.txt": b"one", "../2.txt": b"two"}
    assert [entry.name for entry in tmp_path.iterdir()] == [f"c.tar.{extension}"]


@pytest.mark.parametrize("extension", ["gz", "xz"])
@pytest.mark.parametrize("kept", [0, 3, 0.3, 0.6, 0.9, 0.999])
def test_a_cut_archive_is_an_error(tmp_path, extension, kept):
    files = {f"{n}.txt": bytes((n * k) % 251 for k in range(999)) for n in range(40)}
    path = make(tmp_path / f"c.tar.{extension}", files, f"w:{extension}")
    with open(path, "r+b") as file:
        whole = file.seek(0, io.SEEK_END)
        file.truncate(kept if isinstance(kept, int) else int(whole * kept))
    with pytest.raises(DataError, match="the archive is damaged"):
        list(archives.read_tar(path, name=ANY_TEXT))


@pytest.mark.parametrize("extension", ["gz", "xz"])
def test_a_foreign_file_is_an_error(tmp_path, extension):
    path = tmp_path / f"c.tar.{extension}"
    path.write_bytes(b"<html>404 not found</html>")
    with pytest.raises(DataError, match="the archive is damaged"):
        list(archives.read_tar(str(path), name=ANY_TEXT))


@pytest.mark.parametrize("limit", ["_MEMBER_LIMIT", "_TOTAL_LIMIT"])
def test_sizes_are_bounded(tmp_path, monkeypatch, limit):
    monkeypatch.setattr(archives, limit, 100)
    files = {"1.txt": b"x" * 60, "big.bin": b"x" * 999, "2.txt": b"x" * 101}
    path = make(tmp_path / "c.tar.gz", files, "w:gz")
    with pytest.raises(DataError, match=r"2\.txt of 101 bytes"):
        list(archives.read_tar(path, name=ANY_TEXT))


@pytest.mark.parametrize("kind", ["", "gz", "xz"])
def test_the_compression_is_known_by_content(tmp_path, kind):
    path = make(tmp_path / "c.tar", {"a/1.txt": b"one"}, f"w:{kind}")
    assert dict(archives.read_tar(path, name=ANY_TEXT)) == {"a/1.txt": b"one"}


def test_a_missing_archive(tmp_path):
    with pytest.raises(StorageError, match="does not exist"):
        list(archives.read_tar(str(tmp_path / "c.tar.gz"), name=ANY_TEXT))


def make_zip(path, files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return str(path)


def test_members_of_a_zip_by_name(tmp_path):
    files = {"a/1.txt": b"one", "../2.txt": b"two", "a/3.bin": b"three", "b/": b""}
    path = make_zip(tmp_path / "c.zip", files)
    assert dict(archives.read_zip(path, name=ANY_TEXT)) == {
        "a/1.txt": b"one",
        "../2.txt": b"two",
    }
    assert [entry.name for entry in tmp_path.iterdir()] == ["c.zip"]


@pytest.mark.parametrize("damage", ["cut", "changed", "foreign"])
def test_a_damaged_zip_is_an_error(tmp_path, damage):
    files = {"1.txt": bytes(k * k % 251 for k in range(9999))}
    path = make_zip(tmp_path / "c.zip", files)
    with open(path, "r+b") as file:
        content = bytearray(file.read())
        content[60] ^= 1
        changes = {"cut": content[:-30], "changed": content, "foreign": b"<html>"}
        file.seek(0)
        file.truncate()
        file.write(changes[damage])
    with pytest.raises(DataError, match=r"c\.zip: the archive is damaged"):
        list(archives.read_zip(path, name=ANY_TEXT))


@pytest.mark.parametrize("limit", ["_MEMBER_LIMIT", "_TOTAL_LIMIT"])
def test_sizes_in_a_zip_are_bounded(tmp_path, monkeypatch, limit):
    path = make_zip(tmp_path / "c.zip", {"1.txt": b"x" * 60, "2.txt": b"x" * 1001})
    monkeypatch.setattr(archives, limit, 1000)
    with pytest.raises(DataError, match=r"2\.txt of 1001 bytes"):
        list(archives.read_zip(path, name=ANY_TEXT))
