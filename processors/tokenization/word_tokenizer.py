"""Words, then pieces of words: what WordPiece, MeCab and characters have in common."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import Generic, TypeVar

from processors.tokenization.base import EncodedText, Tokenizer
from processors.tokenization.batch_encoder import BatchEncoder
from processors.tokenization.spelling import UNKNOWN, Spelling
from processors.tokenization.vocabulary import Vocabulary
from processors.tokenization.words import Words
from runtime.errors import DataError

# Bounds of the memory that remembered words take (some 20 MB).
_REMEMBERED_WORDS = 1 << 17
_REMEMBERED_LENGTH = 32

# Bounds, in characters, of what is encoded together: below it takes longer than text by
# text, above it takes memory (some 100 bytes a character) and is no faster.
_FEWEST_TOGETHER = 400
_MOST_TOGETHER = 1 << 15

# Characters of a call from which on it is one of many, for which preparing pays. What a
# server is asked at once has less.
_BULK = 1 << 13

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
"""Those of BERT, in the order of its vocabularies."""

_Result = TypeVar("_Result")


class WordTokenizer(Tokenizer):
    """Finds the words of a text and spells each with a vocabulary.

    Args:
        vocabulary: Tokens and ids.
        words: How words are found.
        spelling: How a word is written.
        keep_special_tokens: Whether a special token written in a text is that token,
            as in the programs of Hugging Face, or text like any other, as in the
            original BERT.

    Raises:
        DataError: `[UNK]`, `[CLS]` or `[SEP]` is not in the vocabulary.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        *,
        words: Words,
        spelling: Spelling,
        keep_special_tokens: bool,
    ) -> None:
        super().__init__(vocabulary)
        if UNKNOWN not in vocabulary.ids:
            raise DataError(
                f"expected a WordPiece vocabulary, but it lacks {UNKNOWN}; for a "
                "SentencePiece vocabulary give the model file, too",
                path=vocabulary.path,
            )
        self._words = words
        self._spelling = spelling
        self._keep_special_tokens = keep_special_tokens
        self._kept = _pattern(vocabulary) if keep_special_tokens else _NOTHING
        self._tokens_of = _Remembered(self._word_tokens)
        self._ids_of = _Remembered(self._word_ids)

    def tokenize(self, text: str) -> list[str]:
        """Returns the tokens of `text`."""
        parts = self._kept.split(text)
        if len(parts) == 1:
            return self._plain_tokens(text)
        return list(
            chain.from_iterable(
                [part] if is_special else self._plain_tokens(part)
                for part, is_special in _alternating(parts)
            )
        )

    def encode(self, text: str) -> list[int]:
        """Returns the ids of the tokens of `text`, without `[CLS]` and `[SEP]`."""
        parts = self._kept.split(text)
        if len(parts) == 1:
            return self._plain_ids(text)
        return list(
            chain.from_iterable(
                [self.vocabulary.ids[part]] if is_special else self._plain_ids(part)
                for part, is_special in _alternating(parts)
            )
        )

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """Returns what `encode` gives for each text, faster."""
        characters = sum(map(len, texts))
        if characters >= _BULK:
            self._words.expect(characters)
        return [row for some in _portions(texts) for row in self._encode_some(some)]

    def encode_with_offsets(self, text: str) -> EncodedText:
        """Returns the tokens of `text` with their places in it."""
        tokens: list[str] = []
        spans: list[tuple[int, int]] = []
        start = 0
        for part, is_special in _alternating(self._kept.split(text)):
            found = [(part, (0, len(part)))] if is_special else self._located(part)
            for token, (first, last) in found:
                tokens.append(token)
                spans.append((start + first, start + last))
            start += len(part)
        return EncodedText(tokens, ids=self.convert_tokens_to_ids(tokens), spans=spans)

    def _join(self, ids: Sequence[int]) -> str:
        return self._spelling.join(self.convert_ids_to_tokens(ids))

    def fingerprint(self) -> dict[str, str | bool | int]:
        """Returns all that decides which ids a text gets: equal means equal ids."""
        return {
            "kind": self.kind,
            "vocabulary_sha256": self.vocabulary.sha256,
            **self._words.fingerprint(),
            **self._spelling.fingerprint(),
            "keep_special_tokens": self._keep_special_tokens,
        }

    def _encode_some(self, texts: Sequence[str]) -> list[list[int]]:
        if sum(map(len, texts)) < _FEWEST_TOGETHER:
            return [self.encode(text) for text in texts]
        spaced = [
            None if self._kept.search(text) else self._words.spaced(text)
            for text in texts
        ]
        rows = zip(texts, self._together.encode(spaced), strict=True)
        return [self.encode(text) if row is None else row for text, row in rows]

    @functools.cached_property
    def _together(self) -> BatchEncoder:
        return BatchEncoder(
            self._words, spelling=self._spelling, ids=self.vocabulary.ids
        )

    def _plain_tokens(self, text: str) -> list[str]:
        words = self._words.find(text)
        return list(chain.from_iterable(map(self._tokens_of.__getitem__, words)))

    def _plain_ids(self, text: str) -> list[int]:
        words = self._words.find(text)
        return list(chain.from_iterable(map(self._ids_of.__getitem__, words)))

    def _word_ids(self, word: str) -> tuple[int, ...]:
        return tuple(self.vocabulary.ids[token] for token in self._word_tokens(word))

    def _word_tokens(self, word: str) -> tuple[str, ...]:
        parts = self._words.shape(word)
        return tuple(p[0] for part in parts for p in self._spelling.spell(part))

    def _located(self, text: str) -> Iterator[tuple[str, tuple[int, int]]]:
        for word in self._words.align(text):
            for token, start, end in self._spelling.spell(word.text):
                yield token, word.span(start, end)


class _Remembered(dict[str, _Result], Generic[_Result]):
    """A function of a word that remembers; it forgets everything when it is full."""

    def __init__(self, function: Callable[[str], _Result]) -> None:
        super().__init__()
        self._function = function

    def __missing__(self, word: str) -> _Result:
        result = self._function(word)
        if len(word) <= _REMEMBERED_LENGTH:
            if len(self) >= _REMEMBERED_WORDS:
                self.clear()
            self[word] = result
        return result


def _portions(texts: Sequence[str]) -> Iterator[list[str]]:
    """Texts in order, a portion as many as fit together, or one that is longer."""
    portion: list[str] = []
    characters = 0
    for text in texts:
        if characters + len(text) > _MOST_TOGETHER and portion:
            yield portion
            portion, characters = [], 0
        portion.append(text)
        characters += len(text)
    if portion:
        yield portion


_NOTHING = re.compile("(?!)")


def _pattern(vocabulary: Vocabulary) -> re.Pattern[str]:
    present = [name for name in SPECIAL_TOKENS if name in vocabulary.ids]
    return re.compile(f"({'|'.join(map(re.escape, present))})")


def _alternating(parts: Sequence[str]) -> Iterator[tuple[str, bool]]:
    """What re.split gives, text and special token in turn, without empty parts."""
    return ((part, bool(i % 2)) for i, part in enumerate(parts) if part)
