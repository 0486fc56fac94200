"""Whole words or characters as tokens: a vocabulary that is counted, not trained."""

from __future__ import annotations

import enum
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import ClassVar

from processors.tokenization.alignment import (
    Aligned,
    Lowered,
    Normalized,
    Step,
    align,
    change,
)
from processors.tokenization.mecab_words import MecabWords
from processors.tokenization.spelling import UNKNOWN, Piece, Spelling
from processors.tokenization.vocabulary import Vocabulary
from processors.tokenization.word_tokenizer import SPECIAL_TOKENS, WordTokenizer
from processors.tokenization.words import Words
from runtime.errors import DataError

MADE = "the training texts"
"""Stands where a vocabulary that was read names its file."""


class Units(enum.Enum):
    """What a text is cut into."""

    WORD = "word"
    CHARACTER = "character"
    WHITESPACE = "whitespace"


class UnitTokenizer(WordTokenizer):
    """Each unit of a text is one token, or `[UNK]`.

    Texts are normalised by NFKC. White space is no token.

    Args:
        vocabulary: The units, and the special tokens.
        units: What a text is cut into.
        do_lower_case: Whether units are put into lower case.

    Raises:
        DataError: The vocabulary lacks a special token.
    """

    kind: ClassVar[str] = "units"

    def __init__(
        self, vocabulary: Vocabulary, *, units: Units, do_lower_case: bool
    ) -> None:
        super().__init__(
            vocabulary,
            words=_words(units, do_lower_case=do_lower_case),
            spelling=_WholeSpelling(vocabulary.ids),
            keep_special_tokens=False,
        )
        self._units = units

    def fingerprint(self) -> dict[str, str | bool | int]:
        """Returns all that decides which ids a text gets: equal means equal ids."""
        return {"units": self._units.value, **super().fingerprint()}


def count(texts: Iterable[str], *, units: Units, do_lower_case: bool) -> Counter[str]:
    """Returns how often each unit stands in some texts, which are streamed."""
    words = _words(units, do_lower_case=do_lower_case)
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(part for word in words.find(text) for part in words.shape(word))
    return counts


def make_vocabulary(counts: Counter[str], *, size: int) -> Vocabulary:
    """Returns the special tokens and the most frequent units.

    Args:
        counts: Units and how often they stand in the training texts. Equally frequent
            ones are taken in the order of their characters.
        size: Most tokens in all.

    Raises:
        DataError: The texts hold no unit.
    """
    if not counts:
        raise DataError("The training texts are empty: there is no token to learn.")
    ranked = sorted(counts, key=lambda unit: (-counts[unit], unit))
    # A line of the vocabulary's file is read without the white space around it.
    units = [u for u in ranked if u not in SPECIAL_TOKENS and u.split() == [u]]
    listed = [*SPECIAL_TOKENS, *units[: max(size - len(SPECIAL_TOKENS), 0)]]
    data = "".join(f"{token}\n" for token in listed).encode()
    return Vocabulary.of(listed, path=MADE, data=data)


class _WholeSpelling(Spelling):
    """A word is a token or unknown."""

    def __init__(self, ids: Mapping[str, int]) -> None:
        self._ids = ids

    def spell(self, word: str) -> list[Piece]:
        """Returns the word."""
        return [(word if word in self._ids else UNKNOWN, 0, len(word))]

    def fingerprint(self) -> dict[str, str | bool | int]:
        """Returns all that decides, beside the vocabulary, how a word is written."""
        return {"subwords": "none"}


class _Matches(Words):
    """What a pattern finds in the normalised text."""

    def __init__(self, pattern: re.Pattern[str], *, do_lower_case: bool) -> None:
        self._pattern = pattern
        self._do_lower_case = do_lower_case
        lowered: tuple[Step, ...] = (Lowered(),) if do_lower_case else ()
        self._steps: tuple[Step, ...] = (Normalized("NFKC"), *lowered)

    def find(self, text: str) -> list[str]:
        """Returns the matches."""
        return self._pattern.findall(change(text, steps=self._steps))

    def shape(self, word: str) -> list[str]:
        """Returns the match."""
        return [word]

    def align(self, text: str) -> list[Aligned]:
        """Returns the matches with their places in `text`."""
        aligned = align(Aligned.of(text), steps=self._steps)
        return [aligned.part(*m.span()) for m in self._pattern.finditer(aligned.text)]

    def fingerprint(self) -> dict[str, str | bool | int]:
        """Returns all that decides which words a text gets."""
        return {"nfkc": True, "do_lower_case": self._do_lower_case}


def _words(units: Units, *, do_lower_case: bool) -> Words:
    if units is Units.WORD:
        return MecabWords(do_lower_case=do_lower_case)
    return _Matches(_PATTERNS[units], do_lower_case=do_lower_case)


_PATTERNS = {Units.CHARACTER: re.compile(r"\S"), Units.WHITESPACE: re.compile(r"\S+")}
