import numpy as np
import pytest

from processors.pretraining import words
from processors.tokenization.sentence_piece import SentencePieceTokenizer
from processors.tokenization.word_piece import WordPieceTokenizer

TEXT = "メロスは激怒した。必ず、かの邪智暴虐の王を除かなければならぬと決意した。"


def groups(tokens):
    """Ids, a list a word."""
    found = []
    for token in tokens:
        if token < 0 and found:
            found[-1].append(~token)
        else:
            assert token >= 0
            found.append([token])
    return found


@pytest.fixture
def pieces(sentence_piece):
    return SentencePieceTokenizer(sentence_piece["model_file"])


def test_word_pieces_tell_their_words(sample):
    tokenizer = WordPieceTokenizer(f"{sample}/vocab.txt")
    text = "The rain had ceased, and the settlement awoke."
    [tokens] = words.encoder(tokenizer, whole_words=True, dictionary="none")([text])
    found = [
        "".join(tokenizer.convert_ids_to_tokens(group)).replace("##", "")
        for group in groups(tokens)
    ]
    expected = [
        "the",
        "rain",
        "had",
        "ceased",
        ",",
        "and",
        "the",
        "settlement",
        "awoke",
        ".",
    ]
    assert found == expected
    assert max(map(len, groups(tokens))) > 1


def test_sentence_pieces_are_grouped_by_mecab(pieces):
    encode = words.encoder(pieces, whole_words=True, dictionary="unidic_lite")
    [tokens] = encode([TEXT])
    assert [token if token >= 0 else ~token for token in tokens] == pieces.encode(TEXT)
    found = ["".join(pieces.convert_ids_to_tokens(g)) for g in groups(tokens)]
    joined = [word for word in found if len(word) > 1]
    # Pieces of one word stand together, and no group runs over a word's end that a
    # piece does not run over itself.
    assert "メロス" in "".join(found)
    spans = pieces.encode_with_offsets(TEXT).spans
    owners = words._owners(words.MecabWords(dictionary="unidic_lite"), TEXT)
    for (_, end), (start, last), token in zip(
        spans, spans[1:], list(tokens)[1:], strict=False
    ):
        same = last > start and end > 0 and owners[start] == owners[end - 1]
        assert (token < 0) == same
    assert joined


def test_without_whole_words_every_token_is_one(pieces):
    [tokens] = words.encoder(pieces, whole_words=False, dictionary="none")([TEXT])
    assert min(tokens) >= 0
    np.testing.assert_array_equal(tokens, pieces.encode(TEXT))
