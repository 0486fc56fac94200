"""Texts to words by the rules of google-research/bert, before WordPiece splits them.

The original walks over every character several times. Its rules need that only inside
a word: white space and ideographs, which stand alone, end a word whatever is around
them. `find_words` cuts there with one regular expression, and the costly rest,
`split_word`, depends on the word alone, so that it can be remembered.

Source: google-research/bert, tokenization.py, BasicTokenizer.
"""

from __future__ import annotations

import enum
import re
import string
import unicodedata

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
    word = "".join(filter(_is_kept, word))
    if case is not Case.KEPT:
        word = _without_accents(word.lower(), case=case)
    return "".join(
        f" {character} " if _is_punctuation(character) else character
        for character in word
    ).split()


def _without_accents(word: str, *, case: Case) -> str:
    spared = _VOICING_MARKS if case is Case.LOWERED_VOICED else ""
    stripped = "".join(
        character
        for character in unicodedata.normalize("NFD", word)
        if character in spared or unicodedata.category(character) != "Mn"
    )
    return unicodedata.normalize("NFC", stripped) if spared else stripped


def _is_kept(character: str) -> bool:
    if character == _REPLACEMENT_CHARACTER:
        return False
    return unicodedata.category(character) not in {"Cc", "Cf"}


def _is_punctuation(character: str) -> bool:
    # "^", "$" and "`" are no punctuation in Unicode but are in the original.
    return character in string.punctuation or unicodedata.category(
        character
    ).startswith("P")
