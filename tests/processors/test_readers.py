import tracemalloc

import pytest

from processors import readers
from runtime.errors import DataError, StorageError


def write(tmp_path, content, name="data.tsv"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


def tsv(tmp_path, content, *, header=True):
    return list(readers.read_tsv(write(tmp_path, content), header=header))


def test_a_row_knows_its_file_line_and_columns(tmp_path):
    first, second = tsv(tmp_path, "text\tlabel\r\na\t0\r\nb\t1\r\n")
    assert (second.path, second.line) == (str(tmp_path / "data.tsv"), 3)
    assert second.text("text") == "b"
    assert second.text(0) == "b"
    assert second.name(-1) == "1"
    assert (first.index, second.index) == (1, 2)


@pytest.mark.parametrize(
    "separator",
    ["\u2028", "\u2029", "\u0085", "\r", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e"],
)
def test_only_line_feeds_end_a_row(tmp_path, separator):
    rows = tsv(tmp_path, f"one{separator}still one\t0\ntwo\t1\n", header=False)
    assert [row.fields for row in rows] == [
        (f"one{separator}still one", "0"),
        ("two", "1"),
    ]


def test_quotes_are_characters(tmp_path):
    rows = tsv(tmp_path, 'text\n"open\nsay "no"\n""\n')
    assert [row.text("text") for row in rows] == ['"open', 'say "no"', '""']


def test_byte_order_mark_is_not_part_of_the_first_column(tmp_path):
    (row,) = tsv(tmp_path, b"\xef\xbb\xbftext\tlabel\nx\t0\n")
    assert row.names == ("text", "label")


def test_last_line_needs_no_end_and_empty_lines_may_follow(tmp_path):
    assert len(tsv(tmp_path, "a\t0\nb\t1", header=False)) == 2
    assert len(tsv(tmp_path, "a\t0\nb\t1\n\n\r\n", header=False)) == 2


def test_fields_have_any_length(tmp_path):
    (row,) = tsv(tmp_path, "x" * 1_000_000 + "\t0\n", header=False)
    assert len(row.text(0)) == 1_000_000


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        ("a\t0\nb\n", 2, "expected 2 columns as in the first row, got 1"),
        ("a\t0\nb\t1\t2\n", 2, "expected 2 columns as in the first row, got 3"),
        ("a\t0\n\nb\t1\n", 2, "an empty line between rows"),
        ("a\t0\nb\x00\t1\n", 2, "NUL"),
    ],
)
def test_a_bad_row_is_named_by_file_and_line(tmp_path, content, line, words):
    with pytest.raises(DataError, match=words) as caught:
        tsv(tmp_path, content, header=False)
    assert str(caught.value).startswith(f"{tmp_path / 'data.tsv'}:{line}: ")


def test_another_encoding_is_named_by_line_and_byte(tmp_path):
    content = b"ok\t0\n" + "日本\t1\n".encode("cp932")
    with pytest.raises(DataError, match=r":2: expected UTF-8, found 0x93 at byte 5 "):
        tsv(tmp_path, content, header=False)


def test_byte_offset_counts_the_byte_order_mark(tmp_path):
    with pytest.raises(DataError) as caught:
        tsv(tmp_path, b"\xef\xbb\xbfa\xff\t0\n", header=False)
    assert caught.value.offset == 4


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le"])
def test_utf_16_is_refused(tmp_path, encoding):
    with pytest.raises(DataError, match="expected UTF-8"):
        tsv(tmp_path, "text\tlabel\nabc\t0\n".encode(encoding))


def test_missing_and_doubled_columns(tmp_path):
    (row,) = tsv(tmp_path, "text\ttext\tlabel\na\tb\t0\n")
    with pytest.raises(DataError, match=r":2: no column 'txt'; there is 'text', 'te"):
        row.text("txt")
    with pytest.raises(DataError, match="more than one column 'text'"):
        row.text("text")
    (row,) = tsv(tmp_path, "a\t0\n", header=False)
    with pytest.raises(DataError, match="no column 2; there is 0 to 1"):
        row.text(2)


def test_missing_file(tmp_path):
    with pytest.raises(StorageError, match=r"nowhere\.tsv"):
        list(readers.read_tsv(str(tmp_path / "nowhere.tsv")))


