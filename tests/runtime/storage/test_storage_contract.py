"""What every storage must fulfil: disks, buckets, and an emulator made elsewhere."""

import contextlib
import socket

import pytest

from runtime import storage
from runtime.errors import StorageError, StorageReason


@contextlib.contextmanager
def emulator(monkeypatch):
    """Runs gcp-storage-emulator, which nobody of this project wrote."""
    pytest.importorskip("google.cloud.storage")
    server = pytest.importorskip("gcp_storage_emulator.server")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    running = server.create_server(
        "127.0.0.1", port, in_memory=True, default_bucket="my-bucket"
    )
    running.start()
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{port}")
    try:
        yield
    finally:
        running.stop()


@pytest.fixture(
    params=["disk", "bucket", pytest.param("emulator", marks=pytest.mark.bucket)]
)
def folder(request, tmp_path, monkeypatch):
    """A directory, there or not, that holds nothing."""
    if request.param == "disk":
        yield str(tmp_path)
    elif request.param == "bucket":
        request.getfixturevalue("fake_bucket")
        yield "gs://my-bucket/runs/1"
    else:
        with emulator(monkeypatch):
            yield "gs://my-bucket/runs/1"


def path_in(folder, *names):
    return storage.join(folder, *names)


def test_what_is_written_comes_back(folder):
    path = path_in(folder, "new", "folders", "日本 語#?%2F.txt")
    storage.write_text(path, "一行目\r\n二行目\n")
    assert storage.read_text(path) == "一行目\r\n二行目\n"
    assert storage.size(path) == len("一行目\r\n二行目\n".encode())
    assert storage.list_dir(path_in(folder, "new", "folders")) == ["日本 語#?%2F.txt"]
    storage.write_bytes(path, b"")
    assert storage.read_bytes(path) == b""


