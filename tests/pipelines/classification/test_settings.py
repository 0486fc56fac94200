import pytest

from pipelines.classification.settings import TaskSettings
from processors.labels.targets import Objective
from runtime.errors import SettingsError


def settings(**others):
    return TaskSettings(
        **({"task_name": "tsv", "output_dir": "out", "do_train": True} | others)
    )


def test_nothing_is_dealt_unless_asked_for():
    assert settings().split_plan() is None


def test_a_plan_takes_the_seed():
    plan = settings(split=("train:0.9", "dev:0.1"), seed=7).split_plan()
    assert (plan.shares, plan.seed) == ({"train": 0.9, "dev": 0.1}, 7)


def test_what_is_wrong_with_splits_is_reported_together():
    with pytest.raises(SettingsError) as caught:
        settings(split=("train:0.8", "dev:0.1"), max_leakage=-1.0, output_dir=None)
    assert list(caught.value.problems) == [
        "--output_dir is required.",
        "--max_leakage must lie in [0, 1]; got -1.0.",
        "split: the shares must sum to 1; got 0.9.",
    ]


@pytest.mark.parametrize("limit", [-0.01, 1.5, float("nan")])
def test_a_share_of_leakage_lies_between_none_and_all(limit):
    with pytest.raises(SettingsError, match="--max_leakage must lie in"):
        settings(max_leakage=limit)


def test_a_group_without_a_split():
    with pytest.raises(SettingsError, match="--split_group is for --split"):
        settings(split_group="work")


@pytest.mark.parametrize("name", ["a/b", "../x", "a b"])
def test_a_name_of_predictions_is_part_of_a_file_name(name):
    with pytest.raises(SettingsError, match="--predict_name is part of file names"):
        settings(predict_name=name)
    assert settings(predict_name="new.2").predict_suffix == "-new.2"
    assert settings().predict_suffix == ""


@pytest.mark.parametrize("share", [-0.1, 1.0, float("nan")])
def test_a_target_keeps_a_share(share):
    with pytest.raises(SettingsError, match=r"--label_smoothing must lie in \[0, 1\)"):
        settings(label_smoothing=share)


def test_class_weights_are_checked():
    with pytest.raises(SettingsError, match="--class_weights: a weight is a number"):
        settings(class_weights=("a:-2",))


def test_what_decides_the_loss_must_match():
    assert {"class_weights", "label_smoothing"} <= set(TaskSettings.MUST_MATCH)


@pytest.mark.parametrize(
    "threshold", ["0", "0.0", "1", "1.0", "-0.1", "1.5", "nan", "inf", "half", ""]
)
def test_a_threshold_is_a_probability(threshold):
    with pytest.raises(SettingsError, match="above 0 and below 1, or best; got"):
        settings(multi_label=True, threshold=threshold)


@pytest.mark.parametrize("threshold", ["0.5", ".01", "0.99", "best"])
def test_what_is_a_threshold(threshold):
    made = settings(multi_label=True, threshold=threshold)
    assert made.tunes_thresholds == (threshold == "best")


@pytest.mark.parametrize("others", [{}, {"objective": Objective.REGRESSION}])
def test_a_threshold_is_for_several_labels(others):
    with pytest.raises(SettingsError, match="--threshold is for --multi_label"):
        settings(threshold="best", **others)


@pytest.mark.parametrize(
    ("others", "score", "has"),
    [
        ({}, "eval_pearson", "eval_accuracy, eval_loss, eval_macro_f1, eval_mcc"),
        ({"multi_label": True}, "eval_accuracy", "eval_average_precision, eval_loss"),
        (
            {"objective": Objective.REGRESSION},
            "eval_macro_f1",
            "eval_loss, eval_mse, eval_pearson, eval_spearman",
        ),
    ],
)
def test_the_best_by_a_score_that_the_task_has_not(others, score, has):
    asked = {"do_train": True, "do_eval": True, "best_by": score}
    with pytest.raises(SettingsError, match=f"{score} is no score of .* has {has}"):
        settings(**others, **asked)
