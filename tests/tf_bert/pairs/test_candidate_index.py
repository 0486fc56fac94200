"""Candidates of faiss; needs `pip install -e '.[index]'`."""

import logging
import sys

import numpy as np
import pytest

from processors.labels.targets import Targets
from runtime.errors import SettingsError
from tests.tf_bert.pairs.test_nearest import random_texts
from tf_bert.pairs.candidate_index import CandidateIndex
from tf_bert.pairs.heads import Attend, Combine, PairHead
from tf_bert.pairs.nearest import Search, nearest
from tf_bert.pairs.scoring import PairModel, SideTable
from tf_bert.pairs.scoring_settings import Index

TEXTS, WIDTH, TOP_K = 3000, 8, 5


def model(labels, targets=Targets.LABEL):
    weights = np.random.default_rng(1).normal(size=(labels, WIDTH)) + 1
    return PairModel(
        head=PairHead(
            combine=Combine.DOT, attend=Attend.VECTORS, attention_size=1, reduced_size=1
        ),
        weights={
            "output_weights": weights.astype(np.float32),
            "output_bias": np.arange(labels, dtype=np.float32),
        },
        labels=tuple("abc"[:labels]),
        targets=targets,
    )


def partners(one, texts, **options):
    search = Search(label=len(one.labels) - 1, top_k=TOP_K, **options)
    return np.concatenate(list(nearest(one, texts, search=search)))


@pytest.mark.parametrize("kind", [Index.HNSW, Index.IVF])
@pytest.mark.parametrize(
    ("labels", "targets"),
    [(1, Targets.NUMBER), (2, Targets.LABEL), (3, Targets.LABEL), (2, Targets.LABELS)],
)
def test_most_of_the_best_partners_are_found(kind, labels, targets, rng, caplog):
    pytest.importorskip("faiss")
    one, texts = model(labels, targets), random_texts(TEXTS, WIDTH, rng)
    exact = partners(one, texts)
    with caplog.at_level(logging.INFO):
        found = partners(one, texts, index=kind)
    assert (found[:, 0] != found[:, 1]).all()
    assert (np.diff(found[:, 0]) >= 0).all()
    best = set(map(tuple, exact.tolist()))
    share = len(best & set(map(tuple, found.tolist()))) / len(best)
    assert share > 0.8
    assert f"--index={kind.value} finds " in caplog.text


def test_where_all_are_candidates_the_best_are_those_of_all_scores(rng):
    pytest.importorskip("faiss")
    one, texts = model(3), random_texts(40, WIDTH, rng)
    exact, found = (
        partners(one, texts, index=kind) for kind in (Index.EXACT, Index.HNSW)
    )
    np.testing.assert_array_equal(found, exact)


def test_a_text_alone_has_no_partner(rng):
    pytest.importorskip("faiss")
    texts = random_texts(1, WIDTH, rng)
    assert len(partners(model(2), texts, index=Index.HNSW)) == 0


def test_without_faiss_it_says_what_to_install(rng, monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", None)
    one, texts = model(2), random_texts(3, WIDTH, rng)
    with pytest.raises(SettingsError, match=r"pip install --editable '\.\[index\]'"):
        CandidateIndex(
            SideTable(one, texts), kind=Index.IVF, weights=np.ones(WIDTH, np.float32)
        )
