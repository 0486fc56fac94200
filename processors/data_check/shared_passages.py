"""Texts of which the greater part is the same, wherever the rest was put in or cut out.

How much two texts share is the number of passages of five characters in both, by the
number in either (Jaccard's index). Texts that could be alike are found by their least
passages in the order of a hash, which texts that are alike have in common: of each of
64 parts of the hash's range the least is kept, and texts that agree in four parts side
by side are compared passage by passage. So nothing is called alike that is not, and of
texts at the limit two in ten thousand are missed.

Source: Broder, "On the resemblance and containment of documents", 1997; one permutation
for all minima as in Li, Owen & Zhang, "One Permutation Hashing", 2012.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from processors.batches.token_dataset import offsets_of
from processors.data_check.near_copies import code_points

PASSAGE = 5
"""Characters of a passage."""
MIN_SHARE = 0.8
"""Share of passages from which on texts are alike."""
MIN_CHARACTERS = 64
"""Length below which most parts of the hash's range would be without a passage."""

_PARTS, _BAND = 64, 4
_EMPTY = np.uint32(2**32 - 1)
_MIXER = np.uint64(0xD6E8FEB86659FD93)
_BLOCK = 2**19
_PAIRS_AT_ONCE = 2**16
# Texts that one text is compared with: of so many a band those most alike.
_COMPARED = 4
# Four times the deviation of an estimate by 64 minima at the limit.
_ESTIMATE_ERROR = 0.2


def find(queries: Sequence[str], *, corpus: Sequence[str]) -> dict[int, int]:
    """Finds texts of a corpus that share most of their passages with another text.

    Args:
        queries: Texts to look for.
        corpus: Texts to look in.

    Returns:
        Place in `queries` -> place in `corpus` of one such text, where there is one.
    """
    wanted, there = _long_enough(queries), _long_enough(corpus)
    if not (len(wanted) and len(there)):
        return {}
    wanted_minima = _minima([queries[place] for place in wanted])
    minima = _minima([corpus[place] for place in there])
    found: dict[int, int] = {}
    for one, other in _candidates(wanted_minima, minima):
        query, place = int(wanted[one]), int(there[other])
        if query not in found and share(queries[query], corpus[place]) >= MIN_SHARE:
            found[query] = place
    return found


def share(first: str, second: str) -> float:
    """Returns the number of passages in both texts by the number in either."""
    one, other = _passages(first), _passages(second)
    return len(one & other) / max(1, len(one | other))


def _passages(text: str) -> set[str]:
    return {text[start : start + PASSAGE] for start in range(len(text) - PASSAGE + 1)}


def _long_enough(texts: Sequence[str]) -> np.ndarray:
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    return np.flatnonzero(lengths >= MIN_CHARACTERS)


def _minima(texts: Sequence[str]) -> np.ndarray:
    """Returns the least hash in each part of the range, uint32 [texts, parts]."""
    minima = np.full((len(texts), _PARTS), _EMPTY)
    start = 0
    for stop in _ends(texts):
        _lower(minima[start:stop], texts=texts[start:stop])
        start = stop
    return minima


def _ends(texts: Sequence[str]) -> Iterator[int]:
    """Yields where blocks of texts end that have so many characters together."""
    held = 0
    for place, text in enumerate(texts):
        if held and held + len(text) > _BLOCK:
            yield place
            held = 0
        held += len(text)
    yield len(texts)


def _lower(minima: np.ndarray, *, texts: Sequence[str]) -> None:
    """Lowers minima to those of the passages of each text.

    Args:
        minima: uint32 [texts, parts], changed in place.
        texts: The texts, each of a passage or more.
    """
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    codes = code_points(texts)
    hashes = np.zeros(len(codes) - PASSAGE + 1, np.uint64)
    for shift in range(PASSAGE):
        hashes *= _MIXER
        hashes += codes[shift : len(codes) - PASSAGE + 1 + shift]
    hashes ^= hashes >> np.uint64(32)
    hashes *= _MIXER
    owners = np.repeat(np.arange(len(texts)), lengths)[: len(hashes)]
    ends = offsets_of(lengths)[1:]
    whole = np.arange(len(hashes)) + PASSAGE <= np.repeat(ends, lengths)[: len(hashes)]
    slots = owners * _PARTS + (hashes >> np.uint64(58)).astype(np.int64)
    values = (hashes >> np.uint64(26)).astype(np.uint32)
    np.minimum.at(minima.reshape(-1), slots[whole], values[whole])


def _candidates(queries: np.ndarray, corpus: np.ndarray) -> np.ndarray:
    """Returns places of texts that are probably alike, int64 [pairs, 2].

    Args:
        queries: Minima of the texts to look for, uint32 [queries, parts].
        corpus: Minima of the texts to look in, uint32 [texts, parts].
    """
    pairs = np.concatenate(
        [
            _agreeing(queries, corpus, parts=slice(band, band + _BAND))
            for band in range(0, _PARTS, _BAND)
        ]
    )
    pairs = np.unique(pairs, axis=0)
    likeness = _likeness(queries, corpus, pairs)
    order = np.lexsort((-likeness, pairs[:, 0]))
    pairs = pairs[order]
    rank = np.arange(len(pairs)) - np.searchsorted(pairs[:, 0], pairs[:, 0])
    return pairs[(rank < _COMPARED) & (likeness[order] >= MIN_SHARE - _ESTIMATE_ERROR)]


def _agreeing(queries: np.ndarray, corpus: np.ndarray, *, parts: slice) -> np.ndarray:
    """Returns places of texts that agree in a band, int64 [pairs, 2]; few a query."""
    wanted, there = _band_hashes(queries[:, parts]), _band_hashes(corpus[:, parts])
    order = np.argsort(there, kind="stable")
    starts = np.searchsorted(there[order], wanted, side="left")
    has_passages = (queries[:, parts] != _EMPTY).any(axis=1)
    found = []
    for step in range(_COMPARED):
        others = order[np.minimum(starts + step, len(order) - 1)]
        agree = has_passages & (starts + step < len(order)) & (there[others] == wanted)
        found.append(np.stack([np.flatnonzero(agree), others[agree]], axis=1))
    return np.concatenate(found)


def _band_hashes(minima: np.ndarray) -> np.ndarray:
    hashes = np.zeros(len(minima), np.uint64)
    for column in minima.T:
        hashes = (hashes + column) * _MIXER
        hashes ^= hashes >> np.uint64(32)
    return hashes


def _likeness(queries: np.ndarray, corpus: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Estimates the share of passages of pairs by that of equal minima, [pairs]."""
    likeness = np.zeros(len(pairs))
    for start in range(0, len(pairs), _PAIRS_AT_ONCE):
        block = slice(start, start + _PAIRS_AT_ONCE)
        first, second = queries[pairs[block, 0]], corpus[pairs[block, 1]]
        used = (first != _EMPTY) | (second != _EMPTY)
        same = (first == second) & used
        likeness[block] = same.sum(axis=1) / used.sum(axis=1)
    return likeness
