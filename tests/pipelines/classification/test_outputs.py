import numpy as np
import pytest
from scipy.special import expit, log_expit, log_softmax

from pipelines.classification import outputs
from pipelines.classification.answers import LabelSet, Number, OneLabel
from pipelines.classification.splits import Split
from processors.batches.batch_shape import BatchShape, PadTo
from processors.batches.features import Features
from processors.batches.token_dataset import TokenDataset

LENGTH = 6
CLS, SEP = 2, 3
LABELS = ("a", "b", "c")
# Of 3, 1, 2 and 1 windows.
SIZES = [10, 2, 5, 4]
OWNERS = [0, 0, 0, 1, 2, 2, 3]
LOGITS = np.random.default_rng(0).normal(scale=2, size=(7, 3)).astype(np.float32)
LOSSES = np.arange(7, dtype=np.float32) / 7


class Replay:
    """Answers with prepared outputs, a window after the other."""

    def __init__(self, logits, losses):
        self._outputs = {"logits": logits, "losses": losses}
        self._place = 0

    def predict(self, arrays):
        shape = arrays["label_ids"].shape
        places = np.arange(self._place, self._place + np.prod(shape)).reshape(shape)
        self._place += places.size
        return {
            name: values[np.minimum(places, len(values) - 1)]
            for name, values in self._outputs.items()
        }


def split_of(label_ids, targets=None):
    rows = []
    for number, size in enumerate(SIZES):
        ids = np.array([CLS, *range(10, 10 + size), SEP], np.int32)
        target = None if targets is None else np.float32(targets[number])
        rows.append(Features(ids, np.zeros_like(ids), label_ids[number], target))
    return Split([], TokenDataset.from_features(rows), LABELS)


def compute(answers, split, *, logits=LOGITS, losses=LOSSES, batch=2, replicas=1):
    return outputs.compute(
        Replay(logits, losses),
        split,
        losses_of=answers.losses,
        shape=BatchShape(
            per_replica_batch=batch,
            replicas=replicas,
            max_seq_length=LENGTH,
            pad_to=PadTo.MAX,
            in_windows=True,
        ),
    )


def windows_of(example, values):
    return values[np.array(OWNERS) == example].astype(np.float64)


@pytest.mark.parametrize(("batch", "replicas"), [(2, 1), (1, 1), (3, 2), (8, 1)])
def test_log_probabilities_of_labels_are_averaged(batch, replicas):
    answers, gold = OneLabel(LABELS), [2, 0, 1, 1]
    found = compute(answers, split_of(gold), batch=batch, replicas=replicas)
    for example, label in enumerate(gold):
        mean = log_softmax(windows_of(example, LOGITS), axis=-1).mean(axis=0)
        expected = np.exp(mean) / np.exp(mean).sum()
        np.testing.assert_allclose(answers.values(found)[example], expected, rtol=1e-5)
        if len(windows_of(example, LOGITS)) > 1:
            loss = -np.log(expected[label])
            np.testing.assert_allclose(found.losses[example], loss, rtol=1e-5)
    assert found.losses[[1, 3]].tolist() == LOSSES[[3, 6]].tolist()
    assert found.logits[[1, 3]].tolist() == LOGITS[[3, 6]].tolist()
    size = batch * replicas
    means = [found.losses[n : n + size].mean() for n in range(0, 4, size)]
    assert found.batch_losses.tolist() == means


def test_log_probabilities_of_each_of_several_labels_are_averaged():
    answers = LabelSet(LABELS, thresholds=np.full(3, 0.5))
    targets = np.float32([[1, 0, 1], [0, 0, 0], [0, 1, 1], [1, 1, 1]])
    found = compute(answers, split_of([0, 0, 0, 0], targets))
    for example in (0, 2):
        logits = windows_of(example, LOGITS)
        yes, no = (np.exp(log_expit(sign * logits).mean(axis=0)) for sign in (1, -1))
        expected = yes / (yes + no)
        np.testing.assert_allclose(answers.values(found)[example], expected, rtol=1e-5)
        right = np.where(targets[example] == 1, expected, 1 - expected)
        loss = -np.log(right).mean()
        np.testing.assert_allclose(found.losses[example], loss, rtol=1e-5)
    assert found.losses[[1, 3]].tolist() == LOSSES[[3, 6]].tolist()
    np.testing.assert_array_equal(answers.values(found)[1], expit(LOGITS[3]))


def test_numbers_are_averaged():
    answers, targets = Number(("score",), name="score"), [1.5, 0.0, -2.0, 4.0]
    found = compute(answers, split_of([0] * 4, targets), logits=LOGITS[:, :1])
    for example in (0, 2):
        mean = windows_of(example, LOGITS)[:, 0].mean()
        np.testing.assert_allclose(answers.predicted(found)[example], mean, rtol=1e-5)
        loss = (mean - targets[example]) ** 2
        np.testing.assert_allclose(found.losses[example], loss, rtol=1e-5)


def test_unlabelled_examples_need_no_target():
    answers = LabelSet(LABELS, thresholds=np.full(3, 0.5))
    found = compute(answers, split_of([None] * 4))
    assert found.logits.shape == (4, 3)
    assert found.losses.shape == (4,)


def test_each_example_counts_once_in_the_scores():
    answers, gold = OneLabel(LABELS), [2, 0, 1, 1]
    split = split_of(gold)
    found = compute(answers, split)
    scores = answers.scores(split, found)
    predicted = answers.predicted(found)
    assert predicted.shape == (4,)
    assert scores["eval_accuracy"] == np.float32(np.mean(predicted == gold))
    assert scores["eval_loss"] == found.losses.mean()
