"""The best partners of every text among all others, in memory that does not grow.

Scores are computed block by block, a block being some texts with some others; of each
block no more is kept than the best of each text. Or an index names candidates, and
their scores alone are computed.
"""

from __future__ import annotations

import dataclasses
import functools
import logging
from collections.abc import Callable, Iterator

import numpy as np

from tf_bert.pairs.candidate_index import CandidateIndex, deciding
from tf_bert.pairs.encoding import Encoded
from tf_bert.pairs.scoring import PairModel, SideTable
from tf_bert.pairs.scoring_settings import Index

_MEGABYTE = 1 << 20
_COLUMNS, _LEAST = 4096, 64  # others of a block; with tokens fewer
_CANDIDATES = 30  # for each partner that is looked for
_TRIED = 200

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Search:
    """What is looked for.

    Attributes:
        label: The output whose probability decides.
        top_k: Partners of each text.
        chunk_bytes: Memory for the scores of a block.
        index: How partners are found; but for EXACT the scores must be products.
    """

    label: int
    top_k: int
    chunk_bytes: int = 256 * _MEGABYTE
    index: Index = Index.EXACT


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

    Raises:
        SettingsError: The library of the index is not installed.
    """
    table, count = SideTable(model, encoded), len(encoded)
    columns = min(max(_COLUMNS // max(encoded.longest, 1), _LEAST), count)
    rows = _rows(model, columns=columns, chunk_bytes=search.chunk_bytes)
    find: Finder = functools.partial(
        _best_of, table, model, columns=columns, search=search
    )
    if search.index is not Index.EXACT and count > 1:
        find = _indexed(table, model, exact=find, search=search)
    for start in range(0, count, rows):
        texts = np.arange(start, min(start + rows, count))
        best = find(texts=texts)
        pairs = np.stack([np.repeat(texts, best.shape[1]), best.ravel()], axis=1)
        yield pairs[best.ravel() >= 0]


Finder = Callable[..., np.ndarray]
"""The best partners of some texts, int64 `[texts, top_k]`; -1 where there are fewer."""


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


def _best_candidates(
    table: SideTable, index: CandidateIndex, *, texts: np.ndarray, search: Search
) -> np.ndarray:
    """The best of an index's candidates for some texts, by their exact scores."""
    wanted = _CANDIDATES * search.top_k + 1  # each text is a candidate of its own
    found = index.candidates(table.take(texts).query, count=wanted)
    pairs = np.stack([np.repeat(texts, found.shape[1]), found.ravel()], axis=1)
    scores = table.scores(np.maximum(pairs, 0), second=table)[:, search.label]
    is_none = (found < 0) | (found == texts[:, np.newaxis])
    scores = np.where(is_none, -np.inf, scores.reshape(found.shape))
    best = best_places(scores, count=search.top_k)
    is_none = np.take_along_axis(is_none, best, 1)
    return np.where(is_none, -1, np.take_along_axis(found, best, 1))


def _indexed(
    table: SideTable, model: PairModel, *, exact: Finder, search: Search
) -> Finder:
    """Finds partners by an index, and says how many of the best it finds.

    Some texts, whose best are found exactly, say how the index is to be asked; and
    others, how good it is.
    """
    tried = np.random.default_rng(0).permutation(table.count)[: 2 * _TRIED]
    best = exact(texts=tried)
    half = max(len(tried) // 2, 1)
    pairs = np.stack([np.repeat(tried, best.shape[1]), best.ravel()], axis=1)
    answers = table.scores(pairs[: half * best.shape[1]], second=table)
    index = CandidateIndex(
        table,
        kind=search.index,
        weights=deciding(model, answers, label=search.label),
    )
    found = functools.partial(_best_candidates, table, index, search=search)
    _log.info("%s", _recall(found(texts=tried[half:]), best[half:], search=search))
    return found


def _recall(found: np.ndarray, best: np.ndarray, *, search: Search) -> str:
    hits = [np.isin(*row).sum() for row in zip(best, found, strict=True)]
    return (
        f"Of the {search.top_k} best partners of {len(best)} texts --index="
        f"{search.index.value} finds {sum(hits) / max(best.size, 1):.1%}."
    )


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
