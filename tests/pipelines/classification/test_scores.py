import numpy as np
import pytest
import scipy.stats
import sklearn.metrics

from pipelines.classification import scores
from pipelines.classification.score_names import SCORES
from processors.labels.targets import Targets
from runtime.training.evaluation_settings import Better

LOSSES = np.random.default_rng(0).random(200).astype(np.float32)


def classes(*, labels=4, examples=200, seed=1):
    random = np.random.default_rng(seed)
    gold = random.choice(labels, examples, p=np.arange(1, labels + 1) / 10)
    predicted = np.where(random.random(examples) < 0.6, gold, random.integers(labels))
    return gold.astype(np.int32), predicted


def label_sets(*, labels=5, examples=200, seed=2):
    random = np.random.default_rng(seed)
    gold = (random.random((examples, labels)) < 0.3).astype(np.float32)
    probabilities = (random.random((examples, labels)) + gold) / 2
    return gold, probabilities.astype(np.float32)


def numbers(seed=3):
    random = np.random.default_rng(seed)
    gold = random.integers(0, 6, 200).astype(np.float32)
    return gold, (gold + random.normal(0, 2, 200)).astype(np.float32)


def of_classes(gold, predicted, *, labels=4):
    losses = LOSSES[: len(gold)]
    return scores.of_labels(
        gold=gold, predicted=predicted, losses=losses, num_labels=labels
    )


def test_each_task_has_the_scores_that_it_lists():
    gold, probabilities = label_sets()
    values, predicted = numbers()
    found = {
        Targets.LABEL: of_classes(*classes()),
        Targets.LABELS: scores.of_label_sets(
            gold=gold, probabilities=probabilities, losses=LOSSES
        ),
        Targets.NUMBER: scores.of_numbers(
            gold=values, predicted=predicted, losses=LOSSES
        ),
    }
    for targets in Targets:
        assert list(found[targets]) == list(SCORES[targets])
        assert list(SCORES[targets]) == sorted(SCORES[targets])


def test_losses_and_errors_are_better_when_smaller():
    smaller = {
        name
        for targets in Targets
        for name, better in SCORES[targets].items()
        if better is Better.SMALLER
    }
    assert smaller == {"eval_loss", "eval_mse"}


def test_classes_are_scored_as_before_and_as_scikit_learn_does():
    gold, predicted = classes()
    found = of_classes(gold, predicted)
    assert found["eval_accuracy"] == np.float32(np.mean(predicted == gold))
    assert found["eval_accuracy"].dtype == np.float32
    assert found["eval_loss"] == np.mean(LOSSES)
    assert found["eval_loss"].dtype == np.float32
    report = sklearn.metrics.classification_report(gold, predicted, output_dict=True)
    assert found["eval_macro_f1"] == report["macro avg"]["f1-score"]
    assert found["eval_weighted_f1"] == report["weighted avg"]["f1-score"]
    assert found["eval_mcc"] == sklearn.metrics.matthews_corrcoef(gold, predicted)


def test_a_class_that_no_example_has_counts_as_in_the_report():
    found = of_classes(np.array([0, 0, 1]), np.array([0, 0, 1]), labels=4)
    assert found["eval_macro_f1"] == 0.5
    assert found["eval_weighted_f1"] == found["eval_accuracy"] == 1


def test_one_class_alone_has_scores():
    found = of_classes(np.array([2, 2]), np.array([2, 2]))
    assert found["eval_mcc"] == 0
    assert found["eval_macro_f1"] == 0.25


@pytest.mark.parametrize("thresholds", [0.5, 0.7, np.linspace(0.2, 0.8, 5)])
def test_label_sets_are_scored_as_scikit_learn_does(thresholds):
    gold, probabilities = label_sets()
    found = scores.of_label_sets(
        gold=gold, probabilities=probabilities, losses=LOSSES, thresholds=thresholds
    )
    predicted = probabilities >= thresholds
    for average in ("micro", "macro"):
        expected = sklearn.metrics.f1_score(gold, predicted, average=average)
        assert found[f"eval_{average}_f1"] == pytest.approx(expected)
    expected = sklearn.metrics.accuracy_score(gold, predicted)
    assert found["eval_subset_accuracy"] == pytest.approx(expected)
    expected = sklearn.metrics.average_precision_score(gold, probabilities)
    assert found["eval_average_precision"] == pytest.approx(expected)


def test_a_label_that_no_example_has_scores_0_without_a_warning(recwarn):
    gold, probabilities = label_sets()
    gold[:, 1] = 0
    found = scores.of_label_sets(
        gold=gold, probabilities=probabilities, losses=LOSSES, thresholds=0.5
    )
    assert 0 < found["eval_macro_f1"] < 1
    assert scores.average_precisions(gold, probabilities)[1] == 0
    assert not recwarn.list


def test_one_label_alone_is_had_or_not():
    gold, probabilities = label_sets(labels=1)
    found = scores.of_label_sets(
        gold=gold, probabilities=probabilities, losses=LOSSES, thresholds=0.5
    )
    expected = sklearn.metrics.f1_score(gold[:, 0], probabilities[:, 0] >= 0.5)
    assert found["eval_macro_f1"] == found["eval_micro_f1"] == expected


def f1_at(gold, probabilities, threshold):
    predicted = probabilities >= threshold
    return sklearn.metrics.f1_score(gold, predicted, zero_division=0)


def test_no_threshold_is_better_than_the_best():
    gold, probabilities = label_sets(examples=60)
    found = scores.best_thresholds(gold, probabilities)
    assert ((found > 0) & (found < 1)).all()
    for has, said, threshold in zip(gold.T, probabilities.T, found, strict=True):
        tried = [f1_at(has, said, other) for other in np.linspace(0.001, 0.999, 999)]
        assert f1_at(has, said, threshold) >= max(tried) - 1e-12
        assert threshold not in said


def test_thresholds_at_the_edges():
    gold = np.array([[1, 0, 1, 0], [1, 0, 1, 1]])
    said = np.array([[1, 0.9, 0, 0.25], [1, 0.9, 0.5, 0.75]], np.float32)
    found = scores.best_thresholds(gold, said)
    assert found.tolist() == [0.5, 0.5, 0.25, 0.5]


def test_numbers_are_scored_as_scipy_and_scikit_learn_do():
    gold, predicted = numbers()
    found = scores.of_numbers(gold=gold, predicted=predicted, losses=LOSSES)
    expected = scipy.stats.pearsonr(gold.astype(float), predicted.astype(float))
    assert found["eval_pearson"] == pytest.approx(expected.statistic)
    expected = scipy.stats.spearmanr(gold, predicted)
    assert found["eval_spearman"] == pytest.approx(expected.statistic)
    expected = sklearn.metrics.mean_squared_error(gold, predicted)
    assert found["eval_mse"] == pytest.approx(expected)
    assert found["eval_loss"] == np.mean(LOSSES)


@pytest.mark.parametrize("count", [1, 3])
def test_what_is_always_the_same_has_no_correlation(recwarn, count):
    gold, _ = numbers()
    found = scores.of_numbers(
        gold=gold[:count],
        predicted=np.full(count, 2.5, np.float32),
        losses=LOSSES[:count],
    )
    assert found["eval_pearson"] == found["eval_spearman"] == 0
    assert not recwarn.list
