from array import array

import pytest

from processors.pretraining import documents
from runtime.errors import DataError, SettingsError


def characters(texts):
    return [array("i", map(ord, text.replace(" ", ""))) for text in texts]


def read(*paths, **settings):
    found = documents.read_documents(
        list(map(str, paths)), encode=characters, **settings
    )
    return [["".join(map(chr, line)) for line in document] for document in found]


def test_blank_lines_and_files_part_documents(tmp_path):
    first, second = tmp_path / "a.txt", tmp_path / "b.txt"
    first.write_text("\ufeffa b\n c \n\n\n \t\nd\n", encoding="utf-8")
    second.write_text("e\r\n\r\nf", encoding="utf-8")
    assert read(tmp_path / "*.txt") == [["ab", "c"], ["d"], ["e"], ["f"]]
    assert read(second, first)[0] == ["e"]


def test_sentences(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("「行く。」と言う。なに！？ほう\n\n次。\n", encoding="utf-8")
    assert read(path, split_sentences=True) == [
        ["「行く。」と言う。", "なに！？", "ほう"],
        ["次。"],
    ]


def test_lines_without_tokens_part_nothing(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("a\n!\nb\n")
    found = documents.read_documents(
        [str(path)], encode=lambda texts: characters([t.strip("!") for t in texts])
    )
    assert len(found) == 1
    assert len(found[0]) == 2


@pytest.mark.parametrize("content", ["", "\n\n \n"])
def test_no_text(tmp_path, content):
    (tmp_path / "a.txt").write_text(content)
    with pytest.raises(DataError, match="no text"):
        read(tmp_path / "a.txt")


def test_unknown_encoding(tmp_path):
    (tmp_path / "a.txt").write_text("a")
    with pytest.raises(SettingsError, match="klingon"):
        read(tmp_path / "a.txt", encoding="klingon")
