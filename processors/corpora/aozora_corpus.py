"""Running text of the six authors, without what their task is tested on."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from processors.corpora.aozora import Work
from processors.corpora.authors import is_usable, passages_of
from processors.pretraining.documents import split_line


@dataclass(frozen=True)
class HeldOut:
    """What no training text may have.

    Attributes:
        works: Numbers of works.
        titles: Author and title of each: other versions are left out, too.
        passages: Runs of characters of their paragraphs.
    """

    works: frozenset[str]
    titles: frozenset[tuple[str, str]]
    passages: frozenset[str]

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
        return cls(
            works=frozenset(numbers),
            titles=frozenset((w.author, w.title) for w in works if w.id in numbers),
            passages=frozenset(itertools.chain.from_iterable(map(passages_of, texts))),
        )

    def allows(self, work: Work) -> bool:
        """Whether a work is none of them, nor another version of one."""
        return (
            work.id not in self.works and (work.author, work.title) not in self.titles
        )

    def repeats(self, text: str) -> bool:
        """Whether a text has a passage of theirs."""
        return not self.passages.isdisjoint(passages_of(text))


def documents(works: Iterable[Work], *, held_out: HeldOut) -> Iterator[list[str]]:
    """Yields the sentences of each work that may be trained on.

    Works are those of one of the six alone, in modern kana; of several versions of a
    title the first.

    Args:
        works: As the archive has them.
        held_out: What is left out.
    """
    seen: set[tuple[str, str]] = set()
    for work in works:
        key = work.author, work.title
        if not is_usable(work) or key in seen or not held_out.allows(work):
            continue
        seen.add(key)
        paragraphs = (text for _, text in work.paragraphs())
        sentences = [
            sentence
            for text in paragraphs
            if not held_out.repeats(text)
            for sentence in split_line(text)
        ]
        if sentences:
            yield sentences
