import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight

from pipelines.classification import class_weights, data_check
from runtime.errors import SettingsError

LABELS = ("bad", "good", "so: so")


def weights(*asked, label_ids=(0, 1, 1, 2)):
    found = class_weights.of_split(asked, labels=LABELS, label_ids=np.array(label_ids))
    return None if found is None else found.tolist()


def test_none_weighs_nothing():
    assert weights("none") is None


def test_balanced_is_scikit_learns():
    label_ids = np.repeat([0, 1, 2], [95, 4, 1])
    expected = compute_class_weight("balanced", classes=np.arange(3), y=label_ids)
    np.testing.assert_allclose(weights("balanced", label_ids=label_ids), expected)


def test_a_class_without_training_examples_does_not_count():
    found = weights("balanced", label_ids=[0, 0, 0, 2])
    expected = compute_class_weight(
        "balanced", classes=np.array([0, 2]), y=[0, 0, 0, 2]
    )
    np.testing.assert_allclose([found[0], found[2]], expected)
    assert np.isfinite(found).all()


def test_weights_by_label_are_1_where_none_is_named():
    assert weights("good:2.5", "so: so:1e-3") == [1.0, 2.5, 1e-3]


@pytest.mark.parametrize("asked", [["none"], ["balanced"], ["good:2", "a:b:0.5"]])
def test_what_can_be_used(asked):
    assert list(class_weights.problems(asked)) == []


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        ([], "label:weight such as positive:2.5; got ''"),
        (["half"], "such as positive:2.5; got 'half'"),
        (["balanced", "good:2"], "such as positive:2.5; got 'balanced'"),
        ([":2"], "such as positive:2.5; got ':2'"),
        (["good:0"], "a weight is a number above 0; got 'good:0'"),
        (["good:-1"], "a weight is a number above 0; got 'good:-1'"),
        (["good:nan"], "a weight is a number above 0; got 'good:nan'"),
        (["good:inf"], "a weight is a number above 0; got 'good:inf'"),
        (["good:much"], "a weight is a number above 0; got 'good:much'"),
        (["good:1", "good:2"], "'good' is weighed more than once"),
    ],
)
def test_what_is_no_weight(asked, problem):
    [found] = class_weights.problems(asked)
    assert found.startswith("--class_weights: ")
    assert problem in found


def test_unknown_labels_are_named_each():
    with pytest.raises(SettingsError) as caught:
        class_weights.refuse_unknown(
            ["Good:2", "good:3", "ugly:1"], labels=LABELS, task="tsv"
        )
    first, second = caught.value.problems
    assert first.startswith("--class_weights: unknown label 'Good'; the labels of tsv")
    assert "it is written otherwise than 'good'" in first
    assert "'ugly'" in second


def test_a_run_is_refused_before_it_trains(job):
    with pytest.raises(SettingsError, match="unknown label 'c'; the labels of tsv"):
        data_check.checked(job(do_train=True, class_weights=("a:2", "c:3")))
