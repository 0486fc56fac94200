"""Paragraphs of two authors, dealt to splits work by work."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from processors.corpora.aozora import Work
from processors.corpora.authors import LENGTHS, Paragraph, Passages

_SHARES = {"test": 0.1, "dev": 0.1}
# A novel would make a split of its own: what a model knows of it is no measure.
_LARGEST_OF_A_SPLIT = 0.25


def read_pair(
    works: Iterable[Work], *, labels: Mapping[str, str]
) -> dict[str, list[list[Paragraph]]]:
    """Returns the paragraphs of each author's works in modern kana.

    Works of one first line, versions most often, count as one, in which a paragraph
    stands once. One that shares a passage with an earlier work, and quotes it, is left
    out.

    Args:
        works: As the archive has them.
        labels: Aozora's number of an author to the author's label.

    Returns:
        Label to a list a work.
    """
    passages = Passages()
    seen: set[str] = set()
    found: dict[tuple[str, str], list[Paragraph]] = {}
    for work in works:
        label = labels.get(work.person)
        if label is None or not work.has_modern_kana:
            continue
        rows = found.setdefault((label, work.first_line), [])
        for line, text in work.paragraphs():
            row = Paragraph(f"{work.id}-{line}", label, work.first_line, text)
            if len(text) in LENGTHS and text not in seen and passages.claim(row):
                rows.append(row)
                seen.add(text)
    return {
        label: [rows for (author, _), rows in found.items() if author == label and rows]
        for label in labels.values()
    }


def deal(
    authors: Mapping[str, list[list[Paragraph]]], *, seed: int
) -> dict[str, list[Paragraph]]:
    """Deals works to splits, a tenth of each author's paragraphs to dev and to test.

    Args:
        authors: Label to a list a work.
        seed: Seed of the draw.

    Returns:
        Split to its paragraphs; no work is in two of them.
    """
    random = np.random.RandomState(seed)
    splits: dict[str, list[Paragraph]] = {"train": [], **{s: [] for s in _SHARES}}
    for works in authors.values():
        room = {s: share * sum(map(len, works)) for s, share in _SHARES.items()}
        largest = {s: _LARGEST_OF_A_SPLIT * size for s, size in room.items()}
        for place in random.permutation(len(works)):
            work = works[place]
            fits = (s for s in room if room[s] > 0 and len(work) <= largest[s])
            split = next(fits, "train")
            splits[split] += work
            if split in room:
                room[split] -= len(work)
    return splits