@pytest.mark.parametrize("size", [1, 9 << 20, 17 << 20])
def test_all_sizes_come_back(folder, size):
    path = path_in(folder, "long.bin")
    content = (bytes(range(251)) * (size // 251 + 1))[:size]
    storage.write_bytes(path, content)
    assert storage.size(path) == size
    for _ in range(2):
        with storage.open_read(path) as file:
            assert file.read() == content
            file.seek(size // 2)
            assert file.read(5) == content[size // 2 : size // 2 + 5]
    storage.write_bytes(path, content[::-1])
    assert storage.read_bytes(path) == content[::-1]


def test_questions(folder):
    path = path_in(folder, "file")
    assert not storage.exists(path)
    assert storage.stat(path) is None
    storage.write_text(path, "x")
    assert storage.exists(path)
    assert not storage.is_dir(path)
    assert storage.is_dir(folder)
    assert storage.exists(folder)
    assert storage.stat(folder) is None
    assert not storage.is_dir(path_in(folder, "missing"))
    assert not storage.exists(path_in(folder, "fil"))
    assert not storage.exists(path_in(path, "below-a-file"))


def test_a_version_is_one_content(folder):
    path = path_in(folder, "file")
    seen = set()
    for text in ("one", "two", "one", "three"):
        storage.write_text(path, text)
        assert storage.stat(path) == storage.stat(path)
        assert storage.stat(path).size == len(text)
        seen.add(storage.stat(path).version)
    assert len(seen) == 4


def test_names_in_a_directory(folder):
    for name in ("b.tsv", "a.tsv", "sub/c.tsv", "sub/deep/d.tsv", "d.txt", "subway"):
        storage.write_text(path_in(folder, name), "")
    assert list(storage.list_dir(folder)) == [
        "a.tsv",
        "b.tsv",
        "d.txt",
        "sub",
        "subway",
    ]
    assert list(storage.list_dir(path_in(folder, "sub"))) == ["c.tsv", "deep"]
    assert list(storage.list_dir(path_in(folder, "sub/"))) == ["c.tsv", "deep"]


def test_patterns(folder):
    for name in ("b.tsv", "a.tsv", "sub/c.tsv", "sub/deep/d.tsv", "d.txt"):
        storage.write_text(path_in(folder, name), "")

    def matching(*pattern):
        found = storage.glob(path_in(folder, *pattern))
        return [path.removeprefix(folder + "/") for path in found]

    assert matching("*.tsv") == ["a.tsv", "b.tsv"]
    assert matching("[b-d].t?v") == ["b.tsv"]
    assert matching("*", "*.tsv") == ["sub/c.tsv"]
    assert matching("**", "*.tsv") == ["a.tsv", "b.tsv", "sub/c.tsv", "sub/deep/d.tsv"]
    assert matching("a.tsv") == ["a.tsv"]
    assert matching("*.none") == []


@pytest.mark.parametrize(
    "ask",
    [
        storage.size,
        storage.read_bytes,
        storage.read_text,
        storage.open_read,
        storage.delete,
        storage.delete_tree,
        lambda path: storage.copy(path, f"{path}.2"),
    ],
)
def test_missing_path_is_named_with_its_reason(ask, folder):
    path = path_in(folder, "missing")
    with pytest.raises(StorageError, match="missing: does not exist") as caught:
        ask(path)
    assert caught.value.reason is StorageReason.MISSING


def test_failed_write_changes_nothing(folder):
    path = path_in(folder, "results.txt")
    storage.write_text(path, "old")

    def write_half() -> None:
        with storage.open_write(path) as file:
            file.write(b"half of the new")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_half()
    assert storage.read_text(path) == "old"
    assert list(storage.list_dir(folder)) == ["results.txt"]


def test_unfinished_write_is_not_seen(folder):
    path = path_in(folder, "results.txt")
    with storage.open_write(path) as file:
        file.write(b"half")
        assert not storage.exists(path)
        assert list(storage.list_dir(folder)) == []
        assert list(storage.glob(path_in(folder, "*"))) == []
    assert list(storage.list_dir(folder)) == ["results.txt"]


def test_what_is_read_is_of_one_version(folder):
    path = path_in(folder, "file")
    for size in (10, 17 << 20):
        storage.write_bytes(path, b"a" * size)
        with storage.open_read(path) as file:
            storage.write_bytes(path, b"b" * size)
            assert set(file.read()) == {ord("a")}
        assert set(storage.read_bytes(path)) == {ord("b")}


def test_a_file_that_grows(folder):
    path = path_in(folder, "new", "metrics.jsonl")
    with storage.open_append(path) as file:
        file.write(b"one\n")
        file.flush()
        assert storage.read_bytes(path) == b"one\n"
        file.write(b"two\n")
        file.sync()
        assert storage.read_bytes(path) == b"one\ntwo\n"
    with storage.open_append(path) as file:
        file.write(b"three\n")
    assert storage.read_bytes(path) == b"one\ntwo\nthree\n"


def test_arranging(folder):
    tree = path_in(folder, "tree")
    storage.make_dirs(path_in(tree, "deep"))
    storage.make_dirs(path_in(tree, "deep"))
    source, target = path_in(tree, "source"), path_in(tree, "other", "target")
    storage.write_bytes(source, b"\x00\xff" * 10)
    storage.write_bytes(path_in(folder, "treetop"), b"x")
    storage.copy(source, target)
    storage.copy(source, target)
    assert storage.read_bytes(target) == b"\x00\xff" * 10
    storage.delete(source)
    assert not storage.exists(source)
    storage.delete_tree(tree)
    assert not storage.exists(tree)
    assert storage.read_bytes(path_in(folder, "treetop")) == b"x"


def test_copies_cross_from_storage_to_storage(folder, tmp_path):
    here, there = str(tmp_path / "here"), path_in(folder, "there")
    storage.write_bytes(here, b"content")
    storage.copy(here, there)
    storage.copy(there, f"{here}.2")
    assert storage.read_bytes(f"{here}.2") == b"content"


def test_space_is_told_where_it_ends(folder):
    free = storage.free_bytes(path_in(folder, "not", "there", "yet"))
    assert (free is None) == storage.is_remote(folder)
    assert free is None or free > 0
