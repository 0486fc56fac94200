import gzip

import pytest

from processors.example import InputExample
from runtime.errors import DataError, SettingsError
from tf_bert.vectors.settings import ExtractionSettings
from tf_bert.vectors.texts import read


@pytest.fixture
def read_file(tmp_path):
    def read_it(name, content, **changes):
        (tmp_path / name).write_bytes(content)
        settings = ExtractionSettings(
            input_file=str(tmp_path / name),
            output_file="out.jsonl",
            init_checkpoint="weights",
            vocab_file="vocab.txt",
            **changes,
        )
        return list(read(settings))

    return read_it


EXPECTED = [InputExample("0", "走れ"), InputExample("1", "メロス", "激怒")]
LINES = "走れ \n メロス ||| 激怒\n"


@pytest.mark.parametrize("encoding", ["utf-8", "cp932", "euc_jp", "utf-16"])
def test_a_text_a_line_or_two(read_file, encoding):
    found = read_file("a.txt", LINES.encode(encoding), encoding=encoding)
    assert found == EXPECTED


def test_gzip_and_a_byte_order_mark(read_file):
    assert read_file("a.txt.gz", gzip.compress(LINES.encode("utf-8-sig"))) == EXPECTED


def test_empty_lines_are_texts(read_file):
    assert [e.text_a for e in read_file("a.txt", b"a\n\n b \n")] == ["a", "", "b"]


@pytest.mark.parametrize(
    ("name", "content", "columns"),
    [
        ("a.tsv", "text\tb\n走れ\t\nメロス\t激怒\n", {}),
        ("a.csv", 'text,b\n"走れ",\n"メロス","激怒"\n', {}),
        ("a.jsonl", '{"text":"走れ","b":""}\n{"text":"メロス","b":"激怒"}\n', {}),
        ("a.json", '[{"text":"走れ","b":""},{"text":"メロス","b":"激怒"}]', {}),
        ("a.TSV", "走れ\t\nメロス\t激怒\n", {"header": False}),
        ("a.csv", "text;b\n走れ;\nメロス;激怒\n", {"delimiter": "semicolon"}),
    ],
)
def test_columns_of_a_table(read_file, name, content, columns):
    named = {"text_a": "text", "text_b": "b"}
    placed = {"text_a": "0", "text_b": "1"}
    chosen = placed if "header" in columns else named
    found = read_file(name, content.encode(), **chosen, **columns)
    assert [(e.text_a, e.text_b or None) for e in found] == [
        ("走れ", None),
        ("メロス", "激怒"),
    ]


@pytest.mark.parametrize(
    ("name", "content", "changes", "error", "message"),
    [
        ("a.txt", b"", {}, DataError, "no line"),
        ("a.txt", b"a\na ||| b ||| c\n", {}, DataError, "a.txt:2: .*found 3"),
        ("a.txt", "走れ\n".encode("cp932"), {}, DataError, "--encoding=cp932"),
        ("a.txt", "走れ".encode("cp932"), {}, DataError, "--encoding=cp932"),
        ("a.txt", b"a\n", {"text_a": "text"}, SettingsError, "ends in none of"),
        ("a.tsv", b"x\na\n", {"text_a": "text"}, DataError, "text"),
    ],
)
def test_what_cannot_be_read(read_file, name, content, changes, error, message):
    with pytest.raises(error, match=message):
        read_file(name, content, **changes)
