"""Texts to words by the rules of google-research/bert, before WordPiece splits them.

The original walks over every character several times. Its rules need that only inside
a word: white space and ideographs, which stand alone, end a word whatever is around
them. `find_words` cuts there with one regular expression, and the costly rest,
`split_word`, depends on the word alone, so that it can be remembered.

Source: google-research/bert, tokenization.py, BasicTokenizer.
"""

from __future__ import annotations

import enum
import functools
import re
import string
import unicodedata
from collections.abc import Callable

# What str.split() and the original (category Zs) take for white space. The control
# characters among str.split()'s, such as U+000B and U+0085, are not here: the original
# deletes them first, which joins what they stand between.
_SPACES = "\t\n\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"

# The original's blocks of CJK ideographs; kana and hangul are written in words.
_IDEOGRAPHS = (
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0002a6df\U0002a700-\U0002ceaf\U0002f800-\U0002fa1f"
)

_WORD = re.compile(f"[{_IDEOGRAPHS}]|[^{_SPACES}{_IDEOGRAPHS}]+")

_REPLACEMENT_CHARACTER = "\ufffd"
_VOICING_MARKS = "\u3099\u309a"


class Case(enum.Enum):
    """What becomes of capitals and accents.

    Attributes:
        KEPT: The text stays as it is.
        LOWERED: Lower case without accents, as the original's `do_lower_case`. The
            voicing marks of kana count as accents: が becomes か.
        LOWERED_VOICED: Lower case without accents, but が stays が. The result is
            composed (NFC).
    """

    KEPT = "kept"
    LOWERED = "lowered"
    LOWERED_VOICED = "lowered_voiced"


def find_words(text: str) -> list[str]:
    """Returns the words of `text`; each ideograph is one of its own."""
    return _WORD.findall(text)


def split_word(word: str, *, case: Case) -> list[str]:
    """Cleans a word and splits off its punctuation.

    Args:
        word: One of the words of `find_words`.
        case: What becomes of capitals and accents.

    Returns:
        Its parts in order; none when nothing but control characters or accents was
        in it.
    """
    word = word.translate(_CLEANED)
    if case is not Case.KEPT:
        word = unicodedata.normalize("NFD", word.lower())
    word = word.translate(_SHAPED[case])
    if case is Case.LOWERED_VOICED:
        word = unicodedata.normalize("NFC", word)
    return word.split()


class _Table(dict[int, str]):
    """A table for str.translate that asks `function` once for every character."""

    def __init__(self, function: Callable[[str], str]) -> None:
        super().__init__()
        self._function = function

    def __missing__(self, code: int) -> str:
        self[code] = self._function(chr(code))
        return self[code]


def _cleaned(character: str) -> str:
    if character == _REPLACEMENT_CHARACTER:
        return ""
    return "" if unicodedata.category(character) in {"Cc", "Cf"} else character


def _shaped(character: str, *, accents: Callable[[str], bool]) -> str:
    if accents(character):
        return ""
    return f" {character} " if _is_punctuation(character) else character


def _is_punctuation(character: str) -> bool:
    # "^", "$" and "`" are no punctuation in Unicode but are in the original.
    category = unicodedata.category(character)
    return category.startswith("P") or character in string.punctuation


def _is_accent(character: str) -> bool:
    return unicodedata.category(character) == "Mn"


_CLEANED = _Table(_cleaned)

_SHAPED = {
    Case.KEPT: _Table(functools.partial(_shaped, accents=lambda _: False)),
    Case.LOWERED: _Table(functools.partial(_shaped, accents=_is_accent)),
    Case.LOWERED_VOICED: _Table(
        functools.partial(
            _shaped, accents=lambda c: _is_accent(c) and c not in _VOICING_MARKS
        )
    ),
}
