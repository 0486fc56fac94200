"""The rules of words, beside a literal restatement of the original's, character by
character."""

import re
import sys
import unicodedata

import pytest

from processors.tokenization import basic_words
from processors.tokenization.basic_words import BasicWords, Case

IDEOGRAPH_BLOCKS = (
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B820, 0x2CEAF),
    (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
)


def is_white_space(char: str) -> bool:
    return char in " \t\n\r" or unicodedata.category(char) == "Zs"


def is_control(char: str) -> bool:
    return char not in "\t\n\r" and unicodedata.category(char) in {"Cc", "Cf"}


def is_punctuation(char: str) -> bool:
    code = ord(char)
    in_ascii = 33 <= code <= 47 or 58 <= code <= 64 or 91 <= code <= 96
    in_ascii = in_ascii or 123 <= code <= 126
    return in_ascii or unicodedata.category(char).startswith("P")


def is_ideograph(char: str) -> bool:
    return any(low <= ord(char) <= high for low, high in IDEOGRAPH_BLOCKS)


def cleaned(text: str) -> str:
    output = []
    for char in text:
        if ord(char) in {0, 0xFFFD} or is_control(char):
            continue
        output.append(" " if is_white_space(char) else char)
    return "".join(output)


def with_ideographs_alone(text: str) -> str:
    return "".join(f" {char} " if is_ideograph(char) else char for char in text)


def without_accents(text: str) -> str:
    decomposed = unicodedata.normalize("NFD", text)
    return "".join(c for c in decomposed if unicodedata.category(c) != "Mn")


def split_on_punctuation(text: str) -> list[str]:
    output: list[list[str]] = []
    start_new_word = True
    for char in text:
        if is_punctuation(char):
            output.append([char])
            start_new_word = True
        else:
            if start_new_word:
                output.append([])
            start_new_word = False
            output[-1].append(char)
    return ["".join(chars) for chars in output]


def original(text: str, *, lower: bool) -> list[str]:
    split_tokens = []
    for token in with_ideographs_alone(cleaned(text)).strip().split():
        shaped = without_accents(token.lower()) if lower else token
        split_tokens.extend(split_on_punctuation(shaped))
    return " ".join(split_tokens).strip().split()


def ours(text: str, *, case: Case) -> list[str]:
    words = BasicWords(case=case)
    return [part for word in words.find(text) for part in words.shape(word)]


@pytest.mark.parametrize(
    ("text", "case", "expected"),
    [
        ("ah\u535a\u63a8zz", Case.LOWERED, ["ah", "\u535a", "\u63a8", "zz"]),
        (
            " \tHeLLo!how  \n Are yoU?  ",
            Case.LOWERED,
            ["hello", "!", "how", "are", "you", "?"],
        ),
        ("H\u00e9llo", Case.LOWERED, ["hello"]),
        (
            " \tHeLLo!how  \n Are yoU?  ",
            Case.KEPT,
            ["HeLLo", "!", "how", "Are", "yoU", "?"],
        ),
    ],
)
def test_the_examples_of_the_original(text, case, expected):
    assert ours(text, case=case) == expected


@pytest.mark.parametrize("case", [Case.KEPT, Case.LOWERED])
def test_odd_texts_split_as_in_the_original(odd_texts, case):
    for text in odd_texts:
        assert ours(text, case=case) == original(text, lower=case is Case.LOWERED), (
            ascii(text)
        )


@pytest.mark.parametrize("case", [Case.KEPT, Case.LOWERED])
def test_every_kind_of_character_splits_as_in_the_original(case):
    """Every character but letters without case, of which one in 97 stands for all."""
    passed_over = {"Cn", "Co", "Cs", "Lo"}
    chars = [
        char
        for code in range(sys.maxunicode + 1)
        if unicodedata.category(char := chr(code)) not in passed_over or code % 97 == 0
    ]
    for start in range(0, len(chars), 50):
        text = "Σ".join(chars[start : start + 50])
        assert ours(text, case=case) == original(text, lower=case is Case.LOWERED)


def test_the_white_space_is_that_of_unicode():
    ends_a_word = re.compile(f"[{basic_words._SPACES}]").fullmatch
    for code in range(sys.maxunicode + 1):
        char = chr(code)
        expected = is_white_space(char) or (char.isspace() and not is_control(char))
        assert bool(ends_a_word(char)) == expected, hex(code)


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        (Case.KEPT, ["がパヴ", "Café"]),
        (Case.LOWERED, ["かハウ", "cafe"]),
        (Case.LOWERED_VOICED, ["がパヴ", "cafe"]),
    ],
)
def test_voicing_marks(case, expected):
    assert ours("がパヴ Café", case=case) == expected


def test_decomposed_voicing_marks_are_composed_when_kept():
    text = unicodedata.normalize("NFD", "がギぐ パピ É")
    assert ours(text, case=Case.LOWERED_VOICED) == ["がギぐ", "パピ", "e"]
    assert ours("か\u0301\u3099", case=Case.LOWERED_VOICED) == ["が"]


def test_kept_voicing_marks_change_nothing_else(odd_texts):
    for text in odd_texts:
        voiceless = without_accents("".join(ours(text, case=Case.LOWERED_VOICED)))
        assert voiceless == "".join(ours(text, case=Case.LOWERED)), ascii(text)
