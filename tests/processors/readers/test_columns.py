import pytest

from processors.readers.columns import TableLayout, WantedColumns, other_separator
from processors.readers.row import Row
from runtime.errors import DataError

ROLES = {role: role for role in ("text_a", "text_b", "label", "id")}
ROLES["file"] = "dev_file"
TEXT_AND_LABEL = {"text_a": "text", "label": "label"}


@pytest.fixture
def refusal():
    """What is said of a table whose first row is this."""

    def refuse(source, *, columns=None, flags=ROLES, delimiter="\t", **layout):
        names = tuple(source.split(delimiter))
        has_header = layout.get("header", True)
        row = Row("d.tsv", 1, names if has_header else (), names, source=source)
        with pytest.raises(DataError) as caught:
            WantedColumns(columns or TEXT_AND_LABEL, flags).refuse_missing(
                row, layout=TableLayout(delimiter, **layout)
            )
        assert str(caught.value).startswith("d.tsv:1: no column ")
        return str(caught.value)

    return refuse


def test_a_row_with_its_columns():
    row = Row("d.tsv", 1, ("label", "text", "more"), ("a", "b", "c"))
    WantedColumns(TEXT_AND_LABEL).refuse_missing(row, layout=TableLayout("\t"))
    WantedColumns({"text_a": 0, "label": -3}).refuse_missing(
        row, layout=TableLayout("\t")
    )


@pytest.mark.parametrize(
    ("header", "columns", "flags"),
    [
        ("sentence\tlabel", TEXT_AND_LABEL, "say --text_a=sentence"),
        ("Text\tlabel\tmore", TEXT_AND_LABEL, "say --text_a=Text"),
        ("text \tlabel\tmore", TEXT_AND_LABEL, "say --text_a='text '"),
        ("texts\tlabels\tx", TEXT_AND_LABEL, "say --text_a=texts --label=labels"),
        ("review", TEXT_AND_LABEL, "say --text_a=NAME --label=NAME"),
        ("review\tstars\tx", TEXT_AND_LABEL, "say --text_a=NAME --label=NAME"),
        ("text\tlabel", {**TEXT_AND_LABEL, "id": "nr"}, "say --id=NAME"),
        ("s1\ts_b\tx", {"text_a": "s1", "text_b": "s_2"}, "say --text_b=s_b"),
    ],
)
def test_missing_columns_are_named_with_their_flags(refusal, header, columns, flags):
    said = refusal(header, columns=columns)
    assert f"; {flags}" in said
    for name in header.split("\t"):
        assert repr(name) in said
    assert ("--header" in said) == ("NAME --label=NAME" in said)


def test_of_many_columns_some_are_named(refusal):
    said = refusal("\t".join(f"column {n}" for n in range(25)))
    assert "'column 19' and 5 more; say" in said


def test_a_table_that_no_flags_describe(refusal):
    said = refusal("Text\tlabel", flags={})
    assert said.endswith("no column 'text'; there is 'Text', 'label'; is 'Text' meant?")
    assert refusal("a\tb", flags={}).endswith("there is 'a', 'b'")
    assert refusal("面白い。\t1", flags={}).endswith("there is '面白い。', '1'")


def test_a_file_without_a_header(refusal):
    said = refusal("面白い映画でした。\tgood")
    assert said.endswith(
        "there is '面白い映画でした。', 'good'; the first row looks like data: say"
        " --header=false and columns by position, such as --text_a=0"
    )
    assert refusal("fine\tgood").endswith(
        "say --text_a=NAME --label=NAME, or if the first row is data --header=false and"
        " columns by position, such as --text_a=0"
    )
    assert "looks like data" in refusal("fine\t1")
    assert "looks like data" in refusal("x" * 51 + "\tgood")
    assert "--header" not in refusal("text\tgood")
    assert "say --text_a='is it good?'" in refusal("label\tis it good?")
    assert "returns" not in refusal('"a\rb",c', delimiter=",", quoted=True)


def test_positions_are_for_files_without_a_header(refusal):
    said = refusal("text\tlabel", columns={"text_a": "0", "label": "1"})
    assert "positions are for files without a header: say --header=false" in said
    said = refusal("a", columns={"text_a": 0, "label": 1}, header=False)
    assert "no column 1; there is 0 to 0; say --label=NAME" in said
    assert "--header" not in said


@pytest.mark.parametrize(
    ("header", "delimiter", "layout", "advice"),
    [
        ("text;label", ",", {"quoted": True}, "semicolons: say --delimiter=semicolon"),
        ("text\tlabel", ",", {"quoted": True}, "tabs: say --delimiter=tab"),
        ("text\tlabel", ",", {}, "tabs: say --delimiter=tab"),
        ("text|label", ",", {"quoted": True}, "pipes: say --delimiter=pipe"),
        ("x 0 1", "\t", {"header": False, "columns": {"a": 0, "b": 1}}, "no advice"),
        ("text,label", "\t", {}, "commas: say --delimiter=comma --quoted"),
        ('"text";"label"', "\t", {}, "semicolons: say --delimiter=semicolon --quoted"),
        ("text;label", "\t", {"quoted": True}, "say --delimiter=semicolon"),
        ("content;stars", ",", {"quoted": True}, "say --delimiter=semicolon"),
        ("text;a,label;b;c", ",", {}, "no advice"),
        ("label text", "\t", {}, r"by sed -E 's/ /\t/' FILE > NEW_FILE"),
        ("text   label", "\t", {}, r"by sed -E 's/ {2,}/\t/g' FILE > NEW_FILE"),
        ("the text", "\t", {"columns": {"text_a": "text"}}, "no advice"),
        ("a text;1", "\t", {"header": False, "columns": {"a": 0, "b": 1}}, " --quoted"),
    ],
)
def test_other_separators(refusal, header, delimiter, layout, advice):
    said = refusal(header, delimiter=delimiter, **layout)
    if advice == "no advice":
        assert "separated" not in said
    else:
        assert "the columns seem to be separated by " in said
        assert said.endswith(advice) or advice in said
        assert said.endswith("--quoted") == advice.endswith("--quoted")


def test_names_in_quotes(refusal):
    assert "the names stand in quotes: say --quoted" in refusal('"text"\t"label"')


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"text": "a", "label": "b"}', "JSON: say --task_name=json --dev_file=d.tsv"),
        ("sep=;", "it is a note of Excel on the separator: delete this line"),
        ("SEP=,", "it is a note of Excel"),
        ('[{"text": "a"},', "it looks like JSON"),
        ("<!DOCTYPE html>", "it is a web page"),
        (" <html lang=ja>", "it is a web page"),
        ("text,label\ra,b", "it holds carriage returns"),
    ],
)
def test_other_content(refusal, content, words):
    assert words in refusal(content)


def test_a_json_object_names_its_lists():
    row = Row("d.json", 3, ("title", "parts"), ("a", [{"text": "b"}]), item=2)
    with pytest.raises(DataError, match="'parts' holds a list of objects: write that"):
        WantedColumns({"text_a": "text"}).refuse_missing(row)
    row = Row("d.json", 3, ("title", "parts"), ("a", ["b"]), item=2)
    with pytest.raises(DataError, match=r":3: item 2: no column 'text'; .*'parts'$"):
        WantedColumns({"text_a": "text"}).refuse_missing(row)


def test_a_row_with_too_few_separators_says_nothing():
    layout = TableLayout("\t")
    assert other_separator("a,b", layout=layout, width=3) is None
    assert "commas" in str(other_separator("a,b,c", layout=layout, width=3))
    assert other_separator("a b c", layout=layout, width=2) is None
