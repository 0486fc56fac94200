import pytest

from processors.labels.label_rule import LabelRule


def rule(**others):
    given = {"task": "mine", "labels": ("bad", "good"), "is_required": True}
    return LabelRule(**(given | others))


def labelled(label):
    return None if label is None else (label,)


@pytest.mark.parametrize("label", ["bad", "good"])
def test_a_label_of_the_task_is_no_problem(label):
    assert rule().problem(labelled(label)) is None


def test_a_label_may_be_required():
    assert "the label is empty" in rule().problem(labelled(None))
    assert rule(is_required=False).problem(labelled(None)) is None


def test_another_label_is_a_problem_where_the_task_knows_its_own():
    expected = "unknown label 'x'; the labels of mine are bad, good"
    assert rule().problem(labelled("x")) == expected
    assert rule(labels=()).problem(labelled("x")) is None


def test_the_only_label_of_a_test_file_may_be_another():
    def file_of(*labels):
        return rule(is_required=False, test_labels=lambda: set(labels))

    assert file_of("x").problem(labelled("x")) is None
    for others in (["y"], ["good"]):
        problem = file_of("x", *others).problem(labelled("x"))
        assert problem.startswith(
            "unknown label 'x'; the labels of mine are bad, good."
        )
        assert problem.endswith(
            "To predict without labels, leave the label column of the test file out, or"
            " empty."
        )


def test_the_test_file_is_not_looked_at_without_need():
    def look():
        raise AssertionError("the file was read")

    looking = rule(is_required=False, test_labels=look)
    assert looking.problem(labelled("good")) is None
    assert looking.problem(labelled(None)) is None


def test_each_of_several_labels_is_one_of_the_tasks():
    assert rule().problem(("good", "x")).startswith("unknown label 'x'")
    for labels in (("good", "bad"), ()):
        assert rule().problem(labels) is None
