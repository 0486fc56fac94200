import csv
import io
import random

import pytest

from processors.readers import lines, notices, tables
from processors.readers.columns import TableLayout
from processors.readers.row import BadRow
from processors.readers.tables import read_csv, read_table, read_tsv
from runtime.errors import DataError, StorageError


@pytest.fixture
def tsv(write, good):
    """The rows of a TSV file with this content."""

    def rows(content, **options):
        return good(read_tsv(write(content, "data.tsv"), **options))

    return rows


def test_a_row_knows_its_file_line_and_columns(tsv, tmp_path):
    first, second = tsv("text\tlabel\r\na\t0\r\nb\t1\r\n")
    assert (second.path, second.line) == (str(tmp_path / "data.tsv"), 3)
    assert second.text("text") == "b"
    assert second.text(0) == "b"
    assert second.name(-1) == "1"
    assert (first.index, second.index) == (1, 2)


@pytest.mark.parametrize(
    "separator",
    ["\u2028", "\u2029", "\u0085", "\r", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e"],
)
def test_only_line_feeds_end_a_row(tsv, separator):
    rows = tsv(f"one{separator}still one\t0\ntwo\t1\n", header=False)
    assert [row.fields for row in rows] == [
        (f"one{separator}still one", "0"),
        ("two", "1"),
    ]


def test_quotes_are_characters(tsv):
    rows = tsv('text\n"open\nsay "no"\n""\n')
    assert [row.text("text") for row in rows] == ['"open', 'say "no"', '""']


def test_byte_order_mark_is_not_part_of_the_first_column(tsv):
    (row,) = tsv(b"\xef\xbb\xbftext\tlabel\nx\t0\n")
    assert row.names == ("text", "label")


def test_last_line_needs_no_end_and_empty_lines_may_follow(tsv):
    assert len(tsv("a\t0\nb\t1", header=False)) == 2
    assert len(tsv("a\t0\nb\t1\n\n\r\n", header=False)) == 2


def test_fields_have_any_length(tsv):
    (row,) = tsv("x" * 1_000_000 + "\t0\n", header=False)
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
def test_a_bad_row_is_named_by_file_and_line(tsv, tmp_path, content, line, words):
    with pytest.raises(DataError, match=words) as caught:
        tsv(content, header=False)
    assert str(caught.value).startswith(f"{tmp_path / 'data.tsv'}:{line}: ")


def test_missing_and_doubled_columns(tsv):
    (row,) = tsv("text\ttext\tlabel\na\tb\t0\n")
    with pytest.raises(DataError, match=r":2: no column 'txt'; there is 'text', 'te"):
        row.text("txt")
    with pytest.raises(DataError, match="more than one column 'text'"):
        row.text("text")
    (row,) = tsv("a\t0\n", header=False)
    with pytest.raises(DataError, match="no column 2; there is 0 to 1"):
        row.text(2)


@pytest.mark.parametrize(
    ("content", "quoted", "words"),
    [
        ('a\t0\n"b\nc"\t1\n', False, "got 1; fields in quotes, as pandas and Excel"),
        ('a\t0\nb"\n', False, "got 1; fields in quotes"),
        ('a\t0\nb "c" d\n', False, "got 1$"),
        ("a\t0\nb;1\n", False, "separated by semicolons: say --delimiter=semicolon"),
        ("a\t0\nb 1\n", False, "got 1$"),
        ("a\t0\nb\tc\t1\n", True, r"got 3; a text with '\\t' in it must stand in qu"),
        ("a\t0\nb\tc\t1\n", False, "got 3$"),
        ("a\t0\nb\n", True, "got 1$"),
        ("a\t0\nb\t1\t\t\n", False, "got 4$"),
        ("a\t0\nb\t1\t\n", False, r"got 3; '\\t' at the end of a row makes one more"),
    ],
)
def test_what_a_row_of_another_width_may_be(tsv, content, quoted, words):
    with pytest.raises(DataError, match=f"expected 2 columns as in .*{words}"):
        tsv(content, header=False, quoted=quoted)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('"text"\t"label"\n"a"\t"b"\n', "2 of 2 rows have fields in quotes"),
        ('text\tlabel\n"a"\tb\n', "1 of 2 rows"),
        ('t\tl\nab\tc\nab\tc\nab\tc\n"a ""b"" c"\tc\n', "1 of 5 rows"),
        ('t\tl\nab\tc\n"ab"\tc\n', None),
        ("", None),
        ('t\tl\n"a" and "b"\tc\n', None),
        ('t\tl\n"\tc\n"a\tb\n', None),
        ('t\tl\n"a" "b"\tc\n', None),
    ],
)
def test_quotes_that_are_kept_are_named_once(tsv, caplog, content, said):
    notices.tell.cache_clear()
    tsv(content)
    tsv(content)
    assert [(said or "") in text for text in caplog.messages] == [True] * bool(said)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("quoted", [False, True])
def test_any_line_end_of_a_whole_file(tsv, end, quoted):
    rows = tsv(f"text\tlabel{end}a b\t0{end}c\t1{end}", quoted=quoted)
    assert [(row.line, row.fields) for row in rows] == [
        (2, ("a b", "0")),
        (3, ("c", "1")),
    ]


