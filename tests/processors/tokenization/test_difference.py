import pytest

from processors.tokenization import difference
from processors.tokenization.word_piece import WordPieceTokenizer

TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a"]


@pytest.fixture
def make(tmp_path):
    def make(*, more=(), **settings):
        path = tmp_path / "vocab.txt"
        path.write_text("\n".join([*TOKENS, *more]) + "\n")
        return WordPieceTokenizer(str(path), **settings).fingerprint()

    return make


def test_equal_ones(make):
    assert difference.in_words("tokenizer", make(), make()) is None


def test_each_difference_has_words(make):
    there = make(do_lower_case=True)
    here = make(do_lower_case=False, more=["b"])
    assert difference.in_words("tokenizer", there, here) == (
        "tokenizer: --do_lower_case true there, false here; the vocabulary is another."
    )
    accents = difference.in_words("tokenizer", there, {**there, "strip_accents": False})
    assert accents == "tokenizer: strip_accents true there, false here."


def test_another_kind_says_it_all(make):
    here = {**make(more=["b"]), "kind": "sentencepiece"}
    said = difference.in_words("tokenizer", make(), here)
    assert said == "tokenizer: wordpiece there, sentencepiece here."


def test_one_that_is_not_known(make):
    said = difference.in_words("tokenizer", {}, make())
    assert said == "tokenizer: unknown there, wordpiece here."
