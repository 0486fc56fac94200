"""A text that changes and still knows which characters of the original it stands for.

Tokens come from a text that has been normalised, cleaned and lowered. To say where a
token stands in the text as it was, each of these steps can be taken in two ways: on a
`str`, fast, and on an `Aligned`, which carries the places along. Both give one text.
"""

from __future__ import annotations

import abc
import dataclasses
import functools
import itertools
import re
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal, TypeAlias

Form: TypeAlias = Literal["NFC", "NFD", "NFKC", "NFKD"]

WORD = re.compile(r"\S+")


@dataclasses.dataclass(frozen=True)
class Aligned:
    """A text, and for each of its characters a span of the original text.

    Attributes:
        text: The text as it is now.
        starts: For each character where its span starts in the original.
        ends: For each character where its span ends.
    """

    text: str
    starts: Sequence[int]
    ends: Sequence[int]

    @classmethod
    def of(cls, text: str) -> Aligned:
        """Returns a text that has not changed yet."""
        return cls(text, starts=range(len(text)), ends=range(1, len(text) + 1))

    def part(self, start: int, end: int) -> Aligned:
        """Returns the characters from `start` up to `end`."""
        return Aligned(
            self.text[start:end], self.starts[start:end], self.ends[start:end]
        )

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Returns the span of the original that the characters stand for."""
        return self.starts[start], self.ends[end - 1]

    def split(self) -> list[Aligned]:
        """Returns the parts between white space, as `str.split`."""
        return [self.part(*match.span()) for match in WORD.finditer(self.text)]


class Step(abc.ABC):
    """A change of a text."""

    @abc.abstractmethod
    def change(self, text: str) -> str:
        """Returns the changed text."""

    @abc.abstractmethod
    def align(self, text: Aligned) -> Aligned:
        """Returns the changed text with its places."""

    def is_alone(self, text: str) -> bool:  # noqa: ARG002
        """Whether the text changes as it does beside others of which this holds."""
        return True


@dataclasses.dataclass(frozen=True)
class Normalized(Step):
    """A normal form of Unicode.

    Args:
        form: Its name.
    """

    form: Form

    def change(self, text: str) -> str:
        """Returns the normal form."""
        return unicodedata.normalize(self.form, text)

    def align(self, text: Aligned) -> Aligned:
        """Returns the normal form; characters that change together share a span."""
        if unicodedata.is_normalized(self.form, text.text):
            return text
        alone = [_normal_alone(each, self.form) for each in text.text]
        if all(alone):
            return Aligned("".join(alone), text.starts, text.ends)
        return _joined(self._pieces(text))

    def is_alone(self, text: str) -> bool:
        """Whether no normal form joins it with what may be before."""
        return not text or _begins(text[0])

    def _pieces(self, text: Aligned) -> Iterator[Aligned]:
        for start, end in clusters(text.text):
            piece = text.part(start, end)
            normal = self.change(piece.text)
            if normal == piece.text:
                yield piece
            else:
                yield _spread(normal, span=text.span(start, end))


@dataclasses.dataclass(frozen=True)
class Lowered(Step):
    """Lower case, which depends on the neighbours (Σ at the end of a word)."""

    def change(self, text: str) -> str:
        """Returns the text in lower case."""
        return text.lower()

    def is_alone(self, text: str) -> bool:
        """Whether no Σ is in it."""
        return "\u03a3" not in text

    def align(self, text: Aligned) -> Aligned:
        """Returns the text in lower case; İ becomes two characters."""
        lowered = text.text.lower()
        if len(lowered) == len(text.text):  # no character becomes none
            return Aligned(lowered, text.starts, text.ends)
        lengths = [len(character.lower()) for character in text.text]
        return Aligned(
            lowered,
            starts=_repeated(text.starts, lengths),
            ends=_repeated(text.ends, lengths),
        )


@dataclasses.dataclass(frozen=True)
class Translated(Step):
    """Each character becomes what a table says: none, one or several.

    Args:
        table: Code point to text.
    """

    table: Mapping[int, str]

    def change(self, text: str) -> str:
        """Returns the translation."""
        return text.translate(self.table)

    def align(self, text: Aligned) -> Aligned:
        """Returns the translation."""
        new = [self.table[ord(character)] for character in text.text]
        lengths = [len(part) for part in new]
        return Aligned(
            "".join(new),
            starts=_repeated(text.starts, lengths),
            ends=_repeated(text.ends, lengths),
        )


def change(text: str, *, steps: Iterable[Step]) -> str:
    """Returns the text after all steps."""
    for step in steps:
        text = step.change(text)
    return text


def change_alone(text: str, *, steps: Iterable[Step]) -> str | None:
    """Returns the text after all steps; None where its neighbours have a say in it."""
    for step in steps:
        if not step.is_alone(text):
            return None
        text = step.change(text)
    return text


def align(text: Aligned, *, steps: Iterable[Step]) -> Aligned:
    """Returns the same with its places."""
    for step in steps:
        text = step.align(text)
    return text


def _spread(text: str, *, span: tuple[int, int]) -> Aligned:
    start, end = span
    return Aligned(text, starts=[start] * len(text), ends=[end] * len(text))


def _repeated(places: Sequence[int], times: Sequence[int]) -> list[int]:
    return [
        place for place, count in zip(places, times, strict=True) for _ in range(count)
    ]


def _joined(pieces: Iterable[Aligned]) -> Aligned:
    texts: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for piece in pieces:
        texts.append(piece.text)
        starts += piece.starts
        ends += piece.ends
    return Aligned("".join(texts), starts=starts, ends=ends)


def clusters(text: str) -> Iterator[tuple[int, int]]:
    """Yields spans that normalise alone as they do within the text."""
    cuts = [i for i, character in enumerate(text) if _begins(character)]
    if not cuts or cuts[0]:
        cuts.insert(0, 0)
    return itertools.pairwise([*cuts, len(text)])


@functools.lru_cache(maxsize=1 << 12)
def _begins(character: str) -> bool:
    """Whether no normal form joins the character, or swaps it, with what is before.

    Source: Unicode Standard Annex #15, section 9.1, stable code points.
    """
    first = unicodedata.normalize("NFKD", character)[0]
    return not unicodedata.combining(first) and first not in _second_parts()


@functools.lru_cache(maxsize=1 << 13)
def _normal_alone(character: str, form: Form) -> str:
    """The one character it becomes beside others like it; "" where that is not so."""
    normal = unicodedata.normalize(form, character)
    return normal if len(normal) == 1 and _begins(character) else ""


@functools.cache
def _second_parts() -> frozenset[str]:
    """Characters that can compose with the one before, none of them combining.

    Unicode's composites, and the vowels and final consonants of Hangul, which compose
    by rule.
    """
    hangul = map(chr, (*range(0x1161, 0x1176), *range(0x11A8, 0x11C3)))
    decompositions = map(unicodedata.decomposition, map(chr, range(sys.maxunicode)))
    pairs = (d.split() for d in decompositions if d and not d.startswith("<"))
    return frozenset(chr(int(p[1], 16)) for p in pairs if len(p) == 2).union(hangul)
