"""Documents of sentences of tokens in memory, 2 or 4 bytes a token."""

from __future__ import annotations

import dataclasses
from array import array
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from processors.batches.token_dataset import offsets_of
from runtime import storage

Sentence: TypeAlias = "array[int]"  # subscripted, it is no value before Python 3.12
"""Token ids. Where whole words are masked, a token that continues the word of the one
before is written as the bitwise complement of its id."""

_NARROW = 1 << 15  # an id below and its complement fit two bytes


@dataclasses.dataclass(frozen=True, eq=False)
class Sentences:
    """A text, or a part of it, as tokens end to end.

    Attributes:
        tokens: int16 or int32 [tokens]; see `Sentence`.
        lengths: Tokens of each sentence, none of them 0, int32 [sentences].
        ends: Sentences before each end of a document, int64; a number may come twice.
        lines: Lines of text that were read for them.
    """

    tokens: np.ndarray
    lengths: np.ndarray
    ends: np.ndarray
    lines: int

    @classmethod
    def of(
        cls,
        sentences: Sequence[Sentence],
        *,
        ends: Sequence[int],
        lines: int,
        vocab_size: int,
    ) -> Sentences:
        """Lays sentences end to end; those without a token are left out.

        Args:
            sentences: The tokens of each.
            ends: How many of them come before each end of a document.
            lines: Lines of text that were read for them.
            vocab_size: Ids are below.
        """
        tokens = array("i")
        for sentence in sentences:
            tokens.extend(sentence)
        lengths = np.array([len(sentence) for sentence in sentences], np.int32)
        return cls(
            tokens=np.array(tokens, np.int16 if vocab_size <= _NARROW else np.int32),
            lengths=lengths[lengths > 0],
            ends=offsets_of(lengths > 0)[np.array(ends, np.int64)],
            lines=lines,
        )

    @classmethod
    def concatenate(cls, parts: Sequence[Sentences]) -> Sentences:
        """Returns those of every part, one part after the other."""
        before = offsets_of([len(part.lengths) for part in parts])[:-1]
        ends = [part.ends + start for part, start in zip(parts, before, strict=True)]
        return cls(
            tokens=np.concatenate([part.tokens for part in parts]),
            lengths=np.concatenate([part.lengths for part in parts]),
            ends=np.concatenate(ends),
            lines=sum(part.lines for part in parts),
        )

    def save(self, path: str) -> None:
        """Writes them to a file, whole or not at all."""
        with storage.open_write(path) as file:
            np.savez(file, **vars(self))

    @classmethod
    def load(cls, path: str) -> Sentences:
        """Reads what `save` wrote."""
        with storage.open_read(path) as file, np.load(file) as saved:
            return cls(**{**saved, "lines": int(saved["lines"])})


class Corpus:
    """The documents of a text; those without a token are left out.

    Args:
        text: All sentences.

    Attributes:
        tokens: int16 or int32 [tokens]; see `Sentence`.
        lengths: Tokens of each sentence, int32 [sentences].
        sentence_counts: Sentences of each document, int64 [documents].
    """

    def __init__(self, text: Sentences) -> None:
        self.tokens = text.tokens
        self.lengths = text.lengths
        self._offsets = offsets_of(text.lengths)
        self._starts = np.unique(np.concatenate([[0], text.ends, [len(text.lengths)]]))
        self.sentence_counts = np.diff(self._starts)

    def __len__(self) -> int:
        return len(self.sentence_counts)

    def document(self, index: int) -> Document:
        """Returns one document."""
        start, stop = self._starts[index : index + 2].tolist()
        return Document(self.tokens, self._offsets[start : stop + 1])

    def count(self, token: int) -> int:
        """Returns how often a token stands in the text."""
        found = (self.tokens == token) | (self.tokens == ~token)
        return int(np.count_nonzero(found))


class Document:
    """The sentences of a document.

    Args:
        tokens: Those of the corpus.
        offsets: Where each sentence starts, then the end, int64 [sentences + 1].
    """

    def __init__(self, tokens: np.ndarray, offsets: np.ndarray) -> None:
        self._tokens = tokens
        self._offsets = offsets

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def joined(self, start: int, stop: int) -> list[int]:
        """The tokens of the sentences from `start` to the one before `stop`."""
        tokens: list[int] = self._tokens[
            self._offsets[start] : self._offsets[stop]
        ].tolist()
        return tokens

    def longest(self, start: int, stop: int) -> int:
        """Tokens of the longest of these sentences."""
        return int(np.diff(self._offsets[start : stop + 1]).max())

    def stop_after(self, start: int, *, tokens: int) -> int:
        """The sentence before which those from `start` on, one at least, hold so many.

        Where they never do, it is the end of the document.
        """
        wanted = self._offsets[start] + tokens
        stop = int(np.searchsorted(self._offsets, wanted))
        return min(max(stop, start + 1), len(self))
