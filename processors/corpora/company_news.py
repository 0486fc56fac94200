"""Makes the data of good and bad news about companies, split by company."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from processors.corpora.authors import passages_of
from processors.corpora.chabsa import Sentence

COLUMNS = ("id", "company", "label", "text")
LABELS = ("negative", "positive")


@dataclass(frozen=True, slots=True)
class News:
    """One row of the data; `id` is the company's and the sentence's place in it."""

    id: str
    company: str
    label: str
    text: str


def choose(sentences: Iterable[Sentence]) -> dict[str, list[News]]:
    """Returns the sentences whose opinions agree, by company.

    A sentence that repeats another, or shares twenty characters in a row with one of
    another company, is left out: it would leak between splits.

    Args:
        sentences: Of all reports, one after the other.
    """
    chosen: dict[str, list[News]] = {}
    owners: dict[str, str] = {}
    seen: set[str] = set()
    for row in _clear(sentences):
        passages = passages_of(row.text)
        is_own = all(owners.get(each, row.company) == row.company for each in passages)
        if is_own and row.text not in seen:
            seen.add(row.text)
            owners.update(dict.fromkeys(passages, row.company))
            chosen.setdefault(row.company, []).append(row)
    return chosen


def deal(
    companies: Mapping[str, Sequence[News]], *, shares: Mapping[str, float], seed: int
) -> dict[str, list[News]]:
    """Deals companies to splits: in random order, each split until it is full.

    Args:
        companies: The sentences of each.
        shares: Split -> share of all sentences; the last split gets what is left.
        seed: Seed of the draw and of the order of the rows.

    Returns:
        Split -> its sentences, in random order.
    """
    random = np.random.RandomState(seed)
    names = list(companies)
    remaining = (companies[names[place]] for place in random.permutation(len(names)))
    total = sum(map(len, companies.values()))
    *filled, last = shares
    splits = {name: _taken(remaining, size=shares[name] * total) for name in filled}
    splits[last] = [row for rows in remaining for row in rows]
    return {
        split: [rows[place] for place in random.permutation(len(rows))]
        for split, rows in splits.items()
    }


def _clear(sentences: Iterable[Sentence]) -> Iterator[News]:
    for sentence in sentences:
        if len(sentence.polarities) == 1 and sentence.polarities <= set(LABELS):
            [label] = sentence.polarities
            name = f"{sentence.company}-{sentence.number}"
            text = " ".join(sentence.text.split())
            yield News(name, sentence.company, label, text)


def _taken(companies: Iterator[Sequence[News]], *, size: float) -> list[News]:
    taken: list[News] = []
    for rows in companies:
        taken += rows
        if len(taken) >= size:
            break
    return taken