@pytest.mark.parametrize(
    ("read", "line"),
    [(readers.read_tsv, "x" * 98 + "\t0\n"), (readers.read_jsonl, '{"a": "x"}\n')],
)
def test_memory_does_not_grow_with_the_file(tmp_path, read, line):
    path = write(tmp_path, line * 80_000)
    tracemalloc.start()
    count = sum(1 for _ in read(path))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count >= 79_999
    assert peak < 3_000_000


def test_json_lines(tmp_path):
    path = write(tmp_path, '\ufeff{"text": "a", "label": 1}\n\n{"text": "b\\u2028"}\n')
    first, second = readers.read_jsonl(path)
    assert (first.text("text"), first.name("label")) == ("a", "1")
    assert (second.line, second.text("text")) == (3, "b\u2028")
    assert not second.has("label")


def test_json_array(tmp_path):
    path = write(tmp_path, '[\n {"text": "a"},\n\n {"text": "b"}\n]\n')
    first, second = readers.read_json(path)
    assert (first.line, first.item, first.index) == (2, 1, 0)
    assert (second.line, second.item, second.text("text")) == (4, 2, "b")


def test_json_object_by_id(tmp_path):
    path = write(tmp_path, '{"id-1": {"text": "a"}, "id-2": {"text": "b"}}')
    assert [(row.key, row.text("text")) for row in readers.read_json(path)] == [
        ("id-1", "a"),
        ("id-2", "b"),
    ]


@pytest.mark.parametrize("content", ["[]", "{}", " [ \n ] "])
def test_json_without_items(tmp_path, content):
    assert list(readers.read_json(write(tmp_path, content))) == []


@pytest.mark.parametrize(
    ("item", "words"),
    [
        ('{"text": "a", "text": "b"}', "the key 'text' appears twice"),
        ('{"score": NaN}', "'score': NaN or Infinity"),
        ('{"score": -Infinity}', "'score': NaN or Infinity"),
        ('{"score": 1e999}', "'score': NaN or Infinity"),
        ('{"text": "\\ud83d"}', "'text': half of a surrogate pair"),
        ('{"deep": {"list": ["\\udc00"]}}', "'list': half of a surrogate pair"),
        ('{"text": "a\\u0000"}', "'text': a NUL character"),
        ('["text"]', "expected an object of fields, got "),
        ('{"text" "a"}', "Expecting ':'"),
        ("[" * 100_000, "nested too deep"),
    ],
)
def test_unsound_json_is_named_by_line_item_and_field(tmp_path, item, words):
    with pytest.raises(DataError, match=words) as caught:
        list(readers.read_jsonl(write(tmp_path, '{"ok": 1}\n' + item + "\n")))
    assert caught.value.line == 2
    with pytest.raises(DataError, match=words) as caught:
        list(readers.read_json(write(tmp_path, '[{"ok": 1},\n' + item + "]")))
    assert caught.value.line == 2
    assert "item 2: " in str(caught.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"a": {}, "a": {}}', "item 2: the key 'a' appears twice"),
        ('{"a": 1}\n{"a": 2}', "got 1; one object a line is JSON Lines"),
        ('{"a": {}}\n{"b": {}}', "text after the end"),
        ('{"a" {}}', "expected ':'"),
        ("{1: {}}", "expected a key in quotes"),
        ("[{},]", "Expecting value"),
        ("[{} {}]", "expected ']'"),
        ("", "expected a JSON array or object"),
        ('"text"', "expected a JSON array or object"),
    ],
)
def test_json_of_another_shape(tmp_path, content, words):
    with pytest.raises(DataError, match=words):
        list(readers.read_json(write(tmp_path, content)))


def test_a_whole_emoji_is_no_half_pair(tmp_path):
    (row,) = readers.read_jsonl(write(tmp_path, '{"text": "\\ud83d\\ude00"}'))
    assert row.text("text") == "\U0001f600"


@pytest.mark.parametrize("value", ["true", "1.0", "null", "[]", "{}"])
def test_names_are_text_or_whole_numbers(tmp_path, value):
    (row,) = readers.read_jsonl(write(tmp_path, f'{{"label": {value}}}'))
    with pytest.raises(DataError, match="expected text or a whole number"):
        row.name("label")
    with pytest.raises(DataError, match="expected text, got"):
        row.text("label")
