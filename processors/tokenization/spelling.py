"""Words to the tokens of a vocabulary."""

from __future__ import annotations

import abc
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from processors.tokenization.alignment import WORD
from processors.tokenization.piece_table import PieceTable

UNKNOWN = "[UNK]"
_CONTINUED = "##"
# Two characters of which neither is of a script that writes no spaces.
_SPACED = re.compile(
    "[^\u2e80-\ud7ff\uf900-\ufaff\ufe30-\uffef\U00020000-\U0003ffff]{2}"
)


Piece = tuple[str, int, int]
"""A token, where its characters start in the word, and where they end."""


class Spelling(abc.ABC):
    """A way to write words in the tokens of a vocabulary.

    Attributes:
        is_by_character: Whether each character of a word is written by itself.
    """

    is_by_character: ClassVar[bool] = False

    @abc.abstractmethod
    def spell(self, word: str) -> list[Piece]:
        """Returns the pieces of `word` in order."""

    @abc.abstractmethod
    def table(self) -> PieceTable:
        """Returns what writes many words without white space as `spell` does."""

    @abc.abstractmethod
    def fingerprint(self) -> dict[str, str | bool | int]:
        """Returns all that decides, beside the vocabulary, how a word is written."""

    def join(self, tokens: Sequence[str]) -> str:
        """Returns the text of words that are written in `tokens`.

        White space between words is not kept by tokens. A space is put between two of
        scripts that write it, and none beside Japanese and Chinese.
        """
        text = ""
        for token in tokens:
            piece = token.removeprefix(_CONTINUED)
            goes_on = len(piece) < len(token)
            is_spaced = not goes_on and bool(_SPACED.search(text[-1:] + piece[:1]))
            text += f" {piece}" if is_spaced else piece
        return text


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
        self._ids = ids
        self._further_ids = {
            token.removeprefix(_CONTINUED): index
            for token, index in ids.items()
            if token.startswith(_CONTINUED)
        }
        self._first = _tree(ids)
        self._further = _tree(self._further_ids)

    def spell(self, word: str) -> list[Piece]:
        """Returns the pieces of `word`; white space in it separates words."""
        parts = WORD.finditer(word)
        return [p for part in parts for p in self._spell(part[0], at=part.start())]

    def table(self) -> PieceTable:
        """Returns the longest match of many words."""
        return PieceTable(
            self._ids,
            further=self._further_ids,
            unknown=self._ids[UNKNOWN],
            longest_word=self._longest_word,
        )

    def fingerprint(self) -> dict[str, str | bool | int]:
        """Returns all that decides, beside the vocabulary, how a word is written."""
        return {"subwords": "wordpiece", "longest_word": self._longest_word}

    def _spell(self, word: str, *, at: int) -> list[Piece]:
        unknown = [(UNKNOWN, at, at + len(word))]
        if len(word) > self._longest_word:
            return unknown
        if word in self._ids:
            return [(word, at, at + len(word))]
        tree, prefix, start = self._first, "", 0
        pieces = []
        while start < len(word):
            end = _match(word, start=start, tree=tree)
            if end == start:
                return unknown
            pieces.append((prefix + word[start:end], at + start, at + end))
            tree, prefix, start = self._further, _CONTINUED, end
        return pieces


class CharacterSpelling(Spelling):
    """Every character by itself; one that is not in the vocabulary is `[UNK]`.

    Args:
        ids: The vocabulary.
    """

    is_by_character: ClassVar[bool] = True

    def __init__(self, ids: Mapping[str, int]) -> None:
        self._ids = ids

    def spell(self, word: str) -> list[Piece]:
        """Returns the characters of `word`."""
        return [
            (character if character in self._ids else UNKNOWN, i, i + 1)
            for i, character in enumerate(word)
        ]

    def table(self) -> PieceTable:
        """Returns one without a piece: no character is part of a longer word."""
        return PieceTable({}, further={}, unknown=self._ids[UNKNOWN], longest_word=None)

    def fingerprint(self) -> dict[str, str | bool | int]:
        """Returns all that decides, beside the vocabulary, how a word is written."""
        return {"subwords": "character"}

    def join(self, tokens: Sequence[str]) -> str:
        """Returns the characters, one after the other."""
        return "".join(tokens)


class WholeSpelling(Spelling):
    """A word is one token, or `[UNK]`.

    Args:
        ids: The vocabulary.
    """

    def __init__(self, ids: Mapping[str, int]) -> None:
        self._ids = ids

    def spell(self, word: str) -> list[Piece]:
        """Returns the one piece of `word`."""
        return [(word if word in self._ids else UNKNOWN, 0, len(word))]

    def table(self) -> PieceTable:
        """Returns the vocabulary, of which no token goes on with a word."""
        return PieceTable(
            self._ids, further={}, unknown=self._ids[UNKNOWN], longest_word=None
        )

    def fingerprint(self) -> dict[str, str | bool | int]:
        """Returns all that decides, beside the vocabulary, how a word is written."""
        return {"subwords": "whole"}


# Of pieces of text by their characters; at the end of a piece stands _END. Japanese
# pieces are short while some that start alike are long: walking down a tree is several
# times faster than trying the longest first.
_Tree = dict[str, Any]
_END = ""


def _tree(pieces: Iterable[str]) -> _Tree:
    root: _Tree = {}
    for piece in pieces:
        node = root
        for character in piece:
            node = node.setdefault(character, {})
        node[_END] = True
    return root


def _match(word: str, *, start: int, tree: _Tree) -> int:
    """Returns where the longest piece at `start` ends; `start` without one."""
    longest = start
    for place in range(start, len(word)):
        below = tree.get(word[place])
        if below is None:
            break
        tree = below
        if _END in tree:
            longest = place + 1
    return longest
