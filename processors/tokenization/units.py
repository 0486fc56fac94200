"""Whole words or characters as tokens: a vocabulary that is counted, not trained."""

from __future__ import annotations

import enum
import functools
from collections import Counter
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
from processors.tokenization.spelling import WholeSpelling
from processors.tokenization.vocabulary import Vocabulary
from processors.tokenization.word_tokenizer import SPECIAL_TOKENS, WordTokenizer
from processors.tokenization.words import Lone, Words
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
        vocabulary: The units, after BERT's special tokens.
        units: What a text is cut into.
        do_lower_case: Lower the case of a text.

    Raises:
        DataError: The vocabulary lacks a special token.
    """

    kind: ClassVar[str] = "units"

    def __init__(
        self, vocabulary: Vocabulary, *, units: Units, do_lower_case: bool
    ) -> None:
        super().__init__(
            vocabulary,
            words=find_words(units, do_lower_case=do_lower_case),
            spelling=WholeSpelling(vocabulary.ids),
            keep_special_tokens=False,
        )
        self.units = units

    def fingerprint(self) -> dict[str, str | bool | int]:
        """Returns all that decides which ids a text gets: equal means equal ids."""
        return {**super().fingerprint(), "units": self.units.value}


@functools.cache
def find_words(units: Units, *, do_lower_case: bool) -> Words:
    """Returns what cuts a text into units.

    Args:
        units: What it is cut into.
        do_lower_case: Lower its case.
    """
    if units is Units.WORD:
        return MecabWords(do_lower_case=do_lower_case)
    if units is Units.CHARACTER:
        return CharacterUnits(do_lower_case=do_lower_case)
    return WhitespaceUnits(do_lower_case=do_lower_case)


class WhitespaceUnits(Words):
    """What stands between white space.

    Args:
        do_lower_case: Lower the case of a text first.
    """

    def __init__(self, *, do_lower_case: bool) -> None:
        self._do_lower_case = do_lower_case
        lowered: tuple[Step, ...] = (Lowered(),) if do_lower_case else ()
        self._steps: tuple[Step, ...] = (Normalized("NFKC"), *lowered)

    def find(self, text: str) -> list[str]:
        """Returns the words of the normalised text."""
        return change(text, steps=self._steps).split()

    def shape(self, word: str) -> list[str]:
        """Returns the word."""
        return [word]

    def spaced(self, text: str) -> str:
        """Returns the normalised text."""
        return change(text, steps=self._steps)

    def lone(self, character: str) -> Lone:
        """Returns the character, unless it is white space."""
        return Lone(character.strip())

    def align(self, text: str) -> list[Aligned]:
        """Returns the words with their places in `text`."""
        return align(Aligned.of(text), steps=self._steps).split()

    def fingerprint(self) -> dict[str, str | bool | int]:
        """Returns all that decides which words a text gets."""
        return {"nfkc": True, "do_lower_case": self._do_lower_case}


class CharacterUnits(WhitespaceUnits):
    """Each character but white space."""

    def find(self, text: str) -> list[str]:
        """Returns the characters of the normalised text."""
        return list("".join(super().find(text)))

    def lone(self, character: str) -> Lone:
        """Returns the character as a word, unless it is white space."""
        return Lone(character.strip(), is_word=True)

    def align(self, text: str) -> list[Aligned]:
        """Returns the characters with their places in `text`."""
        words = super().align(text)
        return [word.part(i, i + 1) for word in words for i in range(len(word.text))]


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
