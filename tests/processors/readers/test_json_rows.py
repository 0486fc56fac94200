import pytest

from processors.readers import lines
from processors.readers.json_rows import read_json, read_jsonl, read_values
from processors.readers.row import BadRow
from runtime.errors import DataError


def test_json_lines(write, good):
    path = write('\ufeff{"text": "a", "label": 1}\n\n{"text": "b\\u2028"}\n')
    first, second = read_jsonl(path)
    assert (first.text("text"), first.name("label")) == ("a", "1")
    assert (second.line, second.text("text")) == (3, "b\u2028")
    assert not second.has("label")


def test_json_array(write, good):
    path = write('[\n {"text": "a"},\n\n {"text": "b"}\n]\n')
    first, second = read_json(path)
    assert (first.line, first.item, first.index) == (2, 1, 0)
    assert (second.line, second.item, second.text("text")) == (4, 2, "b")


def test_json_object_by_id(write, good):
    path = write('{"id-1": {"text": "a"}, "id-2": {"text": "b"}}')
    assert [(row.key, row.text("text")) for row in read_json(path)] == [
        ("id-1", "a"),
        ("id-2", "b"),
    ]


@pytest.mark.parametrize("content", ["[]", "{}", " [ \n ] "])
def test_json_without_items(write, good, content):
    assert list(read_json(write(content))) == []


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
        ('["text"]', "expected an object of fields such as .*, got "),
        ('{"text" "a"}', "Expecting ':'"),
        ("[" * 100_000 + "]" * 100_000, "nested too deep"),
    ],
)
def test_unsound_json_is_named_by_line_item_and_field(write, good, item, words):
    with pytest.raises(DataError, match=words) as caught:
        good(read_jsonl(write('{"ok": 1}\n' + item + "\n")))
    assert caught.value.line == 2
    with pytest.raises(DataError, match=words) as caught:
        good(read_json(write('[{"ok": 1},\n' + item + "]")))
    assert caught.value.line == 2
    assert "item 2: " in str(caught.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"a": {}, "a": {}}', "item 2: the key 'a' appears twice"),
        ('{"a": 1, "b": {}}', 'fields such as {"text": .*, got 1'),
        ('{"a": {}}\n["b", {}]', "text after the end of the array or object"),
        ('{"a" {}}', "expected ':'"),
        ("{1: {}}", "expected a key in quotes"),
        ("[{},]", "Expecting value"),
        ("[{} {}]", "text after the value"),
        ("", "expected a JSON array or object"),
        ('"text"', "expected a JSON array or object"),
    ],
)
def test_json_of_another_shape(write, good, content, words):
    with pytest.raises(DataError, match=words):
        good(read_json(write(content)))


def test_a_whole_emoji_is_no_half_pair(write, good):
    (row,) = read_jsonl(write('{"text": "\\ud83d\\ude00"}'))
    assert row.text("text") == "\U0001f600"


@pytest.mark.parametrize("value", ["true", "1.0", "null", "[]", "{}"])
def test_names_are_text_or_whole_numbers(write, good, value):
    (row,) = read_jsonl(write(f'{{"label": {value}}}'))
    with pytest.raises(DataError, match="expected text or a whole number"):
        row.name("label")
    with pytest.raises(DataError, match="expected text, got"):
        row.text("label")


def test_a_broken_item_leaves_the_others_alone(write):
    content = '[{"a": 1},\n{"b" 2}, {"c": "x\ny"}, 5,\n{"a": [1, {"b": "]}"}]}, ]'
    found = list(read_json(write(content)))
    assert [row.fields[0] for row in found if not isinstance(row, BadRow)] == [
        1,
        [1, {"b": "]}"}],
    ]
    bad = [row for row in found if isinstance(row, BadRow)]
    assert [row.source for row in bad] == ['{"b" 2}', '{"c": "x\ny"}', "5", ""]
    assert [row.error.line for row in bad] == [2, 2, 3, 4]


@pytest.mark.parametrize(
    ("content", "good", "bad"),
    [
        ('[{"a": 1}, {"a": 2}', 1, 1),  # cut short after an item: is it whole?
        ('[{"a": 1}, {"a": ', 1, 1),
        ('[{"a": 1},', 1, 1),
        ('[{"a": "open}, {"a": 2}]', 0, 1),
        ('[{"a": 1}] [{"a": 2}]', 1, 1),
        ('[{"a": 1}}', 0, 1),
        ('{"k": {"a": 1}, "k": {"a": 2}, "l": {"a": 3}}', 2, 1),
    ],
)
def test_what_is_left_of_a_damaged_document(write, content, good, bad):
    found = list(read_json(write(content)))
    kinds = [isinstance(row, BadRow) for row in found]
    assert (kinds.count(False), kinds.count(True)) == (good, bad)


def test_wrong_bytes_spoil_their_item_only(write):
    items = [b'{"a": "x"}', b'{"a": "\xff"}', '{"a": "あ"}'.encode(), b'{"\x81": 1}']
    found = list(read_json(write(b"[" + b",".join(items) + b"]")))
    assert [isinstance(row, BadRow) for row in found] == [False, True, False, True]
    assert [row.error.offset for row in found if isinstance(row, BadRow)] == [19, 38]
    assert found[1].source == items[1]


@pytest.mark.parametrize("size", [3, 7, 64])
def test_pieces_may_be_cut_anywhere(write, monkeypatch, size):
    content = '[{"a": "x\\"\\\\あ", "b": [{}]},\n {"a": "\\ud83d\\ude00\\\\"}]'
    whole = [row.fields for row in read_json(write(content))]
    assert whole == [('x"\\あ', [{}]), ("\U0001f600\\",)]
    monkeypatch.setattr(lines, "_PIECE_BYTES", size)
    assert [row.fields for row in read_json(write(content))] == whole


@pytest.mark.parametrize(
    ("read", "begin", "item", "end"),
    [(read_jsonl, "", '{"a": "x"}\n', ""), (read_json, "[", '{"a": "x"},', "{}]")],
)
def test_memory_does_not_grow_with_the_file(write, peak_of, read, begin, item, end):
    path = write(begin + item * 20_000 + end)
    count, peak = peak_of(lambda: sum(1 for _ in read(path)))
    assert count >= 20_000
    assert peak < 6_000_000


def test_values_of_any_kind(write):
    values = list(read_values(write('{"a": "text", "b": [1, 2]}')))
    assert [(each.place.key, each.value) for each in values] == [
        ("a", "text"),
        ("b", [1, 2]),
    ]
