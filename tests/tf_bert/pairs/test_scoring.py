import numpy as np
import pytest

from processors.labels.targets import Targets
from tests.tf_bert.pairs import golden
from tf_bert.pairs import scoring
from tf_bert.pairs.encoding import Encoded
from tf_bert.pairs.heads import Attend
from tf_bert.pairs.scoring import PairModel, SideTable
from tf_bert.vectors.vector_cache import VectorCache


def model(way, *, targets=Targets.LABEL):
    return PairModel(
        head=golden.head(way),
        weights=golden.head_weights(way),
        labels=("a", "b", "c"),
        targets=targets,
    )


def encoded(way, *, dtype="float32", folder=None):
    """The golden vectors, as they are kept."""
    cache = VectorCache(folder, dtype=dtype)
    attend = golden.head(way).attend
    kept = {}
    for number, mask in enumerate(golden.GOLDEN["attention_mask"]):
        rows = golden.GOLDEN["mean_vectors"][number][np.newaxis]
        if attend is Attend.TOKENS:
            tokens = golden.GOLDEN["token_vectors"][number][mask > 0]
            rows = np.concatenate([rows, tokens])
        kept[f"{number:016d}".encode()] = rows
    cache.add(kept)
    return Encoded(cache, cache.find(list(kept)), attend)


def softmax(logits):
    powers = np.exp(logits.astype(np.float64))
    return powers / powers.sum(axis=-1, keepdims=True)


@pytest.mark.parametrize("way", golden.WAYS)
@pytest.mark.parametrize("is_small", [True, False])
def test_probabilities_from_a_cache(way, is_small, monkeypatch, tmp_path):
    monkeypatch.setattr(scoring, "_PAIRS_A_BLOCK", 5)
    monkeypatch.setattr(scoring, "_LEAST_PAIRS", 3)
    monkeypatch.setattr(scoring, "_TEXTS_A_BLOCK", 4)
    if not is_small:
        monkeypatch.setattr(scoring, "_KEPT_BYTES", 0)
    pairs = golden.GOLDEN["pairs"]
    texts = encoded(way, folder=str(tmp_path))
    found = model(way).score(texts, texts, pairs)
    expected = softmax(golden.GOLDEN[f"{way}/logits"])
    np.testing.assert_allclose(found, expected, atol=1e-5)
    half = encoded(way, dtype="float16", folder=str(tmp_path / "half"))
    found = model(way).score(half, half, pairs)
    expected = softmax(golden.GOLDEN[f"{way}/logits_float16_cache"])
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("way", golden.WAYS)
def test_all_pairs_are_scored_as_each_by_itself(way):
    texts = encoded(way)
    one = model(way)
    sides = SideTable(one, texts).take(np.arange(11))
    logits = np.moveaxis(one.all_logits(sides, sides), 0, -1)
    pairs = np.stack(np.divmod(np.arange(121), 11), axis=1)
    found = one.answers(logits).reshape(121, 3)
    np.testing.assert_allclose(found, one.score(texts, texts, pairs), atol=2e-6)


def test_numbers_and_sets_of_labels():
    way = "vectors/reduced"
    pairs, logits = golden.GOLDEN["pairs"], golden.GOLDEN["vectors/reduced/logits"]
    texts = encoded(way)
    numbers = model(way, targets=Targets.NUMBER).score(texts, texts, pairs)
    np.testing.assert_allclose(numbers, logits, atol=2e-5)
    shares = model(way, targets=Targets.LABELS).score(texts, texts, pairs)
    np.testing.assert_allclose(shares, 1 / (1 + np.exp(-logits)), atol=1e-5)


def test_the_order_of_pairs_is_kept_whatever_their_length(rng):
    way = "tokens/additive"
    texts, one = encoded(way), model(way)
    pairs = golden.GOLDEN["pairs"]
    order = rng.permutation(16)
    found = one.score(texts, texts, pairs[order])
    np.testing.assert_allclose(found, one.score(texts, texts, pairs)[order], atol=1e-6)
