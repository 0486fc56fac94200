import pytest

from runtime import storage
from runtime.errors import DataError
from runtime.files import json_file


def write(tmp_path, content):
    path = str(tmp_path / "file.json")
    storage.write_bytes(path, content)
    return path


def test_an_object_with_or_without_a_byte_order_mark(tmp_path):
    for mark in (b"", b"\xef\xbb\xbf"):
        path = write(tmp_path, mark + '{"名": [1, null]}'.encode())
        assert json_file.read_object(path) == {"名": [1, None]}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"a": 1,\n}', ":2: expected JSON"),
        (b"[1]", "found a list"),
        (b"", ":1: expected JSON"),
        (b"\xff{}", "found the byte 0xff"),
        (b"[" * 100_000, "nested too deeply"),
    ],
)
def test_what_is_no_object_is_named(tmp_path, content, said):
    path = write(tmp_path, content)
    with pytest.raises(DataError, match=said) as caught:
        json_file.read_object(path)
    assert str(caught.value).startswith(path)


def test_a_file_of_many_megabytes_is_not_read(tmp_path):
    path = str(tmp_path / "file.json")
    with open(path, "wb") as file:
        file.truncate(65 << 20)
    with pytest.raises(DataError, match="at most 67108864 bytes, found 68157440"):
        json_file.read_object(path)


def test_equal_objects_are_written_as_equal_bytes(tmp_path):
    paths = [str(tmp_path / name) for name in ("a.json", "b.json")]
    json_file.write_object(paths[0], {"名": 1, "a": []})
    json_file.write_object(paths[1], {"a": [], "名": 1})
    written = [storage.read_bytes(path) for path in paths]
    assert written == ['{\n  "a": [],\n  "名": 1\n}\n'.encode()] * 2
