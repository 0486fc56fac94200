from collections import Counter

import pytest

from processors.tokenization.units import (
    MADE,
    SPECIAL_TOKENS,
    Units,
    UnitTokenizer,
    find_words,
    make_vocabulary,
)
from processors.tokenization.vocabulary import read_word_piece
from runtime.errors import DataError


@pytest.mark.parametrize(
    ("units", "text", "expected"),
    [
        (Units.WORD, "私は猫である。", ["私", "は", "猫", "で", "ある", "。"]),
        (Units.CHARACTER, "猫 で\u3000ある", ["猫", "で", "あ", "る"]),
        (Units.WHITESPACE, "a  b\tc\n", ["a", "b", "c"]),
        (Units.CHARACTER, "ｱ１", ["ア", "1"]),
        (Units.WORD, "", []),
        (Units.WHITESPACE, " ", []),
    ],
)
def test_units_of_a_text(units, text, expected):
    words = find_words(units, do_lower_case=True)
    assert [unit for word in words.find(text) for unit in words.shape(word)] == expected
    assert words.count([text, text]) == Counter(expected * 2)


def test_case_is_lowered_where_asked_for():
    assert find_words(Units.WHITESPACE, do_lower_case=True).find("A b") == ["a", "b"]
    assert find_words(Units.WHITESPACE, do_lower_case=False).find("A b") == ["A", "b"]


def vocabulary(size=100):
    counts = Counter({"b": 3, "a": 3, "c": 5, "[UNK]": 9, "\x85": 9, "d": 1})
    return make_vocabulary(counts, size=size)


def test_the_most_frequent_units_follow_the_special_tokens():
    tokens = vocabulary().tokens
    assert tuple(tokens[n] for n in range(5)) == SPECIAL_TOKENS
    assert [tokens[n] for n in range(5, 9)] == ["c", "a", "b", "d"]
    assert vocabulary(size=7).size == 7
    assert vocabulary(size=2).size == len(SPECIAL_TOKENS)


def test_texts_without_a_unit_are_an_error():
    counts = find_words(Units.WORD, do_lower_case=True).count(["", " "])
    with pytest.raises(DataError, match="training texts are empty"):
        make_vocabulary(counts, size=10)


def test_a_vocabulary_read_again_is_the_same(tmp_path):
    made = vocabulary()
    assert made.path == MADE
    path = tmp_path / "vocab.txt"
    tokens = [made.tokens[index] for index in range(made.size)]
    path.write_text("".join(f"{token}\n" for token in tokens))
    read = read_word_piece(str(path))
    assert (read.sha256, dict(read.ids)) == (made.sha256, dict(made.ids))
    fingerprints = [
        UnitTokenizer(v, units=Units.WHITESPACE, do_lower_case=True).fingerprint()
        for v in (made, read)
    ]
    assert fingerprints[0] == fingerprints[1]


def test_ids_and_tokens():
    tokenizer = UnitTokenizer(vocabulary(), units=Units.WHITESPACE, do_lower_case=True)
    assert tokenizer.encode("C x") == [5, tokenizer.special.unk]
    assert tokenizer.encode_batch(["a", ""]) == [[6], []]
    assert tokenizer.convert_ids_to_tokens([5, 1]) == ["c", "[UNK]"]


def test_places_of_units():
    tokenizer = UnitTokenizer(vocabulary(), units=Units.WHITESPACE, do_lower_case=True)
    found = tokenizer.encode_with_offsets(" Ｃ x")
    assert (found.tokens, found.spans) == (["c", "[UNK]"], [(1, 2), (3, 4)])
    tokenizer = UnitTokenizer(vocabulary(), units=Units.CHARACTER, do_lower_case=True)
    assert tokenizer.encode_with_offsets("A b").spans == [(0, 1), (2, 3)]


def test_what_decides_the_ids_is_in_the_fingerprint():
    made = vocabulary()
    kinds = [
        UnitTokenizer(v, units=units, do_lower_case=lower).fingerprint()
        for v, units, lower in (
            (made, Units.WHITESPACE, True),
            (made, Units.WHITESPACE, False),
            (made, Units.CHARACTER, True),
            (vocabulary(size=7), Units.WHITESPACE, True),
        )
    ]
    assert len({tuple(sorted(kind.items())) for kind in kinds}) == 4
