import tracemalloc

import numpy as np
import pytest

from processors.labels.targets import Targets
from tests.tf_bert.pairs import golden
from tests.tf_bert.pairs.test_scoring import encoded, model
from tf_bert.pairs import nearest
from tf_bert.pairs.encoding import Encoded
from tf_bert.pairs.heads import Attend, Combine, PairHead
from tf_bert.pairs.nearest import Search, best_places
from tf_bert.pairs.scoring import PairModel
from tf_bert.vectors.vector_cache import VectorCache


def exact(scores, count):
    """Sorted as a whole: the best first, of equal ones the earlier."""
    found = []
    for row, values in enumerate(scores):
        places = [place for place in range(len(values)) if place != row]
        places.sort(key=lambda place: (-values[place], place))
        found += [(row, place) for place in places[:count]]
    return found


@pytest.mark.parametrize("way", golden.WAYS)
@pytest.mark.parametrize("top_k", [1, 4, 30])
def test_the_best_partners_are_those_of_all_scores(way, top_k, monkeypatch):
    monkeypatch.setattr(nearest, "_COLUMNS", 4)
    monkeypatch.setattr(nearest, "_LEAST", 3)
    texts, one = encoded(way), model(way)
    pairs = np.stack(np.divmod(np.arange(121), 11), axis=1)
    scores = one.score(texts, texts, pairs)[:, 1].reshape(11, 11)
    search = Search(label=1, top_k=top_k, chunk_bytes=300)
    found = np.concatenate(list(nearest.nearest(one, texts, search=search)))
    best = exact(scores.astype(np.float64), top_k)
    assert len(found) == len(best) == 11 * min(top_k, 10)
    there = scores[tuple(np.array(best).T)]
    np.testing.assert_allclose(scores[tuple(found.T)], there, atol=2e-6)
    assert all(first != second for first, second in found.tolist())


def test_equal_scores_come_in_the_order_of_their_texts(rng):
    scores = rng.integers(0, 3, (40, 50)).astype(np.float32)
    for count in (1, 7, 49, 50, 60):
        found = best_places(scores, count=count)
        for row, places in zip(scores, found, strict=True):
            expected = sorted(range(50), key=lambda place: (-row[place], place))
            assert places.tolist() == expected[:count]


def random_texts(count, width, rng):
    cache = VectorCache(None)
    vectors = rng.standard_normal((count, width)).astype(np.float32)
    cache.add({f"{n:016d}".encode(): row[np.newaxis] for n, row in enumerate(vectors)})
    names = [f"{n:016d}".encode() for n in range(count)]
    return Encoded(cache, cache.find(names), Attend.VECTORS)


def test_memory_does_not_grow_with_the_pairs(rng):
    """All scores of 6,000 texts would take 144 MB."""
    head = PairHead(
        combine=Combine.DOT, attend=Attend.VECTORS, attention_size=1, reduced_size=1
    )
    weights = {
        "output_weights": np.ones((1, 8), np.float32),
        "output_bias": np.zeros(1, np.float32),
    }
    one = PairModel(
        head=head, weights=weights, labels=("near",), targets=Targets.NUMBER
    )
    peaks = []
    for count in (3000, 6000):
        texts = random_texts(count, 8, rng)
        tracemalloc.start()
        search = Search(label=0, top_k=3, chunk_bytes=8 << 20)
        assert sum(len(p) for p in nearest.nearest(one, texts, search=search)) == (
            3 * count
        )
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert max(peaks) < 20 << 20
