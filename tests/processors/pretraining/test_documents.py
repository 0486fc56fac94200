import gzip
from array import array

import pytest

from processors.pretraining import documents
from processors.pretraining.corpus import Corpus, Sentences
from processors.pretraining.documents import Text
from runtime.errors import DataError, SettingsError


def characters(texts):
    return [array("i", map(ord, text.replace(" ", ""))) for text in texts]


def read(*paths, encode=characters, skip=0, **settings):
    files = documents.find_files(list(map(str, paths)))
    text = Text(files, encode=encode, vocab_size=1 << 20, **settings)
    corpus = Corpus(Sentences.concatenate(list(text.sentences(skip=skip))))
    found = []
    for index in range(len(corpus)):
        document = corpus.document(index)
        lines = [document.joined(i, i + 1) for i in range(len(document))]
        found.append(["".join(map(chr, line)) for line in lines])
    return found


def test_blank_lines_and_files_part_documents(tmp_path):
    first, second = tmp_path / "a.txt", tmp_path / "b.txt"
    first.write_text("\ufeffa b\n c \n\n\n \t\nd\n", encoding="utf-8")
    second.write_text("e\r\n\r\nf", encoding="utf-8")
    assert read(tmp_path / "*.txt") == [["ab", "c"], ["d"], ["e"], ["f"]]
    assert read(second, first)[0] == ["e"]


def test_a_file_ends_a_document_even_without_a_line_feed(tmp_path):
    (tmp_path / "a.txt").write_text("a\nb")
    (tmp_path / "b.txt").write_text("c\n")
    assert read(tmp_path / "a.txt", tmp_path / "b.txt") == [["a", "b"], ["c"]]


def test_sentences(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("「行く。」と言う。なに！？ほう\n\n次。\n", encoding="utf-8")
    assert read(path, split_sentences=True) == [
        ["「行く。」と言う。", "なに！？", "ほう"],
        ["次。"],
    ]
    assert read(path)[0] == ["「行く。」と言う。なに！？ほう"]


def test_lines_without_tokens_part_nothing(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("a\n!\nb\n")
    found = read(path, encode=lambda texts: characters([t.strip("!") for t in texts]))
    assert found == [["a", "b"]]


def test_chunks_do_not_part_documents_and_lines_can_be_skipped(tmp_path, monkeypatch):
    monkeypatch.setattr(documents, "_LINES_A_CALL", 3)
    path = tmp_path / "a.txt"
    path.write_text("a\nb\nc\nd\n\ne\nf\n")
    assert read(path) == [["a", "b", "c", "d"], ["e", "f"]]
    assert read(path, skip=5) == [["e", "f"]]
    assert read(path, skip=3) == [["d"], ["e", "f"]]
    parts = Text([str(path)], encode=characters, vocab_size=1 << 20).sentences()
    assert [part.lines for part in parts] == [3, 3, 3]


def test_long_lines_are_not_held_by_the_thousand(tmp_path, monkeypatch):
    monkeypatch.setattr(documents, "_CHARACTERS_A_CALL", 10)
    (tmp_path / "a.txt").write_text("aaaaaa\nbbbbbb\nc\n")
    sizes = []

    def encode(texts):
        sizes.append(len(texts))
        return characters(texts)

    assert read(tmp_path / "a.txt", encode=encode) == [["a" * 6, "b" * 6, "c"]]
    assert sizes == [2, 1]


def test_how_far_the_files_were_read(tmp_path):
    for name in "ab":
        (tmp_path / f"{name}.txt").write_text("a\nb\n")
    files = documents.find_files([str(tmp_path / "*.txt")])
    text = Text(files, encode=characters, vocab_size=1 << 20)
    assert sum(part.lines for part in text.sentences()) == 8  # 2 blank ones a file
    assert text.bytes_read == 8


@pytest.mark.parametrize("encoding", ["cp932", "utf-16", "utf-8"])
def test_encodings_and_gzip(tmp_path, encoding):
    path = tmp_path / "a.txt"
    path.write_bytes(gzip.compress("表\r\nソ\n\n能\n".encode(encoding)))
    assert read(path, encoding=encoding) == [["表", "ソ"], ["能"]]


def test_another_encoding_is_named_with_its_flag(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes("1\nメロスは激怒した。\n".encode("cp932"))
    with pytest.raises(DataError, match="--text_encoding=cp932") as caught:
        read(path)
    assert (caught.value.path, caught.value.line) == (str(path), 2)


def test_no_file_matches(tmp_path):
    with pytest.raises(SettingsError, match="no file matches"):
        documents.find_files([str(tmp_path / "*.txt")])
