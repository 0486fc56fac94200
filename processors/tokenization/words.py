"""What every way of finding words can do."""

from __future__ import annotations

import abc
from collections import Counter
from collections.abc import Iterable

from processors.tokenization.alignment import Aligned


class Words(abc.ABC):
    """Texts to words, in two steps: one that is cheap, one that can be remembered."""

    @abc.abstractmethod
    def find(self, text: str) -> list[str]:
        """Returns the raw words of `text`."""

    @abc.abstractmethod
    def shape(self, word: str) -> list[str]:
        """Returns what a raw word, whatever is around it, becomes."""

    def count(self, texts: Iterable[str]) -> Counter[str]:
        """Returns how often each word, in its final shape, stands in streamed texts."""
        raw: Counter[str] = Counter()
        for text in texts:
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
