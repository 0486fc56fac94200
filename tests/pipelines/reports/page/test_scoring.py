"""Scores of weighted cases beside scikit-learn's and scipy's of examples."""

import numpy as np
import pytest
import scipy.stats

from pipelines.classification import scores
from pipelines.reports.page import answered, scoring
from processors.labels.targets import Targets


def found(path, labels=()):
    split = answered.read(path, name="test", targets=None, labels=labels)
    return {each.name: each for each in scoring.of_split(split)}


def test_of_one_label_they_are_those_of_a_run(make_run):
    folder, gold, predicted = make_run()
    expected = scores.of_labels(
        gold=gold, predicted=predicted, losses=np.zeros(len(gold)), num_labels=3
    )
    for name, score in found(f"{folder}/predictions.tsv").items():
        assert score.value == pytest.approx(expected[f"eval_{name}"], rel=1e-6), name
        assert score.interval[0] < score.value < score.interval[1]


def test_of_several_labels_they_are_those_of_a_run(several_labels):
    path, gold, predicted = several_labels
    expected = scores.of_label_sets(
        gold=gold, probabilities=predicted.astype(float), losses=np.zeros(len(gold))
    )
    for name, score in found(path).items():
        assert score.value == pytest.approx(expected[f"eval_{name}"], rel=1e-6), name


def test_of_numbers_they_are_those_of_a_run(numbers):
    path, gold, predicted = numbers
    expected = scores.of_numbers(
        gold=gold, predicted=predicted, losses=np.zeros(len(gold))
    )
    for name, score in found(path).items():
        assert score.value == pytest.approx(expected[f"eval_{name}"], rel=1e-6), name


@pytest.mark.parametrize("targets", Targets)
def test_weights_count_as_repeated_examples(targets):
    random = np.random.default_rng(0)
    shape = (20,) if targets is Targets.NUMBER else (20, 3)
    gold, predicted = random.integers(0, 3, (2, *shape))
    if targets is not Targets.NUMBER:
        gold, predicted = (
            np.eye(3, dtype=bool)[each[:, 0]] for each in (gold, predicted)
        )
    weights = random.multinomial(20, np.full(20, 1 / 20), size=5)
    found = scoring.all_of(targets, weights, gold=gold, predicted=predicted)
    for place, weight in enumerate(weights):
        again = [np.repeat(each, weight, axis=0) for each in (gold, predicted)]
        alone = all_of(targets, *again)
        for name, values in found.items():
            assert values[place] == pytest.approx(alone[name], rel=1e-5), name


def all_of(targets, gold, predicted):
    weights = np.ones(len(gold), np.int64)
    return scoring.all_of(targets, weights, gold=gold, predicted=predicted)


def test_ties_share_a_rank():
    random = np.random.default_rng(0)
    gold, predicted = random.integers(0, 4, (2, 30)).astype(float)
    assert all_of(Targets.NUMBER, gold, predicted)["spearman"] == pytest.approx(
        scipy.stats.spearmanr(gold, predicted).statistic
    )


def test_what_would_divide_by_0_is_0():
    same = np.eye(2, dtype=bool)[[0, 0, 0]]
    assert all_of(Targets.LABEL, same, same)["mcc"] == 0
    assert all_of(Targets.NUMBER, np.ones(3), np.ones(3))["pearson"] == 0
