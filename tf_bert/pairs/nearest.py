"""The best partners of every text among all others, in memory that does not grow.

Scores are computed block by block, a block being some texts with some others; of each
block no more is kept than the best of each text.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np

from tf_bert.pairs.encoding import Encoded
from tf_bert.pairs.scoring import PairModel, SideTable

_MEGABYTE = 1 << 20
_COLUMNS, _LEAST = 4096, 64  # others of a block; with tokens fewer


@dataclasses.dataclass(frozen=True, kw_only=True)
class Search:
    """What is looked for.

    Attributes:
        label: The output whose probability decides.
        top_k: Partners of each text.
        chunk_bytes: Memory for the scores of a block.
    """

    label: int
    top_k: int
    chunk_bytes: int = 256 * _MEGABYTE


def nearest(
    model: PairModel, encoded: Encoded, *, search: Search
) -> Iterator[np.ndarray]:
    """Yields the best pairs of texts, the partners of a text in order.

    Args:
        model: What scores.
        encoded: The texts; each is the first text of its pairs.
        search: What is looked for.

    Yields:
        int64 `[pairs, 2]`, for some texts at a time, in the order of the texts; a text
        is no partner of itself, and of equal scores the earlier partner comes first.
    """
    table, count = SideTable(model, encoded), len(encoded)
    columns = min(max(_COLUMNS // max(encoded.longest, 1), _LEAST), count)
    rows = _rows(model, columns=columns, chunk_bytes=search.chunk_bytes)
    for start in range(0, count, rows):
        texts = np.arange(start, min(start + rows, count))
        best = _best_of(table, model, texts=texts, columns=columns, search=search)
        firsts = np.repeat(texts, best.shape[1])
        yield np.stack([firsts, best.ravel()], axis=1)


def _rows(model: PairModel, *, columns: int, chunk_bytes: int) -> int:
    """Texts of a block, so that its scores fit the memory."""
    # Logits, what becomes of them to be probabilities, and what is sorted.
    numbers = columns * (3 * len(model.labels) + 3)
    return max(chunk_bytes // (4 * numbers), 1)


def _best_of(
    table: SideTable,
    model: PairModel,
    *,
    texts: np.ndarray,
    columns: int,
    search: Search,
) -> np.ndarray:
    """The best partners of some texts, int64 `[texts, top_k]`."""
    first, count = table.take(texts), table.count
    scores = np.empty((len(texts), 0), np.float32)
    partners = np.empty((len(texts), 0), np.int64)
    for start in range(0, count, columns):
        others = np.arange(start, min(start + columns, count))
        logits = model.all_logits(first, table.take(others))
        found = model.answers(np.moveaxis(logits, 0, -1))[..., search.label]
        found[texts[:, np.newaxis] == others] = -np.inf
        chosen = best_places(found, count=search.top_k)
        scores = np.concatenate([scores, np.take_along_axis(found, chosen, 1)], axis=1)
        partners = np.concatenate([partners, others[chosen]], axis=1)
        kept = best_places(scores, count=search.top_k)
        scores = np.take_along_axis(scores, kept, 1)
        partners = np.take_along_axis(partners, kept, 1)
    return partners[:, : min(search.top_k, count - 1)]


def best_places(scores: np.ndarray, *, count: int) -> np.ndarray:
    """The places of the largest scores of each row, of equal ones the first first.

    Args:
        scores: float32 `[rows, columns]`.
        count: How many.

    Returns:
        int64 `[rows, count]`, the best first; all where there are fewer.
    """
    columns = scores.shape[1]
    if count >= columns:
        return np.argsort(-scores, axis=1, kind="stable")
    places = np.argpartition(-scores, count - 1, axis=1)[:, :count]
    worst = np.take_along_axis(scores, places, 1).min(axis=1, keepdims=True)
    # Of those that are as good as the worst, any were taken.
    for row in np.flatnonzero((scores >= worst).sum(axis=1) > count):
        places[row] = np.argsort(-scores[row], kind="stable")[:count]
    places.sort(axis=1)
    order = np.argsort(-np.take_along_axis(scores, places, 1), axis=1, kind="stable")
    return np.take_along_axis(places, order, 1)
