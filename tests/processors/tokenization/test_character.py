import pytest

from processors.tokenization.character import CharacterTokenizer
from runtime.errors import DataError

LINES = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "あ", "a", "ガ", " ")


@pytest.fixture
def tokenizer(write_vocab):
    return CharacterTokenizer(write_vocab(*LINES))


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("", []),
        ("あa", [5, 6]),
        ("ａＡ", [6, 1]),
        ("ｶﾞ か\u3099", [7, 8, 1]),
        ("あ\u3000\n", [5, 8, 1]),
        ("[MASK]あ[cls]", [4, 5, 1, 1, 1, 1, 1]),
    ],
)
def test_every_character_is_a_token(tokenizer, text, ids):
    assert tokenizer.encode(text) == ids


def test_lower_case(write_vocab):
    lowered = CharacterTokenizer(write_vocab(*LINES), do_lower_case=True)
    assert lowered.encode("AＡ[MASK]") == [6, 6, 4]


def test_a_vocabulary_of_another_family_is_refused(write_vocab):
    with pytest.raises(DataError, match=r"lacks .*\[SEP\]"):
        CharacterTokenizer(write_vocab("[UNK]", "[CLS]", "あ"))
