import numpy as np
import pytest

from tests.tf_bert.pairs import golden
from tf_bert.pairs.heads import Attend

WIDTH = golden.SPEC["spec"]["hidden"]


def sides(way, *, dtype=np.float32):
    """What each text gives, from its vectors as they are kept."""
    head, kept = golden.head(way), {}
    for name in ("mean_vectors", "token_vectors"):
        kept[name] = golden.GOLDEN[name].astype(dtype).astype(np.float32)
    weights = golden.head_weights(way)
    if head.attend is Attend.VECTORS:
        return head.of_vectors(kept["mean_vectors"], weights=weights, ops=np)
    mask = golden.GOLDEN["attention_mask"]
    return head.of_tokens(*kept.values(), mask, weights=weights, ops=np)


def logits(way, **kind):
    made, weights = sides(way, **kind), golden.head_weights(way)
    first, second = (made.take(side) for side in golden.GOLDEN["pairs"].T)
    combined = golden.head(way).combined(first, second, weights=weights, ops=np)
    return combined @ weights["output_weights"].T + weights["output_bias"]


@pytest.mark.parametrize("way", golden.WAYS)
def test_numpy_gives_the_logits_of_the_independent_program(way):
    expected = golden.GOLDEN[f"{way}/logits"]
    np.testing.assert_allclose(logits(way), expected, atol=2e-5)


@pytest.mark.parametrize("way", golden.WAYS)
def test_vectors_kept_as_float16_give_its_logits_too(way):
    expected = golden.GOLDEN[f"{way}/logits_float16_cache"]
    found = logits(way, dtype=np.float16)
    np.testing.assert_allclose(found, expected, atol=2e-5)
    assert not np.array_equal(found, logits(way))


@pytest.mark.parametrize("way", [way for way in golden.WAYS if "tokens" in way])
def test_attention_is_that_of_the_independent_program(way):
    made, head = sides(way), golden.head(way)
    first, second = (made.take(side) for side in golden.GOLDEN["pairs"].T)
    for name, query, other in (("ab", first, second), ("ba", second, first)):
        weights = golden.head_weights(way)
        found = head.attention(query.query, other, weights=weights, ops=np)
        expected = golden.GOLDEN[f"{way}/attention_{name}"]
        np.testing.assert_allclose(found, expected, atol=2e-6)


@pytest.mark.parametrize("way", golden.WAYS)
def test_shapes_are_those_of_the_weights(way):
    head, weights = golden.head(way), golden.head_weights(way)
    output = weights.pop("output_weights").shape
    weights.pop("output_bias")
    assert head.shapes(WIDTH) == {n: v.shape for n, v in weights.items()}
    assert output == (golden.LABELS, head.output_size(WIDTH))


def test_dot_is_symmetric_and_the_others_are_not():
    swapped = golden.GOLDEN["pairs"][:, ::-1]
    for way in golden.WAYS[:3]:
        made = sides(way)
        there = golden.head(way).combined(
            *(made.take(side) for side in golden.GOLDEN["pairs"].T),
            weights=golden.head_weights(way),
            ops=np,
        )
        back = golden.head(way).combined(
            *(made.take(side) for side in swapped.T),
            weights=golden.head_weights(way),
            ops=np,
        )
        assert np.allclose(there, back) == (way == "vectors/dot")
