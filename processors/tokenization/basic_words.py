"""Texts to words by the rules of BERT's basic tokenizer, before WordPiece splits them.

The original walks over every character several times. Its rules need that only inside
a word: white space and ideographs, which stand alone, end a word whatever is around
them. `BasicWords.find` cuts there with one regular expression, and the costly rest,
`BasicWords.shape`, depends on the word alone, so that it can be remembered.

Source: google-research/bert, tokenization.py, BasicTokenizer.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import re
import string
import unicodedata
from collections.abc import Callable

from processors.tokenization.alignment import (
    Aligned,
    Lowered,
    Normalized,
    Step,
    Translated,
    align,
    change,
    change_alone,
)
from processors.tokenization.words import Lone, Words

# What str.split() and the original (category Zs) take for white space. The control
# characters among str.split()'s, such as U+000B and U+0085, are not here: the original
# deletes them first, which joins what they stand between.
_SPACES = "\t\n\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"

# The original's blocks of CJK ideographs; kana and hangul are written in words.
_BLOCKS = (
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0002a6df%s\U0002f800-\U0002fa1f"
)
_IDEOGRAPHS = _BLOCKS % "\U0002a700-\U0002ceaf"
# The library has 2B920 where the others have 2B820.
_LIBRARYS_IDEOGRAPHS = _BLOCKS % "\U0002a700-\U0002b81f\U0002b920-\U0002ceaf"


# Punctuation of Japanese, which stands alone in any case. Cutting there already leaves
# runs of kana, which come again, instead of clauses, which do not. (Not here: marks
# that lower-casing looks past, such as the full-width colon.)
_MARKS = (
    "\u2014\u2015\u2026\u3001-\u3003\u3008-\u3011\u3014-\u301b\u30fb"
    "\uff01\uff08\uff09\uff0c\uff1f"
)

_ANY_IDEOGRAPH = re.compile(f"[{_IDEOGRAPHS}]")
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
        LOWERED_ACCENTED: Lower case; accents stay.
        UNACCENTED: No accents; capitals stay.
    """

    KEPT = "kept"
    LOWERED = "lowered"
    LOWERED_VOICED = "lowered_voiced"
    LOWERED_ACCENTED = "lowered_accented"
    UNACCENTED = "unaccented"


class Dialect(enum.Enum):
    """Whose rules, where the programs that read BERT's vocabularies differ.

    Attributes:
        ORIGINAL: google-research/bert.
        LIBRARY: The `tokenizers` library, which is behind the BertTokenizer of Hugging
            Face. It deletes characters for private use, leaves 256 rare ideographs in
            their words and lowers a final sigma as any other. (Beyond these rules, its
            Unicode tables are older than Python's: a few hundred characters of the
            last years.)
        PYTHON: The BasicTokenizer in Python of Hugging Face. It also deletes
            unassigned characters, and composes (NFC) before anything else.
    """

    ORIGINAL = "original"
    LIBRARY = "library"
    PYTHON = "python"


@dataclasses.dataclass(frozen=True, kw_only=True)
class BasicWords(Words):
    """The words of a text: without control characters, punctuation split off.

    Attributes:
        case: What becomes of capitals and accents.
        dialect: Whose rules.
        ideographs_alone: Whether each ideograph is a word of its own.
    """

    case: Case = Case.LOWERED
    dialect: Dialect = Dialect.ORIGINAL
    ideographs_alone: bool = True

    def find(self, text: str) -> list[str]:
        """Returns the raw words of `text`: what stands between white space."""
        return _pattern(self).findall(text)

    def shape(self, word: str) -> list[str]:
        """Cleans a raw word and splits off its punctuation.

        Returns:
            Its parts in order; none when nothing but control characters or accents
            was in it.
        """
        return change(word, steps=_steps(self)).split()

    def spaced(self, text: str) -> str:
        """Returns the text: its characters tell where words end."""
        return text

    def lone(self, character: str) -> Lone | None:
        """Returns what becomes of a character, if that is one or white space."""
        raw = self.find(character * 2)
        if not raw:
            return Lone("")
        text = change_alone(character, steps=_steps(self))
        if text is None or len(text.strip()) != 1:
            return None
        return Lone(text.strip(), is_word=len(raw) == 2 or len(text) > 1)

    def align(self, text: str) -> list[Aligned]:
        """Returns the parts of all words with their places in `text`."""
        whole = Aligned.of(text)
        raw = (whole.part(*match.span()) for match in _pattern(self).finditer(text))
        return [
            part for word in raw for part in align(word, steps=_steps(self)).split()
        ]

    def fingerprint(self) -> dict[str, str | bool | int]:
        """Returns all that decides which words a text gets."""
        return {
            "do_lower_case": self.case not in {Case.KEPT, Case.UNACCENTED},
            "strip_accents": self.case not in {Case.KEPT, Case.LOWERED_ACCENTED},
            "keep_voicing_marks": self.case is Case.LOWERED_VOICED,
            "ideographs_alone": self.ideographs_alone,
            "rules": self.dialect.value,
        }


