import hashlib

import pytest

from processors.tokenization.base import SpecialTokens
from processors.tokenization.vocabulary import read_sentence_piece, read_word_piece
from runtime.errors import DataError, StorageError


def test_word_piece_ids_are_line_numbers(write_vocab):
    vocabulary = read_word_piece(write_vocab("[PAD]", "あ", "##い"))
    assert vocabulary.ids == {"[PAD]": 0, "あ": 1, "##い": 2}
    assert vocabulary.tokens == {0: "[PAD]", 1: "あ", 2: "##い"}
    assert vocabulary.size == 3


def test_white_space_around_a_token_does_not_count(write_vocab):
    path = write_vocab("[PAD] ", "\u3000a\t", end="\r\n")
    assert read_word_piece(path).ids == {"[PAD]": 0, "a": 1}


def test_a_byte_order_mark_is_no_part_of_a_token(write_vocab):
    assert read_word_piece(write_vocab("\ufeff[PAD]", "a")).ids == {"[PAD]": 0, "a": 1}
    path = write_vocab("\ufeff<unk>\t0", "a\t-1")
    assert read_sentence_piece(path).ids == {"<unk>": 0, "a": 1}


def test_an_empty_token_takes_an_id(write_vocab):
    vocabulary = read_word_piece(write_vocab("a", "", " \u3000", "b"))
    assert vocabulary.ids == {"a": 0, "": 2, "b": 3}
    assert vocabulary.size == 4


def test_of_a_token_listed_twice_the_last_id_counts(write_vocab):
    vocabulary = read_word_piece(write_vocab("a", "b", "a"))
    assert vocabulary.ids == {"a": 2, "b": 1}
    assert vocabulary.tokens == {1: "b", 2: "a"}
    assert vocabulary.size == 3


def test_only_a_line_feed_ends_a_line(write_vocab):
    vocabulary = read_word_piece(write_vocab("a\u2028b", "c\x0bd", "e\x85f"))
    assert vocabulary.ids == {"a\u2028b": 0, "c\x0bd": 1, "e\x85f": 2}


def test_the_last_line_needs_no_end(tmp_path):
    path = tmp_path / "vocab.txt"
    path.write_bytes(b"a\nb")
    assert read_word_piece(str(path)).ids == {"a": 0, "b": 1}


def test_the_hash_is_that_of_the_bytes(write_vocab):
    path = write_vocab("a", "b")
    assert read_word_piece(path).sha256 == hashlib.sha256(b"a\nb\n").hexdigest()


def test_sentence_piece_ids_are_line_numbers(write_vocab):
    vocabulary = read_sentence_piece(write_vocab("<unk>\t0", "▁\t-1.5", " a \t-2"))
    assert vocabulary.ids == {"<unk>": 0, "▁": 1, "a": 2}


@pytest.mark.parametrize("wrong", ["", "a", "a\t-1\tb", "a -1"])
def test_a_sentence_piece_line_without_two_columns_is_named(write_vocab, wrong):
    path = write_vocab("<unk>\t0", wrong, "b\t-1")
    with pytest.raises(DataError, match="a piece, a tab and its score") as caught:
        read_sentence_piece(path)
    assert (caught.value.path, caught.value.line) == (path, 2)
    assert f"{path}:2: " in str(caught.value)


@pytest.mark.parametrize("read", [read_word_piece, read_sentence_piece])
def test_bytes_that_are_no_text_are_named_by_line(tmp_path, read):
    path = tmp_path / "vocab.txt"
    path.write_bytes("a\t0\nあ\t0\n".encode() + "い\t0\n".encode("cp932"))
    with pytest.raises(DataError, match="UTF-8") as caught:
        read(str(path))
    assert caught.value.line == 3


@pytest.mark.parametrize("read", [read_word_piece, read_sentence_piece])
def test_an_empty_file_is_refused(tmp_path, read):
    path = tmp_path / "vocab.txt"
    path.write_bytes(b"")
    with pytest.raises(DataError, match="empty"):
        read(str(path))


def test_a_missing_file_is_named():
    with pytest.raises(StorageError, match=r"nowhere/vocab\.txt"):
        read_word_piece("nowhere/vocab.txt")


def test_special_tokens_are_found_by_name(write_vocab):
    path = write_vocab("a", "[MASK]", "[SEP]", "[CLS]", "[UNK]", "[PAD]")
    special = SpecialTokens.of(read_word_piece(path))
    assert special == SpecialTokens(pad=5, unk=4, cls=3, sep=2, mask=1)


def test_special_tokens_of_sentence_piece_are_found_by_name(write_vocab):
    path = write_vocab("<pad>\t0", "<unk>\t0", "[CLS]\t0", "[SEP]\t0")
    special = SpecialTokens.of(read_sentence_piece(path))
    assert special == SpecialTokens(pad=0, unk=1, cls=2, sep=3, mask=None)


def test_the_padding_of_a_vocabulary_without_one_is_0(write_vocab):
    special = SpecialTokens.of(read_word_piece(write_vocab("[CLS]", "[SEP]", "[UNK]")))
    assert special.pad == 0


@pytest.mark.parametrize("absent", ["[CLS]", "[SEP]"])
def test_a_vocabulary_without_a_special_token_is_refused(write_vocab, absent):
    tokens = [t for t in ("[PAD]", "[UNK]", "[CLS]", "[SEP]") if t != absent]
    path = write_vocab(*tokens)
    with pytest.raises(DataError) as caught:
        SpecialTokens.of(read_word_piece(path))
    assert f"{path}: " in str(caught.value)
    assert f"lacks {absent};" in str(caught.value)


def test_all_missing_special_tokens_are_reported_together(write_vocab):
    with pytest.raises(DataError, match=r"lacks \[UNK\] or <unk>, \[CLS\], \[SEP\];"):
        SpecialTokens.of(read_word_piece(write_vocab("a", "b")))
