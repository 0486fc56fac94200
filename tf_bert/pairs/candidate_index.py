"""Candidates for the best partners of texts, by an index of the library faiss.

Where each text is a vector and the score of a pair a product of two, an index finds
most of the best partners without looking at all texts. Which of the candidates are the
best is then said by their exact scores, and how many were missed by an exact search for
some of the texts.

Source: Douze et al., The Faiss library, 2024, arXiv:2401.08281; Malkov and Yashunin,
Efficient and robust approximate nearest neighbor search using HNSW graphs, 2018.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from runtime.errors import SettingsError
from tf_bert.pairs.scoring import PairModel, SideTable
from tf_bert.pairs.scoring_settings import Index

_ROWS = 1 << 16
_LINKS = 32
_LEAST_EFFORT = 64
_LEAST_SHARE = 1e-6  # of a label that good pairs leave nothing
_TRAINING_ROWS = 64  # of a cell: what faiss asks for, and more
_ASKED_CELLS, _LEAST_CELLS = 8, 8  # one of so many, but so many at least


class CandidateIndex:
    """Finds texts whose score with another is among the best.

    Args:
        table: What a model of vectors reads of all texts.
        kind: HNSW or IVF.
        weights: What of a product's numbers is added up to find candidates by, float32
            `[size]`; see `deciding`.

    Raises:
        SettingsError: faiss is not installed.
    """

    def __init__(self, table: SideTable, *, kind: Index, weights: np.ndarray) -> None:
        self._weights = weights
        self._count = table.count
        size = len(self._weights)
        self._index = _empty(kind, size=size, count=self._count)
        if kind is Index.IVF:
            some = np.random.default_rng(0).permutation(self._count)
            taken = np.sort(some[: _TRAINING_ROWS * self._index.nlist])
            self._index.train(_rows(table.take(taken).key))
        for start in range(0, self._count, _ROWS):
            texts = np.arange(start, min(start + _ROWS, self._count))
            self._index.add(_rows(table.take(texts).key))

    def candidates(self, queries: np.ndarray, *, count: int) -> np.ndarray:
        """Texts that are likely to be the best partners.

        Args:
            queries: What the model reads of first texts, float32 `[texts, size]`.
            count: How many for each.

        Returns:
            int64 `[texts, count]`, in the order of the texts' places; -1, which comes
            first, where there are fewer.
        """
        if hasattr(self._index, "hnsw"):
            self._index.hnsw.efSearch = max(_LEAST_EFFORT, 2 * count)
        asked = _rows(queries * self._weights)
        _, found = self._index.search(asked, min(count, self._count))
        return np.sort(found, axis=1)


def deciding(model: PairModel, answers: np.ndarray, *, label: int) -> np.ndarray:
    """What of a product's numbers is added up to a score that ranks as a label does.

    Where labels exclude each other, the score is how far this one is above the others,
    each of which counts as much as among good pairs: there it ranks as the probability.

    Args:
        model: Whose score is a product.
        answers: Of good pairs, float32 `[pairs, labels]`.
        label: The one that decides.

    Returns:
        float32 `[size]`.
    """
    weights: np.ndarray = model.weights["output_weights"]
    if not model.excludes:
        return weights[label]
    shares = answers.mean(axis=0) + _LEAST_SHARE
    shares[label] = 0.0
    found: np.ndarray = weights[label] - shares @ weights / shares.sum()
    return found


def _empty(kind: Index, *, size: int, count: int) -> Any:
    faiss = _library()
    if kind is Index.HNSW:
        return faiss.IndexHNSWFlat(size, _LINKS, faiss.METRIC_INNER_PRODUCT)
    cells = max(min(4 * math.isqrt(count), count // _TRAINING_ROWS), 1)
    product = faiss.METRIC_INNER_PRODUCT
    index = faiss.IndexIVFFlat(faiss.IndexFlatIP(size), size, cells, product)
    index.nprobe = max(cells // _ASKED_CELLS, _LEAST_CELLS)
    return index


def _library() -> Any:
    try:
        import faiss  # type: ignore[import-not-found]
    except ModuleNotFoundError as error:
        raise SettingsError(
            "--index=hnsw and --index=ivf need the package faiss, which is not "
            "installed. Run `pip install --editable '.[index]'`."
        ) from error
    return faiss


def _rows(values: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(values, np.float32)