def test_fields_in_quotes_of_a_file_of_returns(write, good):
    path = write('text,label\r"one\ntwo\rthree ""x""",0\rnext,1\r')
    first, second = good(read_csv(path))
    assert first.fields == ('one\ntwo\rthree "x"', "0")
    assert (first.line, second.line, second.fields) == (2, 4, ("next", "1"))


def test_the_first_row_is_checked(write):
    def check(row):
        checked.append((row.line, row.names, row.fields))

    path = write("a\tb\nc\td\n")
    for header, names in ((True, ("a", "b")), (False, ())):
        checked = []
        rows = list(
            read_table(path, layout=TableLayout("\t", header=header), check=check)
        )
        assert checked == [(1, names, ("a", "b"))]
        assert len(rows) == 2 - header


def test_a_row_of_too_few_columns_needs_no_quotes(tsv):
    with pytest.raises(DataError, match=r"expected 3 columns as in .*, got 2$"):
        tsv("a\tb\t0\nb\tc\n", header=False, quoted=True)


def test_missing_file(tmp_path):
    with pytest.raises(StorageError, match=r"nowhere\.tsv"):
        list(read_tsv(str(tmp_path / "nowhere.tsv")))


def test_bad_rows_leave_the_others_alone(write):
    content = b"text\tlabel\na\t0\nb\n\n\nc\t1\t2\n\xff\t0\nd\x00\t0\ne\t1\n\n"
    found = list(read_tsv(write(content)))
    good = [row.fields for row in found if not isinstance(row, BadRow)]
    bad = [row for row in found if isinstance(row, BadRow)]
    assert good == [("a", "0"), ("e", "1")]
    assert [row.error.line for row in bad] == [3, 4, 5, 6, 7, 8]
    assert [row.source for row in bad] == [
        "b",
        "",
        "",
        "c\t1\t2",
        b"\xff\t0",
        "d\0\t0",
    ]


@pytest.mark.parametrize("content", [b"te\xffxt\tlabel\na\t0\n", b"te\0xt\na\n"])
def test_a_header_that_cannot_be_read_is_the_end(write, content):
    with pytest.raises(DataError, match=":1: "):
        list(read_tsv(write(content)))


def test_quotes_of_a_tsv_file_by_request(tsv):
    rows = tsv('text\tlabel\n"tab\there, ""so"""\t0\n', quoted=True)
    assert rows[0].fields == ('tab\there, "so"', "0")


def test_a_field_in_quotes_keeps_its_line_ends(write, good):
    path = write('a,b\r\n"one\r\ntwo\nthree\rfour\u2028",1\r\nnext,2\r\n')
    first, second = good(read_csv(path))
    assert first.fields == ("one\r\ntwo\nthree\rfour\u2028", "1")
    assert (first.line, second.line) == (2, 5)
    assert first.source == '"one\r\ntwo\nthree\rfour\u2028",1'


def test_quotes_inside_a_field_without_quotes_are_characters(write, good):
    (row,) = good(read_csv(write('5" pipe,say "no",""\n'), header=False))
    assert row.fields == ('5" pipe', 'say "no"', "")


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        ('a,b\n"x"y,1\n', 2, "text after a closing quote: 'y'"),
        ('a,b\n"x""y,1\n2,3\n', 2, "a field opens with a quote that closes nowhere"),
        ('a,b\n"x",1,\n', 2, "expected 2 columns as in the first row, got 3"),
        ('a,b\n"x\n\0",1\n', 3, "NUL"),
        ("a,b\n\n1,2\n", 2, "an empty line between rows"),
    ],
)
def test_a_bad_row_of_csv(write, content, line, words):
    found = list(read_csv(write(content)))
    (bad,) = [row for row in found if isinstance(row, BadRow)]
    assert words in str(bad.error)
    assert bad.error.line == line


def test_a_bad_row_in_quotes_ends_where_its_quotes_do(write):
    found = list(read_csv(write('a,b\n"x\ny"z,1\n2,3\n')))
    assert [isinstance(row, BadRow) for row in found] == [True, False]
    assert found[0].source == '"x\ny"z,1'


@pytest.mark.parametrize("seed", range(3))
def test_what_a_csv_writer_wrote_is_read_back(write, good, seed):
    draw = random.Random(seed)
    table = [
        [
            "".join(draw.choices('ab",\n\r\t \u2028\u3042', k=draw.randrange(9)))
            for _ in "12"
        ]
        for _ in range(300)
    ]
    buffer = io.StringIO()
    csv.writer(buffer).writerows(table)
    rows = good(read_csv(write(buffer.getvalue()), header=False))
    assert [list(row.fields) for row in rows] == table


def test_memory_does_not_grow_with_the_file(write, peak_of):
    path = write(("x" * 98 + "\t0\n") * 20_000)
    count, peak = peak_of(lambda: sum(1 for _ in read_tsv(path)))
    assert count == 19_999
    assert peak < 3_000_000


def test_a_quote_that_never_closes_does_not_fill_the_memory(
    write, peak_of, monkeypatch
):
    for module in (lines, tables):
        monkeypatch.setattr(module, "ROW_LIMIT", 100_000)
    path = write('a,b\n"open,0\n' + ("x" * 998 + "\n") * 8_000)
    (bad,), peak = peak_of(lambda: list(read_csv(path)))
    assert "more than 100000 characters; is a quote not closed?" in str(bad.error)
    assert bad.error.line == 2
    assert peak < 5_000_000
