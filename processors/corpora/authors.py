"""Makes the six-author data: balanced paragraphs, split by work."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from processors.corpora.aozora import Work
from runtime.errors import DataError

COLUMNS = ("id", "author", "work", "text")
AUTHORS = {
    "芥川龍之介": "akutagawa",
    "太宰治": "dazai",
    "宮沢賢治": "miyazawa",
    "森鴎外": "mori",
    "夏目漱石": "natsume",
    "坂口安吾": "sakaguchi",
}
# As some files have their names: in old characters, by birth, in another spelling.
_OTHER_NAMES = {
    "宮澤賢治": "宮沢賢治",
    "森林太郎": "森鴎外",
    "芥川竜之介": "芥川龍之介",
    "夏目金之助": "夏目漱石",
}
# 60574 is a modern translation under CC BY 4.0, not in the public domain.
_NOT_PUBLIC_DOMAIN = {"60574"}
LENGTHS = range(60, 241)
_PASSAGE_LENGTH = 20


@dataclass(frozen=True, slots=True)
class Paragraph:
    """One row of the data; `id` is the work's number and the line in Aozora's file."""

    id: str
    author: str
    work: str
    text: str


class Passages:
    """Which work each run of characters belongs to.

    Versions, sequels and quotations repeat sentences under other titles; a paragraph
    that shares twenty characters with another work would leak between splits.
    """

    def __init__(self) -> None:
        self._owner: dict[str, str] = {}

    def claim(self, paragraph: Paragraph) -> bool:
        """Takes the paragraph's passages for its work; False when others hold one."""
        text = paragraph.text
        passages = passages_of(text)
        owners = {self._owner.get(passage, paragraph.work) for passage in passages}
        free = owners == {paragraph.work}
        if free:
            self._owner.update(dict.fromkeys(passages, paragraph.work))
        return free


def name_of(work: Work) -> str:
    """The author of a work, by the one name that each of the six has here."""
    return _OTHER_NAMES.get(work.author, work.author)


def is_usable(work: Work) -> bool:
    """Whether a work is one of the six authors', public and in modern kana."""
    is_theirs = name_of(work) in AUTHORS and work.id not in _NOT_PUBLIC_DOMAIN
    return is_theirs and work.has_modern_kana


def passages_of(text: str) -> set[str]:
    """All runs of 20 characters of a text."""
    starts = range(len(text) - _PASSAGE_LENGTH + 1)
    return {text[start : start + _PASSAGE_LENGTH] for start in starts}


def choose_works(works: Iterable[Work]) -> dict[str, list[list[Paragraph]]]:
    """Returns each author's paragraphs, a list a work.

    Kept are the works of one of the six alone, in modern kana and under the name that
    is listed; of several works with one first line, versions most often, the first.

    Args:
        works: As the archive has them.
    """
    chosen: dict[tuple[str, str], list[Paragraph]] = {}
    for work in works:
        if is_usable(work) and work.heading[-1].strip() in AUTHORS:
            author = AUTHORS[work.author]
            rows = _paragraphs(work, author=author)
            chosen.setdefault((author, work.first_line), rows)
    return {
        author: [rows for (name, _), rows in chosen.items() if name == author and rows]
        for author in AUTHORS.values()
    }


def split_by_work(
    authors: Mapping[str, list[list[Paragraph]]], *, sizes: Mapping[str, int], seed: int
) -> dict[str, list[Paragraph]]:
    """Draws the splits: no work in two of them, no passage in two works.

    No work gives more than a tenth of its author's share of a split.

    Args:
        authors: The works of each author.
        sizes: Split -> paragraphs an author.
        seed: Seed of the draw and of the order of the rows.

    Returns:
        Split -> its paragraphs, in random order.

    Raises:
        DataError: an author has not enough paragraphs.
    """
    random = np.random.RandomState(seed)
    passages = Passages()
    splits: dict[str, list[Paragraph]] = {split: [] for split in sizes}
    for author, works in authors.items():
        remaining = (works[place] for place in random.permutation(len(works)))
        for split, size in sizes.items():
            rows = _draw(remaining, size=size, passages=passages, random=random)
            if len(rows) < size:
                raise DataError(
                    f"{author} has {len(rows)} paragraphs left for {split}, expected"
                    f" {size}; ask for fewer"
                )
            splits[split] += rows
    return {
        split: [rows[place] for place in random.permutation(len(rows))]
        for split, rows in splits.items()
    }


def _paragraphs(work: Work, *, author: str) -> list[Paragraph]:
    return [
        Paragraph(f"{work.id}-{line}", author, work.id, text)
        for line, text in work.paragraphs()
        if len(text) in LENGTHS
    ]


def _draw(
    works: Iterator[list[Paragraph]],
    *,
    size: int,
    passages: Passages,
    random: np.random.RandomState,
) -> list[Paragraph]:
    drawn: list[Paragraph] = []
    while len(drawn) < size:
        work = next(works, None)
        if work is None:
            break
        limit = min(size - len(drawn), max(1, size // 10))
        for place in random.permutation(len(work)):
            if limit and passages.claim(work[place]):
                drawn.append(work[place])
                limit -= 1
    return drawn
