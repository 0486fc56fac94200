"""What every way of finding words can do."""

from __future__ import annotations

import abc

from processors.tokenization.alignment import Aligned


class Words(abc.ABC):
    """Texts to words, in two steps: one that is cheap, one that can be remembered."""

    @abc.abstractmethod
    def find(self, text: str) -> list[str]:
        """Returns the raw words of `text`."""

    @abc.abstractmethod
    def shape(self, word: str) -> list[str]:
        """Returns what a raw word, whatever is around it, becomes."""

    @abc.abstractmethod
    def align(self, text: str) -> list[Aligned]:
        """Returns the shape of every raw word with its places in `text`, slowly."""

    @abc.abstractmethod
    def fingerprint(self) -> dict[str, str | bool | int]:
        """Returns all that decides which words a text gets."""
