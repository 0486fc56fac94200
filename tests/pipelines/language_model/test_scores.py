"""Scores against scikit-learn on all real predictions of several batches."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, log_loss

from pipelines.language_model.scores import Scores

VOCABULARY, PLACES, EXAMPLES = 7, 5, 4


def make_batch(random, *, masked, examples, relates=True):
    """A batch of two replicas with fillers; what fills them would be noticed."""
    logits = random.normal(size=(2, PLACES, VOCABULARY))
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    ids = random.randint(0, VOCABULARY, (2, PLACES))  # 0 is a piece like others
    weight = np.zeros((2, PLACES), np.float32)
    weight[0, : masked[0]] = weight[1, : masked[1]] = 0.25 / sum(masked)
    picked = np.take_along_axis(probabilities, ids[..., None], axis=-1)[..., 0]
    outputs = {
        "masked_losses": np.where(weight > 0, -np.log(picked), 1e6).astype(np.float32),
        "best_ids": np.argsort(-logits, axis=-1)[..., :3].astype(np.int32),
        "best_probabilities": np.sort(probabilities, axis=-1)[..., :-4:-1],
    }
    arrays = {"masked_ids": ids, "masked_weight": weight}
    # A filler that would be right.
    outputs["best_ids"][weight == 0, 0] = arrays["masked_ids"][weight == 0]
    found = {"masked": (ids[weight > 0], probabilities[weight > 0])}
    if relates:
        chance = random.uniform(0.1, 0.9, (2, EXAMPLES))
        labels = random.randint(0, 2, (2, EXAMPLES))
        loss_weight = np.zeros((2, EXAMPLES), np.float32)
        loss_weight.ravel()[:examples] = 1 / examples
        losses = -np.log(np.where(labels == 1, chance, 1 - chance))
        is_real = loss_weight > 0
        outputs["relation_losses"] = np.where(is_real, losses, 1e6)
        outputs["related"] = np.where(is_real, chance > 0.5, labels).astype(np.int32)
        arrays |= {"label_ids": labels, "loss_weight": loss_weight}
        found["relations"] = (labels[is_real], chance[is_real])
    return outputs, arrays, found


@pytest.fixture
def batches():
    """Three batches, of fewer and fewer real examples."""
    random = np.random.RandomState(0)
    sizes = (((5, 4), 8), ((2, 5), 6), ((1, 0), 1))
    return [make_batch(random, masked=masked, examples=n) for masked, n in sizes]


def scored(batches):
    scores = Scores()
    for outputs, arrays, _ in batches:
        scores.add(outputs, arrays)
    return scores.results()


def joined(batches, kind):
    parts = [found[kind] for *_, found in batches]
    return (np.concatenate(part) for part in zip(*parts, strict=True))


def test_masked_tokens_count_once_each(batches):
    ids, probabilities = joined(batches, "masked")
    found = scored(batches)
    assert len(ids) == 17
    loss = log_loss(ids, probabilities, labels=range(VOCABULARY))
    assert found["masked_lm_loss"] == pytest.approx(loss, rel=1e-6)
    assert found["masked_lm_perplexity"] == pytest.approx(np.exp(loss), rel=1e-6)
    right = accuracy_score(ids, probabilities.argmax(axis=-1))
    assert found["masked_lm_accuracy"] == pytest.approx(right)
    assert right not in (0.0, 0.5, 1.0)


def test_relations_count_once_each(batches):
    labels, chances = joined(batches, "relations")
    found = scored(batches)
    assert len(labels) == 15
    loss = log_loss(labels, chances, labels=[0, 1])
    assert found["next_sentence_loss"] == pytest.approx(loss, rel=1e-6)
    right = accuracy_score(labels, chances > 0.5)
    assert found["next_sentence_accuracy"] == pytest.approx(right)
    assert right not in (0.0, 0.5, 1.0)


def test_the_loss_is_the_mean_over_batches_as_the_original_s(batches):
    expected = []
    for *_, found in batches:
        ids, probabilities = found["masked"]
        labels, chances = found["relations"]
        expected.append(
            log_loss(ids, probabilities, labels=range(VOCABULARY))
            + log_loss(labels, chances, labels=[0, 1])
        )
    assert scored(batches)["loss"] == pytest.approx(np.mean(expected), rel=1e-6)


def test_without_relations():
    random = np.random.RandomState(1)
    batches = [make_batch(random, masked=(3, 2), examples=0, relates=False)]
    found = scored(batches)
    assert set(found) == {
        "loss",
        "masked_lm_accuracy",
        "masked_lm_loss",
        "masked_lm_perplexity",
    }
    assert found["loss"] == pytest.approx(found["masked_lm_loss"])


def test_a_batch_without_masks_has_no_loss():
    random = np.random.RandomState(1)
    [outputs, arrays, _] = make_batch(random, masked=(3, 2), examples=8)
    scores = Scores()
    scores.add(outputs, arrays)
    alone = scores.results()
    nothing = ("masked_weight", "loss_weight")
    scores.add(
        outputs,
        {k: v * 0 if k in nothing else v for k, v in arrays.items()},
    )
    both = scores.results()
    assert both.pop("loss") == pytest.approx(alone.pop("loss") / 2)
    assert both == alone


def test_a_hopeless_perplexity_is_a_number():
    scores = Scores()
    outputs = {"masked_losses": np.full((1, 1), 1e4), "best_ids": np.zeros((1, 1, 1))}
    scores.add(
        outputs, {"masked_ids": np.ones((1, 1)), "masked_weight": np.ones((1, 1))}
    )
    assert scores.results()["masked_lm_perplexity"] == pytest.approx(np.exp(700.0))
