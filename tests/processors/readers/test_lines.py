import gzip

import pytest

from processors.readers import lines
from processors.readers.lines import TextFile
from runtime.errors import DataError


@pytest.fixture
def read(write):
    """The lines of a file with this content."""
    return lambda content, **options: list(TextFile(write(content), **options).lines())


def test_lines_end_at_line_feeds(read):
    found = read("a\r\nb\rc\u2028\x85\n\nd")
    assert [(line.number, line.text, line.end) for line in found] == [
        (1, "a", "\r\n"),
        (2, "b\rc\u2028\x85", "\n"),
        (3, "", "\n"),
        (4, "d", ""),
    ]
    assert not any(line.bad for line in found)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8"),
        ("utf-8-sig", "utf-8-sig"),
        ("cp932", "cp932"),
        ("euc_jp", "EUC-JP"),
        ("iso2022_jp", "iso2022_jp"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16"),
        ("utf-16-be", "utf-16-be"),
        ("utf-32", "utf-32"),
    ],
)
def test_a_file_is_read_in_its_encoding(read, written, said):
    text = "見出し\t表\r\n日本語、ﾊﾝｶｸ\nend"
    text = text if written not in {"euc_jp", "iso2022_jp"} else text.replace("ﾊﾝｶｸ", "")
    found = read(text.encode(written), encoding=said)
    assert "".join(line.text + line.end for line in found) == text


@pytest.mark.parametrize("size", [1, 2, 5])
@pytest.mark.parametrize("encoding", ["utf-8", "cp932", "utf-16"])
def test_characters_may_be_cut_anywhere(read, monkeypatch, size, encoding):
    monkeypatch.setattr(lines, "_PIECE_BYTES", size)
    text = "表示ソ\r\nあa\n\U0001f600" if encoding != "cp932" else "表示ソ\r\nあa\nb"
    found = read(text.encode(encoding), encoding=encoding)
    assert "".join(line.text + line.end for line in found) == text
    assert [line.number for line in found] == [1, 2, 3]


@pytest.mark.parametrize(
    ("written", "said", "byte", "advice"),
    [
        ("cp932", "utf-8", "0x93", "it may be cp932: say --encoding=cp932"),
        ("euc_jp", "utf-8", "0xc6", "it may be euc_jp: say --encoding=euc_jp"),
        ("utf-8", "euc_jp", "0xe6", "it may be utf-8: say --encoding=utf-8"),
    ],
)
def test_another_encoding_is_named_by_line_and_byte(read, written, said, byte, advice):
    text = "日本語の文です。\t1\n"
    first, second = read(b"ok\t0\n" + text.encode(written), encoding=said)
    assert first.bad is None
    assert second.bad.source == text.removesuffix("\n").encode(written)
    message = str(second.bad.error)
    assert f":2: expected {said.upper()}, found {byte} at byte " in message
    assert advice in message


def test_damage_is_not_taken_for_another_encoding(read):
    found = read("日本語\n".encode() * 9 + b"\xe6\x97\n")
    assert "so the file may be damaged" in str(found[9].bad.error)


def test_the_place_of_a_wrong_byte(read):
    found = read(b"\xef\xbb\xbf\xe3\x81\x82\n\xe3\x81\x82a\xff\n")
    assert (found[1].bad.error.line, found[1].bad.error.offset) == (2, 11)
    content = "a\n\ud800b\nc\n".encode("utf-16-le", "surrogatepass")
    found = read(content, encoding="utf-16")
    assert [line.bad is None for line in found] == [True, False, True]
    assert found[1].bad.error.offset == 4


@pytest.mark.parametrize(
    ("content", "said", "words"),
    [
        ("a\n".encode("utf-16"), "utf-8", "byte order mark of utf-16-le"),
        ("a\n".encode("utf-32"), "utf-8", "byte order mark of utf-32-le"),
        ("a\n".encode("utf-8-sig"), "cp932", "byte order mark of utf-8"),
        ("a\n".encode("utf-16"), "utf-16-be", "byte order mark of utf-16-le"),
    ],
)
def test_the_mark_of_another_encoding(read, content, said, words):
    with pytest.raises(DataError, match=words):
        read(content, encoding=said)


def test_signs_of_another_encoding(read):
    (line,) = read("日本".encode("iso2022_jp"))
    assert "say --encoding=iso2022_jp" in str(line.bad.error)
    (line,) = read("a\0b")
    assert "a NUL character, a sign of UTF-16" in str(line.bad.error)
    (line,) = read("\x1b[31mred\x1b[0m")  # only colours
    assert line.bad is None


def test_bytes_that_an_encoding_does_not_define(read):
    first, second = read(b"\x93\xfa\xff\n\x93\xfa", encoding="cp932")
    assert "a byte that the encoding does not define" in str(first.bad.error)
    assert second.bad is None