def has_ideograph(text: str) -> bool:
    """Whether one of the characters would be a word of its own."""
    return _ANY_IDEOGRAPH.search(text) is not None


@functools.cache
def _pattern(words: BasicWords) -> re.Pattern[str]:
    alone = _MARKS
    if words.ideographs_alone:
        is_library = words.dialect is Dialect.LIBRARY
        alone += _LIBRARYS_IDEOGRAPHS if is_library else _IDEOGRAPHS
    return re.compile(f"[{alone}]|[^{_SPACES}{alone}]+")


@functools.cache
def _steps(words: BasicWords) -> tuple[Step, ...]:
    cleaned = Translated(_Table(functools.partial(_cleaned, words.dialect)))
    composed = (Normalized("NFC"),)
    return (
        cleaned,
        *(composed if words.dialect is Dialect.PYTHON else ()),
        *_cased(words.case, dialect=words.dialect),
        _PUNCTUATION_APART,
        *(composed if words.case is Case.LOWERED_VOICED else ()),
    )


def _cased(case: Case, *, dialect: Dialect) -> tuple[Step, ...]:
    decomposed = Normalized("NFD")
    if dialect is Dialect.LIBRARY:
        lowered: Step = _LOWERED_ALONE
        both: tuple[Step, ...] = (decomposed, _UNACCENTED, lowered)
    else:
        lowered = Lowered()
        both = (lowered, decomposed, _UNACCENTED)
    return {
        Case.KEPT: (),
        Case.LOWERED: both,
        Case.LOWERED_VOICED: (lowered, decomposed, _UNACCENTED_BUT_VOICED),
        Case.LOWERED_ACCENTED: (lowered,),
        Case.UNACCENTED: (decomposed, _UNACCENTED),
    }[case]


class _Table(dict[int, str]):
    """A table for str.translate that asks `function` once for every character."""

    def __init__(self, function: Callable[[str], str]) -> None:
        super().__init__()
        self._function = function

    def __missing__(self, code: int) -> str:
        self[code] = self._function(chr(code))
        return self[code]


_DELETED = {
    Dialect.ORIGINAL: {"Cc", "Cf"},
    Dialect.LIBRARY: {"Cc", "Cf", "Co"},
    Dialect.PYTHON: {"Cc", "Cf", "Cn", "Co", "Cs"},
}


def _cleaned(dialect: Dialect, character: str) -> str:
    if character == _REPLACEMENT_CHARACTER:
        return ""
    return "" if unicodedata.category(character) in _DELETED[dialect] else character


def _apart(character: str) -> str:
    # "^", "$" and "`" are no punctuation in Unicode but are in the original.
    category = unicodedata.category(character)
    is_punctuation = category.startswith("P") or character in string.punctuation
    return f" {character} " if is_punctuation else character


def _unaccented(character: str, *, kept: str = "") -> str:
    is_accent = unicodedata.category(character) == "Mn" and character not in kept
    return "" if is_accent else character


_PUNCTUATION_APART = Translated(_Table(_apart))
_UNACCENTED = Translated(_Table(_unaccented))
_UNACCENTED_BUT_VOICED = Translated(
    _Table(functools.partial(_unaccented, kept=_VOICING_MARKS))
)
_LOWERED_ALONE = Translated(_Table(str.lower))
