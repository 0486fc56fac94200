import dataclasses

import pytest

from processors.tokenization.mecab import MecabTokenizer, Subwords
from runtime.errors import DataError


@pytest.fixture(scope="module")
def word_pieces(tohoku_v3_vocab_file):
    return MecabTokenizer(tohoku_v3_vocab_file)


@pytest.fixture(scope="module")
def characters(tohoku_v3_vocab_file):
    return MecabTokenizer(tohoku_v3_vocab_file, subwords=Subwords.CHARACTER)


def test_the_original_ids_of_the_golden_texts(word_pieces, characters, golden_lines):
    lines = golden_lines("mecab.jsonl")
    texts = [line["text"] for line in lines]
    assert word_pieces.encode_batch(texts) == [line["ids"] for line in lines]
    assert characters.encode_batch(texts) == [line["char_ids"] for line in lines]


@pytest.mark.slow
def test_the_original_tokens_of_all_golden_texts(
    word_pieces, characters, full_golden_lines
):
    for line in full_golden_lines("mecab.jsonl"):
        assert word_pieces.tokenize(line["text"]) == line["tokens"]
        assert word_pieces.encode(line["text"]) == line["ids"]
        assert characters.tokenize(line["text"]) == line["char_tokens"]
        assert characters.encode(line["text"]) == line["char_ids"]


def test_the_example_of_the_authors(word_pieces):
    text = "青葉山で[MASK]の研究をしています。"
    ids = [22033, 1872, 457, 4, 464, 12605, 500, 441, 456, 422, 12995, 385]
    assert word_pieces.encode(text) == ids
    assert word_pieces.encode_with_offsets(text).spans[3] == (4, 10)


def test_the_empty_token_keeps_its_id(word_pieces):
    assert word_pieces.vocab_size == 32768
    assert word_pieces.convert_ids_to_tokens([14, 15, 16]) == ["[unused9]", "", "!"]
    special = dataclasses.asdict(word_pieces.special)
    assert special == {"pad": 0, "unk": 1, "cls": 2, "sep": 3, "mask": 4}


def test_only_words_are_lowered(tohoku_v3_vocab_file, word_pieces):
    lowered = MecabTokenizer(tohoku_v3_vocab_file, do_lower_case=True)
    assert lowered.encode("ABC [MASK] が") == word_pieces.encode("abc [MASK] が")
    assert word_pieces.encode("ABC") != word_pieces.encode("abc")


def test_white_space_in_a_word(word_pieces, characters):
    assert word_pieces.tokenize("a\u2028b") == ["a", "b"]
    assert characters.tokenize("a\u2028b") == ["a", "[UNK]", "b"]


def test_a_word_of_over_100_characters_is_unknown(write_vocab):
    tokenizer = MecabTokenizer(
        write_vocab("[UNK]", "[CLS]", "[SEP]", "a", "##a", "[PAD]")
    )
    # MeCab makes unknown words of 25 letters, so that none gets that far.
    assert set(tokenizer.tokenize("a" * 250)) == {"a", "##a"}


def test_places_in_the_text_as_it_was(word_pieces):
    encoded = word_pieces.encode_with_offsets(" ﾃｽﾄ㍿　[SEP]走る")
    text = " ﾃｽﾄ㍿　[SEP]走る"
    found = [text[start:end] for start, end in encoded.spans]
    assert encoded.tokens == ["テスト", "株式", "会社", "[SEP]", "走る"]
    assert found == ["ﾃｽﾄ", "㍿", "㍿", "[SEP]", "走る"]


def test_a_vocabulary_without_unk_is_refused(write_vocab):
    with pytest.raises(DataError, match=r"lacks \[UNK\]"):
        MecabTokenizer(write_vocab("<unk>", "[CLS]", "[SEP]"))


def test_the_fingerprint_names_dictionary_and_settings(word_pieces, characters):
    fingerprint = word_pieces.fingerprint()
    assert fingerprint["kind"] == "mecab"
    assert fingerprint["dictionary"] == "unidic_lite"
    assert fingerprint["subwords"] == "wordpiece"
    assert characters.fingerprint() == {
        **{k: v for k, v in fingerprint.items() if k != "longest_word"},
        "subwords": "character",
    }