@pytest.mark.parametrize("size", [1, 7, 1 << 16])
@pytest.mark.parametrize("encoding", ["utf-8", "cp932", "utf-16"])
def test_lines_end_at_returns_where_there_is_no_line_feed(
    read, monkeypatch, size, encoding
):
    for name in ("_LOOK_BYTES", "_PIECE_BYTES"):
        monkeypatch.setattr(lines, name, size)
    found = read("見出し\t表\r\rソ本語\r終".encode(encoding), encoding=encoding)
    assert [(line.number, line.text, line.end) for line in found] == [
        (1, "見出し\t表", "\r"),
        (2, "", "\r"),
        (3, "ソ本語", "\r"),
        (4, "終", ""),
    ]


def test_a_wrong_byte_in_a_file_of_returns_has_its_line(read):
    found = read(b"\xef\xbb\xbfa\rb\xffc\rd")
    assert [line.bad is None for line in found] == [True, False, True]
    assert (found[1].bad.error.line, found[1].bad.error.offset) == (2, 6)


def test_one_line_feed_makes_returns_part_of_the_text(read):
    assert [line.text for line in read("a\rb\rc\n")] == ["a\rb\rc"]
    assert [line.text for line in read("a\rb\nc\r")] == ["a\rb", "c\r"]


@pytest.mark.parametrize("size", [1, 3, 1 << 16])
def test_line_feeds_in_quotes_leave_the_ends_to_returns(read, monkeypatch, size):
    monkeypatch.setattr(lines, "_LOOK_BYTES", size)
    content = 'a,"x\n""y""\nz"\rb,"\n"\r'
    assert [line.text for line in read(content, quoted=True)] == [
        'a,"x\n""y""\nz"',
        'b,"\n"',
    ]
    first = read(content + '"\r"\n', quoted=True)[0]
    assert first.text == 'a,"x'
    assert [line.text for line in read('"\r"', quoted=True)] == ['"\r"']
    assert [line.text for line in read('"\r"')] == ['"', '"']


@pytest.mark.parametrize(
    "text", ["text\tlabel\nfine day\tgood\n", "題\t一\n文章\t二\n"]
)
@pytest.mark.parametrize(
    "encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"]
)
@pytest.mark.parametrize("times", [1, 400])
def test_wide_text_without_a_mark_is_named(read, text, encoding, times):
    with pytest.raises(
        DataError, match=f"reads as {encoding} .*--encoding={encoding}$"
    ):
        read((text * times).encode(encoding))
    (*_, last) = read((text * times).encode(encoding), encoding=encoding)
    assert (last.text, last.bad) == (text.split("\n")[1], None)


@pytest.mark.parametrize(
    "content", [b"a\0\n", b"te\0xt\tlabel\n\0\n", b"a\tb\n\xff\xff\0\0\n", bytes(64)]
)
def test_stray_zeros_are_not_taken_for_wide_text(read, content):
    assert any(line.bad is not None for line in read(content))


def test_gzip_is_known_by_its_content(write):
    path = write(gzip.compress("あ\nb\n".encode()), "packed.tsv")
    assert [line.text for line in TextFile(path).lines()] == ["あ", "b"]
    path = write("あ\n", "plain.tsv.gz")
    assert [line.text for line in TextFile(path).lines()] == ["あ"]


@pytest.mark.parametrize("damage", [slice(0, -9), slice(0, 5)])
def test_a_damaged_gzip_file(write, damage):
    path = write(gzip.compress(bytes(range(10, 99)) * 99)[damage])
    with pytest.raises(DataError, match=r"data\.txt: the gzip file is damaged"):
        list(TextFile(path, encoding="latin-1").lines())


def test_a_line_that_never_ends_does_not_fill_the_memory(write, peak_of, monkeypatch):
    monkeypatch.setattr(lines, "ROW_LIMIT", 100_000)
    path = write("a\n" + "x" * 30_000_000 + "\nb")
    (first, long, last), peak = peak_of(lambda: list(TextFile(path).lines()))
    assert (first.text, last.text, last.number) == ("a", "b", 3)
    assert "found a line of more than 100000 characters" in str(long.bad.error)
    assert len(long.bad.source) < 2000
    assert peak < 9_000_000


def test_a_field_of_ten_megabytes(read):
    (line,) = read("あ" * 3_500_000)
    assert line.bad is None
    assert line.text == "あ" * 3_500_000


def test_western_text_is_known(read):
    (line,) = read("café — déjà vu\n".encode("cp1252"))
    assert "it may be cp1252" in str(line.bad.error)


def test_many_wrong_lines_take_no_longer_than_right_ones(read):
    found = read("日本語の文\n".encode("cp932") * 5_000)
    assert all(line.bad for line in found)
