"""Many texts to ids at once, by arrays over their characters."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from processors.tokenization.piece_table import NONE
from processors.tokenization.spelling import Spelling
from processors.tokenization.words import Words

_BETWEEN = 0  # in place of a letter: what is no part of a longer word
_UNMET, _HANGING = -1, -2  # not asked for yet; what its neighbours decide about


class BatchEncoder:
    """Texts to the ids of their tokens, while no character hangs on its neighbours.

    What becomes of a character is asked for once and remembered, in 9 MB.

    Args:
        words: Finds words.
        spelling: How a word is written.
        ids: The vocabulary.
    """

    def __init__(
        self, words: Words, *, spelling: Spelling, ids: Mapping[str, int]
    ) -> None:
        self._words = words
        self._spelling = spelling
        self._ids = ids
        self._table = spelling.table()
        self._letters = np.full(sys.maxunicode + 1, _UNMET, np.int32)
        self._alone = np.full_like(self._letters, NONE)
        # Rows share one object for each id: a new one takes 28 bytes.
        self._numbers = np.arange(max(ids.values()) + 1).astype(object)

    def encode(self, texts: Sequence[str | None]) -> list[list[int] | None]:
        """Returns the ids of each text; None where the text must be read by itself.

        Args:
            texts: As `Words.spaced` gives them.
        """
        ends = np.cumsum([len(text or "") + 1 for text in texts])
        codes = _codes("".join([f"{text or ''} " for text in texts]))
        letters = self._letters_of(codes)
        hanging = np.flatnonzero(letters == _HANGING)
        letters[hanging] = letters[ends - 1] = _BETWEEN
        ids = np.maximum(self._table.spell(letters), self._alone[codes])
        ids[ends - 1] = NONE
        rows: list[list[int] | None] = [*self._rows(ids, ends=ends)]
        for place in np.searchsorted(ends, hanging, side="right").tolist():
            rows[place] = None
        return [
            row if text is not None else None
            for row, text in zip(rows, texts, strict=True)
        ]

    def _rows(self, ids: np.ndarray, *, ends: np.ndarray) -> Iterator[list[int]]:
        is_token = ids != NONE
        flat = self._numbers[ids[is_token]].tolist()
        bounds = np.cumsum(is_token)[ends - 1].tolist()
        for start, end in itertools.pairwise([0, *bounds]):
            yield flat[start:end]

    def _letters_of(self, codes: np.ndarray) -> np.ndarray:
        letters = self._letters[codes]
        unmet = codes[letters == _UNMET]
        if not len(unmet):
            return letters
        for code in np.unique(unmet).tolist():
            self._meet(code)
        return self._letters[codes]

    def _meet(self, code: int) -> None:
        lone = self._words.lone(chr(code))
        if lone is None:
            letter = _HANGING
        elif not lone.text:
            letter = _BETWEEN
        elif lone.is_word or self._spelling.is_by_character:
            letter = _BETWEEN
            self._alone[code] = self._ids[self._spelling.spell(lone.text)[0][0]]
        else:
            letter = self._table.letter(lone.text)
        self._letters[code] = letter  # last: it tells other threads that all is there


def _codes(text: str) -> np.ndarray:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
