"""WordPiece, with the ids of google-research/bert's FullTokenizer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import ClassVar, Generic, TypeVar

from processors.tokenization.base import Tokenizer
from processors.tokenization.vocabulary import read_word_piece
from processors.tokenization.words import Case, find_words, split_word
from runtime.errors import DataError

_MAX_INPUT_CHARS_PER_WORD = 200
_CONTINUED = "##"
_UNKNOWN = "[UNK]"

# Bounds of the memory that remembered words take (some 10 MB). Japanese news of 5.7
# million characters went as fast with 1 << 14 words as with 1 << 18.
_REMEMBERED_WORDS = 1 << 15
_REMEMBERED_LENGTH = 32

_Result = TypeVar("_Result")


class WordPieceTokenizer(Tokenizer):
    """Greedy longest match of every word in a vocabulary, from the left.

    Any text can be encoded. What cannot be spelled with the vocabulary becomes
    `[UNK]`: a rare character, half of a surrogate pair, a word of over 200 characters.
    Special tokens written in a text are split like any other text.

    Args:
        vocab_file: A token a line.
        do_lower_case: Lower the case and strip accents, as the vocabulary wants it.
        keep_voicing_marks: Spare the marks of Japanese when accents are stripped, so
            that が does not become か. Models pretrained with the original program
            and `do_lower_case` want them stripped.

    Raises:
        DataError: The file is no vocabulary, or `[UNK]`, `[CLS]` or `[SEP]` is not
            in it.

    Source: google-research/bert, tokenization.py, FullTokenizer.
    """

    kind: ClassVar[str] = "wordpiece"

    def __init__(
        self,
        vocab_file: str,
        *,
        do_lower_case: bool = True,
        keep_voicing_marks: bool = False,
    ) -> None:
        super().__init__(read_word_piece(vocab_file))
        if _UNKNOWN not in self.vocabulary.ids:
            raise DataError(
                f"expected a WordPiece vocabulary, but it lacks {_UNKNOWN}; for a "
                "SentencePiece vocabulary give the model file, too",
                path=vocab_file,
            )
        self._case = _case(do_lower_case, keep_voicing_marks=keep_voicing_marks)
        self._first_pieces = _Pieces(self.vocabulary.ids)
        self._further_pieces = _Pieces(_continuations(self.vocabulary.ids))
        self._tokens_of = _Remembered(self._word_tokens)
        self._ids_of = _Remembered(self._word_ids)

    def tokenize(self, text: str) -> list[str]:
        """Returns the tokens of `text`."""
        tokens = map(self._tokens_of.__getitem__, find_words(text))
        return list(chain.from_iterable(tokens))

    def encode(self, text: str) -> list[int]:
        """Returns the ids of the tokens of `text`, without `[CLS]` and `[SEP]`."""
        ids = map(self._ids_of.__getitem__, find_words(text))
        return list(chain.from_iterable(ids))

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """Returns what `encode` gives for each text."""
        return [self.encode(text) for text in texts]

    def convert_tokens_to_ids(self, tokens: Sequence[str]) -> list[int]:
        """Returns the id of each token.

        Raises:
            DataError: A token is not in the vocabulary.
        """
        try:
            return [self.vocabulary.ids[token] for token in tokens]
        except KeyError as error:
            raise DataError(
                f"expected tokens of this vocabulary, found {error}",
                path=self.vocabulary.path,
            ) from error

    def convert_ids_to_tokens(self, ids: Sequence[int]) -> list[str]:
        """Returns the token of each id.

        Raises:
            DataError: An id has no token.
        """
        try:
            return [self.vocabulary.tokens[index] for index in ids]
        except KeyError as error:
            raise DataError(
                f"expected ids below {self.vocab_size} that have a token, found "
                f"{error}",
                path=self.vocabulary.path,
            ) from error

    def fingerprint(self) -> dict[str, str | bool | int]:
        """Returns all that decides which ids a text gets: equal means equal ids."""
        return {
            "kind": self.kind,
            "vocabulary_sha256": self.vocabulary.sha256,
            "do_lower_case": self._case is not Case.KEPT,
            "keep_voicing_marks": self._case is Case.LOWERED_VOICED,
        }

    def _word_ids(self, word: str) -> tuple[int, ...]:
        return tuple(self.vocabulary.ids[token] for token in self._word_tokens(word))

    def _word_tokens(self, word: str) -> tuple[str, ...]:
        parts = split_word(word, case=self._case)
        return tuple(chain.from_iterable(map(self._spelled, parts)))

    def _spelled(self, word: str) -> list[str]:
        if len(word) > _MAX_INPUT_CHARS_PER_WORD:
            return [_UNKNOWN]
        tokens: list[str] = []
        start = 0
        while start < len(word):
            pieces, prefix = (
                (self._further_pieces, _CONTINUED)
                if start
                else (self._first_pieces, "")
            )
            end = pieces.match(word, start=start)
            if end == start:
                return [_UNKNOWN]
            tokens.append(prefix + word[start:end])
            start = end
        return tokens


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


def _case(do_lower_case: bool, *, keep_voicing_marks: bool) -> Case:
    if not do_lower_case:
        return Case.KEPT
    return Case.LOWERED_VOICED if keep_voicing_marks else Case.LOWERED


def _continuations(tokens: Iterable[str]) -> list[str]:
    return [t.removeprefix(_CONTINUED) for t in tokens if t.startswith(_CONTINUED)]
