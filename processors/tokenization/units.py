"""Whole words or characters as tokens: a vocabulary that is counted, not trained."""

from __future__ import annotations

import enum
import functools
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar

from processors.tokenization.base import Tokenizer
from processors.tokenization.vocabulary import Vocabulary
from runtime.errors import DataError

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_UNKNOWN = "[UNK]"

MADE = "the training texts"
"""Stands where a vocabulary that was read names its file."""


class Units(enum.Enum):
    """What a text is cut into."""

    WORD = "word"
    CHARACTER = "character"
    WHITESPACE = "whitespace"


class UnitTokenizer(Tokenizer):
    """Each unit of a text is one token, or `[UNK]`.

    Texts are normalised by NFKC. White space is no token.

    Args:
        vocabulary: The units, after `SPECIAL_TOKENS`.
        units: What a text is cut into.
        do_lower_case: Lower the case of a text first.

    Raises:
        DataError: The vocabulary lacks a special token.
    """

    kind: ClassVar[str] = "units"

    def __init__(
        self, vocabulary: Vocabulary, *, units: Units, do_lower_case: bool
    ) -> None:
        super().__init__(vocabulary)
        self.units = units
        self._do_lower_case = do_lower_case

    def tokenize(self, text: str) -> list[str]:
        """Returns the units of `text`."""
        return segment(text, units=self.units, do_lower_case=self._do_lower_case)

    def encode(self, text: str) -> list[int]:
        """Returns the ids of the units of `text`."""
        return self.convert_tokens_to_ids(self.tokenize(text))

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """Returns what `encode` gives for each text."""
        return [self.encode(text) for text in texts]

    def convert_tokens_to_ids(self, tokens: Sequence[str]) -> list[int]:
        """Returns the id of each token, that of `[UNK]` for a strange one."""
        ids, unknown = self.vocabulary.ids, self.special.unk
        return [ids.get(token, unknown) for token in tokens]

    def convert_ids_to_tokens(self, ids: Sequence[int]) -> list[str]:
        """Returns the token of each id; `[UNK]` for an id outside the vocabulary."""
        return [self.vocabulary.tokens.get(index, _UNKNOWN) for index in ids]

    def fingerprint(self) -> dict[str, str | bool | int]:
        """Returns all that decides which ids a text gets: equal means equal ids."""
        return {
            "kind": self.kind,
            "units": self.units.value,
            "vocab_sha256": self.vocabulary.sha256,
            "do_lower_case": self._do_lower_case,
        }


def segment(text: str, *, units: Units, do_lower_case: bool) -> list[str]:
    """Returns the units of a text.

    Args:
        text: Any text.
        units: What it is cut into.
        do_lower_case: Lower its case first.
    """
    text = unicodedata.normalize("NFKC", text)
    return _SEGMENTERS[units](text.lower() if do_lower_case else text)


def count(texts: Iterable[str], *, units: Units, do_lower_case: bool) -> Counter[str]:
    """Returns how often each unit stands in some texts, which are streamed."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(segment(text, units=units, do_lower_case=do_lower_case))
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


def _words(text: str) -> list[str]:
    return [word.surface for word in _tagger()(text)]


@functools.cache
def _tagger() -> Callable[[str], list[Any]]:
    import fugashi

    tagger: Callable[[str], list[Any]] = fugashi.Tagger()
    return tagger


def _characters(text: str) -> list[str]:
    return [character for character in text if not character.isspace()]


_SEGMENTERS: dict[Units, Callable[[str], list[str]]] = {
    Units.WORD: _words,
    Units.CHARACTER: _characters,
    Units.WHITESPACE: str.split,
}
