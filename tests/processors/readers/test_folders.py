import pytest

from processors.readers import notices
from processors.readers.folders import classes, read_folder
from processors.readers.row import BadRow
from runtime.errors import StorageError


@pytest.fixture
def folder(tmp_path):
    for name, content in {
        "good/2.txt": "fine\r\nday\n",
        "good/1.txt": "\ufeffbright",
        "bad/3.txt": "",
        "bad/.DS_Store": "x",
        "urls.txt": "beside the classes",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content.encode())
    return str(tmp_path)


def test_a_folder_is_a_class(folder, good):
    assert classes(folder) == ["bad", "good"]
    rows = good(read_folder(folder))
    assert [
        (row.text("name"), row.text("label"), row.text("text")) for row in rows
    ] == [
        ("bad/3.txt", "bad", ""),
        ("good/1.txt", "good", "bright"),
        ("good/2.txt", "good", "fine\r\nday\n"),
    ]


def test_files_of_systems_are_passed_over(folder, tmp_path, good, caplog):
    notices.tell.cache_clear()
    shelf = tmp_path / "good"
    others = [".DS_Store", "._1.txt", ".gitkeep", "Thumbs.db", "desktop.ini", "~$1.txt"]
    for name in others:
        (shelf / name).write_bytes(b"\0\xff")
    for name in ("__MACOSX", ".ipynb_checkpoints", "empty"):
        (tmp_path / name).mkdir()
    assert classes(folder) == ["bad", "empty", "good"]
    for _ in range(2):
        names = [row.text("name") for row in good(read_folder(folder))]
        assert names == ["bad/3.txt", "good/1.txt", "good/2.txt"]
    assert caplog.messages == [
        f"{folder}: passed over what systems and editors leave: .ipynb_checkpoints,"
        " __MACOSX",
        f"{folder}/bad: passed over what systems and editors leave: .DS_Store",
        f"{folder}/empty: the folder of the class 'empty' holds no files.",
        f"{shelf}: passed over what systems and editors leave: .DS_Store, ._1.txt,"
        " .gitkeep, Thumbs.db, desktop.ini, ...",
    ]


def test_a_file_of_another_kind_is_a_bad_row(folder, tmp_path):
    (tmp_path / "bad" / "4.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (tmp_path / "bad" / "5.txt").write_bytes("x".encode("utf-16"))
    found = list(read_folder(folder))
    assert [isinstance(row, BadRow) for row in found] == [0, 1, 1, 0, 0]
    picture, marked = found[1:3]
    assert f"{tmp_path}/bad/4.png: expected text, found a picture" in str(picture.error)
    assert "5.txt, byte 0: expected utf-8, found the byte order" in str(marked.error)


def test_classes_can_be_chosen(folder, good):
    assert {
        row.text("label") for row in good(read_folder(folder, labels=("good",)))
    } == {"good"}
    assert list(read_folder(folder, labels=("so-so",))) == []


def test_a_missing_folder(tmp_path):
    with pytest.raises(StorageError, match="nowhere"):
        list(read_folder(str(tmp_path / "nowhere")))


def test_files_without_classes_are_unlabelled(folder, good):
    rows = good(read_folder(f"{folder}/good"))
    assert [row.text("text") for row in rows] == ["bright", "fine\r\nday\n"]
    assert not rows[0].has("label")


def test_a_file_that_is_no_text_is_a_bad_row(folder, tmp_path):
    (tmp_path / "bad" / "3.txt").write_bytes("ok\n日本".encode("cp932"))
    found = list(read_folder(folder))
    assert [isinstance(row, BadRow) for row in found] == [True, False, False]
    assert "3.txt:2: expected UTF-8" in str(found[0].error)
    (row, *_) = read_folder(folder, encoding="cp932", labels=("bad",))
    assert row.text("text") == "ok\n日本"
