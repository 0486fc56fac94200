import json

import pytest

from processors.readers import json_layouts, notices
from processors.readers.json_rows import read_json, read_jsonl
from processors.readers.lines import TextFile
from processors.readers.row import BadRow
from runtime.errors import DataError

ROWS = [{"text": "fine", "label": "good"}, {"text": "dull", "label": "bad"}]
LINES = "".join(json.dumps(row) + "\n" for row in ROWS)


@pytest.fixture
def texts(write, good):
    """The texts of a file, by the reader of JSON or of JSON Lines."""

    def read(content, reader=read_json):
        content = content if isinstance(content, str) else json.dumps(content)
        return [row.text("text") for row in good(reader(write(content)))]

    return read


@pytest.fixture(autouse=True)
def forget_notices():
    notices.tell.cache_clear()


@pytest.mark.parametrize("reader", [read_json, read_jsonl])
@pytest.mark.parametrize(
    "content",
    [
        json.dumps(ROWS),
        json.dumps(ROWS, indent=2),
        "\n[" + ",\n".join(map(json.dumps, ROWS)) + "]\n",
        LINES,
        "\n\n" + LINES.replace("\n", "\r\n\r\n"),
        LINES.rstrip(),
        json.dumps({"data": ROWS}, indent=1),
        json.dumps({"a": ROWS[0], "b": ROWS[1]}, indent=1),
    ],
)
def test_either_name_is_read_as_it_is_written(texts, reader, content):
    assert texts(content, reader) == ["fine", "dull"]


@pytest.mark.parametrize("reader", [read_json, read_jsonl])
def test_one_object(texts, reader):
    assert texts(LINES.split("\n")[0], reader) == ["fine"]


def test_lines_that_are_no_objects_stay_bad_rows(write):
    found = list(read_jsonl(write("[]\n" + LINES + '["a"\n')))
    assert [isinstance(row, BadRow) for row in found] == [True, False, False, True]
    found = list(read_jsonl(write('{"text": \n' + LINES)))
    assert [isinstance(row, BadRow) for row in found] == [True, False, False]


@pytest.mark.parametrize(
    "members",
    [
        {"data": ROWS},
        {"version": "1.0", "data": ROWS, "count": 2, "by": ["me", "you"]},
        {"schema": {"fields": [{"name": "text"}], "pandas_version": "1"}, "data": ROWS},
        {"meta": {"source": "x"}, "rows": ROWS, "errors": []},
    ],
)
def test_an_object_around_one_list_of_objects(texts, members, caplog):
    assert texts(members) == ["fine", "dull"]
    assert texts(members) == ["fine", "dull"]
    key = "rows" if "rows" in members else "data"
    others = ", ".join(repr(name) for name in members if name != key)
    said = f"the rows are the list {key!r}; passed over: {others}."
    assert [said in text for text in caplog.messages] == [True] * (len(members) > 1)


def test_items_of_an_inner_list_have_places(write, good):
    path = write('{"version": 1,\n "data": [{"text": "a"},\n {"text": "b"}]}')
    rows = good(read_json(path))
    assert [(row.line, row.item, row.index, row.source) for row in rows] == [
        (2, 1, 0, '{"text": "a"}'),
        (2, 2, 1, '{"text": "b"}'),
    ]


def test_a_row_by_id_is_not_lost_beside_a_list(write):
    path = write('{"a": {"text": "x"}, "b": [{"text": "y"}]}')
    found = list(read_json(path))
    assert [isinstance(row, BadRow) for row in found] == [False, True]


def test_many_members_are_rows_by_id(texts):
    members = {f"id-{number}": ROWS[0] for number in range(17)}
    assert len(texts(members)) == 17
    with pytest.raises(DataError, match="item 18: expected an object of fields"):
        texts({**members, "data": ROWS})
    assert len(texts({**dict.fromkeys(map(str, range(15)), 0), "data": ROWS})) == 2
    with pytest.raises(DataError, match="item 1: expected an object of fields"):
        texts({**dict.fromkeys(map(str, range(16)), 0), "data": ROWS})


def test_several_lists_are_named(write, texts):
    with pytest.raises(DataError) as caught:
        texts({"train": ROWS, "license": "x", "test": ROWS})
    path = write("")
    assert str(caught.value) == (
        f"{path}: expected one list of objects, found 2: 'train', 'test'; write the one"
        ' that is meant to a file, for example by python -c "import json; json.dump('
        f"json.load(open({path!r}))['train'], open('NEW.json', 'w'))\""
    )


@pytest.mark.parametrize(
    ("members", "reader"),
    [
        ({"text": {"0": "a", "1": "b"}, "label": {"0": "x", "1": "y"}}, "read_json("),
        (
            {"columns": ["text"], "index": [0], "data": [["a"]]},
            "read_json({path!r}, orient='split')",
        ),
        ({"text": ["a", "b"], "label": ["x", "y"]}, "DataFrame(json.load(open("),
    ],
)
def test_a_table_column_by_column_says_how_to_write_rows(write, texts, members, reader):
    with pytest.raises(DataError) as caught:
        texts(members)
    expected = f"write its rows by pandas.{reader.format(path=write(''))}"
    assert expected in str(caught.value)
    assert ".to_json('NEW.json', orient='records'" in str(caught.value)


@pytest.mark.parametrize(
    "members",
    [
        {"0": {"text": "a"}, "1": {"text": "b"}},  # pandas' orient='index'
        {"q1": {"text": "a", "0": "x"}, "q2": {"text": "b", "0": "y"}},
    ],
)
def test_rows_by_id_are_no_columns(texts, members):
    assert texts(members) == ["a", "b"]


@pytest.mark.parametrize(
    "members",
    [
        {"0": {"0": "a"}, "1": {"0": "b", "1": "c"}},
        {"a": ["x"], "b": ["y", "z"]},
        {"a": ["x"], "b": [["y"]]},
        {"a": {}, "b": {}},
        {"a": []},
        {"columns": "text", "data": [["a"]]},
        {},
    ],
)
def test_what_is_no_table_is_left_to_its_rows(members):
    assert json_layouts.find_rows(members, path="d.json") is None


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", ("", None)),
        ("\n \n", ("", None)),
        ("\n{\n\n}\n", ("{\n", "}\n")),
        ("{}", ("{}", None)),
    ],
)
def test_first_lines(write, content, expected):
    assert json_layouts.first_lines(TextFile(write(content))) == expected


@pytest.mark.parametrize("reader", [read_json, read_jsonl])
def test_a_table_is_no_json(texts, reader):
    with pytest.raises(DataError, match=r"; a table has --task_name=tsv or csv$"):
        texts("text\tlabel\nfine\tgood\n", reader)


def test_json_with_a_fault_is_no_table(texts):
    with pytest.raises(DataError, match=r":2: Expecting ':' delimiter \(column 9\)$"):
        texts(LINES.split("\n")[0] + '\n{"text" "a"}\n', read_jsonl)


def test_a_long_first_line_is_not_read_whole(write, monkeypatch):
    monkeypatch.setattr("processors.readers.lines._PIECE_BYTES", 8)
    first, _ = json_layouts.first_lines(TextFile(write(LINES)))
    assert first == LINES[:8]
