"""Running text of Aozora's works, without what the task `authors` is tested on."""

from __future__ import annotations

import enum
import hashlib
import itertools
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from processors.corpora import authors
from processors.corpora.aozora import Work
from processors.corpora.authors import passages_of
from processors.pretraining.documents import split_line

_TELLING = 15  # characters of a sentence that two works do not share by chance
# Shares of a work's characters in such sentences that were in works before.
_OF_ANY, _OF_A_TITLE = 0.25, 0.05


@dataclass(frozen=True)
class HeldOut:
    """What no training text may have.

    Attributes:
        works: Numbers of works.
        titles: Author and title of each: other versions are left out, too.
        passages: Runs of characters of their paragraphs.
        sentences: Marks of the works' sentences: versions under other titles have them.
    """

    works: frozenset[str]
    titles: frozenset[tuple[str, str]]
    passages: frozenset[str]
    sentences: frozenset[bytes] = frozenset()

    @classmethod
    def of(
        cls, works: Iterable[Work], *, numbers: Collection[str], texts: Iterable[str]
    ) -> HeldOut:
        """What must be left out for some works and texts.

        Args:
            works: All works.
            numbers: Numbers of those that are held out.
            texts: Texts, of these works or not, that are not to be seen.
        """
        out = [work for work in works if work.id in numbers]
        of_out = (text for w in out for _, text in w.readable_paragraphs())
        return cls(
            works=frozenset(numbers),
            titles=frozenset((authors.name_of(w), w.title) for w in out),
            sentences=frozenset(
                _marks_of(each for text in of_out for each in split_line(text))
            ),
            passages=frozenset(itertools.chain.from_iterable(map(passages_of, texts))),
        )

    def allows(self, work: Work) -> bool:
        """Whether a work is none of them, nor another version of one."""
        title = authors.name_of(work), work.title
        return work.id not in self.works and title not in self.titles

    def repeats(self, text: str) -> bool:
        """Whether a text has a passage of theirs."""
        return not self.passages.isdisjoint(passages_of(text))


class Whose(enum.Enum):
    """Whose works are taken."""

    SIX = "six"
    ALL = "all"

    def takes(self, work: Work) -> bool:
        """Whether a work is theirs, in modern kana, and nobody has rights in it."""
        if self is Whose.SIX:
            return authors.is_usable(work)
        return work.has_modern_kana and not work.has_rights_reserved


class Repeats:
    """Which sentences there were in works before, or are in those held out.

    Versions of a work have other titles, and episodes of a series the same: what tells
    them apart is how much of the text there was before.

    Args:
        held_out: What is left out.
    """

    def __init__(self, held_out: HeldOut) -> None:
        self._sentences = set(held_out.sentences)
        self._titles = set(held_out.titles)

    def is_new(self, work: Work, sentences: Sequence[str]) -> bool:
        """Whether a work is no version of an earlier one; then it is one itself.

        Args:
            work: The work.
            sentences: Its text.
        """
        long = _marks_of(sentences)
        known = sum(long[mark] for mark in long.keys() & self._sentences)
        title = authors.name_of(work), work.title
        most = _OF_A_TITLE if title in self._titles else _OF_ANY
        if long and known > most * sum(long.values()):
            return False
        self._titles.add(title)
        self._sentences.update(long)
        return True


def _marks_of(sentences: Iterable[str]) -> dict[bytes, int]:
    """A mark of each sentence long enough to tell works apart, and its length."""
    telling = (each for each in sentences if len(each) >= _TELLING)
    return {
        hashlib.blake2b(each.encode("utf-8"), digest_size=8).digest(): len(each)
        for each in telling
    }


def documents(
    works: Iterable[Work], *, held_out: HeldOut, whose: Whose = Whose.SIX
) -> Iterator[list[str]]:
    """Yields the sentences of each work that may be trained on.

    Args:
        works: As the archive has them.
        held_out: What is left out.
        whose: Whose works.
    """
    repeats = Repeats(held_out)
    for work in works:
        if not whose.takes(work) or not held_out.allows(work):
            continue
        paragraphs = (text for _, text in work.readable_paragraphs())
        sentences = [
            sentence
            for text in paragraphs
            if not held_out.repeats(text)
            for sentence in split_line(text)
        ]
        if sentences and repeats.is_new(work, sentences):
            yield sentences
