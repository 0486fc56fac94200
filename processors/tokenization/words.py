"""What every way of finding words can do."""

from __future__ import annotations

import abc
import dataclasses
from collections import Counter
from collections.abc import Iterable

from processors.tokenization.alignment import Aligned


@dataclasses.dataclass(frozen=True)
class Lone:
    """What becomes of a character, whatever is around it.

    Attributes:
        text: A character; "" where it only separates words.
        is_word: Whether it is a word of its own, or a part of one.
    """

    text: str
    is_word: bool = False


class Words(abc.ABC):
    """Texts to words, in two steps: one that is cheap, one that can be remembered."""

    @abc.abstractmethod
    def find(self, text: str) -> list[str]:
        """Returns the raw words of `text`."""

    @abc.abstractmethod
    def shape(self, word: str) -> list[str]:
        """Returns what a raw word, whatever is around it, becomes."""

    @abc.abstractmethod
    def spaced(self, text: str) -> str | None:
        """Returns a text whose characters, by `lone`, have the words of `text`.

        None where there is no such text, and `find` must be asked.
        """

    @abc.abstractmethod
    def lone(self, character: str) -> Lone | None:
        """Returns what becomes of a character of a `spaced` text in the end.

        None where its neighbours decide.
        """

    def expect(self, characters: int) -> None:
        """Tells that so many characters follow, and nobody waits for a single text.

        Who needs no preparation does nothing.

        Args:
            characters: How many, beside those told before.
        """
        del characters

    def count(self, texts: Iterable[str]) -> Counter[str]:
        """Returns how often each word, in its final shape, stands in streamed texts."""
        raw: Counter[str] = Counter()
        for text in texts:
            self.expect(len(text))
            raw.update(self.find(text))
        shaped: Counter[str] = Counter()
        for word, count in raw.items():
            for part in self.shape(word):
                shaped[part] += count
        return shaped

    @abc.abstractmethod
    def align(self, text: str) -> list[Aligned]:
        """Returns the shape of every raw word with its places in `text`, slowly."""

    @abc.abstractmethod
    def fingerprint(self) -> dict[str, str | bool | int]:
        """Returns all that decides which words a text gets."""
