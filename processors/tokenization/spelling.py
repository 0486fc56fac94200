"""Words to the tokens of a vocabulary."""

from __future__ import annotations

import abc
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from processors.tokenization.alignment import WORD

UNKNOWN = "[UNK]"
_CONTINUED = "##"


class Piece(NamedTuple):
    """A token and the characters of its word.

    Attributes:
        token: As it is in the vocabulary.
        start: Where its characters start in the word.
        end: Where they end.
    """

    token: str
    start: int
    end: int


class Spelling(abc.ABC):
    """A way to write words in the tokens of a vocabulary."""

    @abc.abstractmethod
    def spell(self, word: str) -> list[Piece]:
        """Returns the pieces of `word` in order."""

    @abc.abstractmethod
    def fingerprint(self) -> dict[str, str | bool | int]:
        """Returns all that decides, beside the vocabulary, how a word is written."""


class WordPieceSpelling(Spelling):
    """Greedy longest match from the left; a word that cannot be matched is `[UNK]`.

    Args:
        ids: The vocabulary. A token that starts with "##" goes on with a word.
        longest_word: Characters from which on a longer word is unknown: 200 in
            google-research/bert, 100 in the programs of Hugging Face.

    Source: google-research/bert, tokenization.py, WordpieceTokenizer.
    """

    def __init__(self, ids: Mapping[str, int], *, longest_word: int) -> None:
        self._longest_word = longest_word
        self._first = _Pieces(ids)
        self._further = _Pieces(
            token.removeprefix(_CONTINUED)
            for token in ids
            if token.startswith(_CONTINUED)
        )

    def spell(self, word: str) -> list[Piece]:
        """Returns the pieces of `word`; white space in it separates words."""
        return [
            piece
            for part in WORD.finditer(word)
            for piece in self._spell_one(part[0], offset=part.start())
        ]

    def fingerprint(self) -> dict[str, str | bool | int]:
        """Returns all that decides, beside the vocabulary, how a word is written."""
        return {"subwords": "wordpiece", "longest_word": self._longest_word}

    def _spell_one(self, word: str, *, offset: int) -> list[Piece]:
        unknown = [Piece(UNKNOWN, offset, offset + len(word))]
        if len(word) > self._longest_word:
            return unknown
        pieces: list[Piece] = []
        start = 0
        while start < len(word):
            known, prefix = (self._further, _CONTINUED) if start else (self._first, "")
            end = known.match(word, start=start)
            if end == start:
                return unknown
            token = prefix + word[start:end]
            pieces.append(Piece(token, offset + start, offset + end))
            start = end
        return pieces


class CharacterSpelling(Spelling):
    """Every character by itself; one that is not in the vocabulary is `[UNK]`.

    Args:
        ids: The vocabulary.
    """

    def __init__(self, ids: Mapping[str, int]) -> None:
        self._ids = ids

    def spell(self, word: str) -> list[Piece]:
        """Returns the characters of `word`."""
        return [
            Piece(character if character in self._ids else UNKNOWN, i, i + 1)
            for i, character in enumerate(word)
        ]

    def fingerprint(self) -> dict[str, str | bool | int]:
        """Returns all that decides, beside the vocabulary, how a word is written."""
        return {"subwords": "character"}


class _Pieces:
    """Pieces of text, and how long those that start with a character can be."""

    def __init__(self, pieces: Iterable[str]) -> None:
        self._pieces = frozenset(pieces)
        self._longest: dict[str, int] = {}
        for piece in self._pieces:
            first = piece[:1]
            self._longest[first] = max(len(piece), self._longest.get(first, 0))

    def match(self, word: str, *, start: int) -> int:
        """Returns where the longest piece at `start` ends; `start` without one."""
        furthest = start + self._longest.get(word[start], 0)
        for end in range(min(furthest, len(word)), start, -1):
            if word[start:end] in self._pieces:
                return end
        return start
