import pytest

from pipelines.classification import label_check
from pipelines.classification.settings import TaskSettings
from processors.example import InputExample
from processors.labels.targets import Objective
from processors.tasks.lines import LinesProcessor
from processors.tasks.lists import ListsProcessor
from runtime.errors import DataError, SettingsError

LABELS = ("bad", "good")


class UnlabelledSettings(TaskSettings):
    NEEDS_LABELS = False


def settings(kind=TaskSettings, **others):
    given = {"task_name": "mine", "output_dir": "out", "do_train": True}
    return kind(**(given | others))


def examples_of(*labels):
    return [
        InputExample(f"row-{n}", "text", None, each) for n, each in enumerate(labels)
    ]


def settle(name, *labels, kind=TaskSettings, known=LABELS, **others):
    return label_check.settle(
        examples_of(*labels),
        split=name,
        labels=known,
        settings=settings(kind, **others),
    )


def labels_in(settled):
    return [example.label for example in settled.examples]


# -- the labels of a task --------------------------------------------------------------


def test_the_labels_of_a_task_are_text():
    class Old(ListsProcessor):
        def get_labels(self):
            return [0, 1]

    assert label_check.labels_of(Old(), settings=settings()) == ("0", "1")


def test_texts_without_labels_are_not_for_a_classifier():
    with pytest.raises(
        SettingsError, match=r"mine has texts without labels, which lan"
    ):
        label_check.labels_of(LinesProcessor(), settings=settings())
    free = settings(UnlabelledSettings)
    assert label_check.labels_of(LinesProcessor(), settings=free) == ()


def test_one_label_is_nothing_to_tell_apart():
    processor = ListsProcessor(train=[("x", "good"), ("y", "good")])
    processor.get_train_examples(".")
    with pytest.raises(SettingsError, match="The task mine has one label only, 'good'"):
        label_check.labels_of(processor, settings=settings())
    free = settings(UnlabelledSettings)
    assert label_check.labels_of(processor, settings=free) == ("good",)


# -- training and dev ------------------------------------------------------------------


@pytest.mark.parametrize(("split", "work"), [("train", "train"), ("dev", "evaluate")])
def test_a_split_to_learn_or_measure_is_labelled(split, work):
    with pytest.raises(DataError) as caught:
        settle(split, "good", None, "bad", None)
    assert str(caught.value) == (
        f"2 of 4 {split} examples have no label, the first is row-1: to {work} takes a"
        " label for each."
    )


def test_training_examples_of_one_label():
    with pytest.raises(DataError) as caught:
        settle("train", "good", "good")
    assert str(caught.value) == (
        "All 2 training examples have the label 'good', of the labels bad, good: there"
        " is nothing to tell apart. Add examples of other labels."
    )
    assert labels_in(settle("train", "good", "bad")) == ["good", "bad"]
    assert labels_in(settle("dev", "good", "good")) == ["good", "good"]


@pytest.mark.parametrize("split", ["train", "dev", "test"])
def test_what_needs_no_labels_takes_any(split):
    labels = [None, "x", "x"]
    assert labels_in(settle(split, *labels, kind=UnlabelledSettings)) == labels


# -- test ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "labels", [["good", "bad"], ["good", "good", "bad"], [None, None]]
)
def test_a_test_split_that_says_what_it_means(labels):
    settled = settle("test", *labels)
    assert labels_in(settled) == labels
    assert settled.remarks == ()


def test_the_only_label_is_taken_for_a_placeholder():
    settled = settle("test", "bad", "bad")
    assert labels_in(settled) == [None, None]
    (remark,) = settled.remarks
    assert remark.startswith("The only label in the test split is 'bad', as where")
    assert remark.endswith("not scored. --score_test scores it.")
    assert labels_in(settle("test", "bad", "bad", score_test=True)) == ["bad", "bad"]


def test_the_only_label_of_a_dealt_split_is_one():
    dealt = ("train:0.8", "test:0.2")
    assert labels_in(settle("test", "bad", "bad", split=dealt)) == ["bad", "bad"]
    other = ("train:0.8", "dev:0.2")
    assert labels_in(settle("test", "bad", "bad", split=other)) == [None, None]


@pytest.mark.parametrize("labels", [["0", "0"], [None, "0"]])
def test_the_only_label_may_be_none_of_the_task(labels):
    settled = settle("test", *labels)
    assert labels_in(settled) == [None, None]
    assert settled.remarks == (
        "The only label in the test split is '0', which is none of bad, good: it is"
        " taken for a placeholder and not scored.",
    )


def test_some_test_examples_without_a_label():
    settled = settle("test", "good", None, "bad")
    assert labels_in(settled) == ["good", None, "bad"]
    assert settled.remarks == (
        "1 of 3 test examples have no label: the test split is not scored.",
    )
    assert labels_in(settle("test", "good", None)) == ["good", None]


@pytest.mark.parametrize(
    ("labels", "score_test"),
    [(["good", "0"], False), (["1", "0"], False), (["0", "0"], True)],
)
def test_an_unknown_label_that_is_no_placeholder(labels, score_test):
    with pytest.raises(
        DataError,
        match=r"Example row-\d: unknown label '\d'; the labels of this task are bad, "
        r"good\. To predict without labels, leave those of the test split out\.",
    ):
        settle("test", *labels, score_test=score_test)


def test_what_cannot_be_scored_when_asked_to():
    with pytest.raises(
        DataError, match=r"1 of 2 test examples have no label, the first"
    ):
        settle("test", "good", None, score_test=True)
    with pytest.raises(
        DataError, match=r"1 of 1 test .*\(--score_test\) takes a label"
    ):
        settle("test", None, score_test=True)


# -- test, as it is converted ----------------------------------------------------------


def converted(*labels):
    rows = iter(examples_of(*labels))
    return [e.label for e in label_check.without_placeholder(rows, labels=LABELS)]


def test_a_placeholder_is_left_out_on_the_way(caplog):
    assert converted("good", None, "bad") == ["good", None, "bad"]
    assert converted("good", "good") == ["good", "good"]
    assert caplog.text == ""
    assert converted("0", None, "0") == [None, None, None]
    assert caplog.text.count("the test split is '0', which is none of bad, good") == 1


@pytest.mark.parametrize("labels", [["0", "good"], ["good", "0"], ["0", "0", "1"]])
def test_a_placeholder_beside_others_ends_the_conversion(labels):
    with pytest.raises(DataError, match=r"Example row-\d: unknown label '0'"):
        converted(*labels)


# -- several labels, and numbers -------------------------------------------------------

SEVERAL = {"multi_label": True}
NUMBER = {"objective": Objective.REGRESSION}


def settle_targets(name, *targets, **others):
    kind = "number" if "objective" in others else "labels"
    examples = [
        InputExample(f"row-{n}", "text", **{kind: each})
        for n, each in enumerate(targets)
    ]
    return label_check.settle(
        examples, split=name, labels=LABELS, settings=settings(**others)
    )


def targets_in(settled):
    return [example.target for example in settled.examples]


@pytest.mark.parametrize(
    ("kind", "targets"), [(SEVERAL, [(), ("bad",)]), (NUMBER, [0.0, 2.5])]
)
@pytest.mark.parametrize("split", ["train", "dev", "test"])
def test_no_label_and_zero_are_targets(kind, targets, split):
    settled = settle_targets(split, *targets, **kind)
    assert targets_in(settled) == targets
    assert settled.remarks == ()


@pytest.mark.parametrize("kind", [SEVERAL, NUMBER])
def test_to_train_takes_a_target_for_each(kind):
    some = (("bad",), None) if kind is SEVERAL else (1.0, None)
    with pytest.raises(DataError, match="1 of 2 train examples have no label"):
        settle_targets("train", *some, **kind)
    settled = settle_targets("test", *some, **kind)
    assert settled.remarks == (
        "1 of 2 test examples have no label: the test split is not scored.",
    )


@pytest.mark.parametrize(("kind", "same"), [(SEVERAL, ()), (NUMBER, 0.0)])
def test_one_target_for_all(kind, same):
    with pytest.raises(DataError, match="All 2 training examples have the same"):
        settle_targets("train", same, same, **kind)
    settled = settle_targets("test", same, same, **kind)
    assert targets_in(settled) == [None, None]
    assert "it is taken for a placeholder" in settled.remarks[0]
    scored = settle_targets("test", same, same, score_test=True, **kind)
    assert targets_in(scored) == [same, same]


@pytest.mark.parametrize("kind", [SEVERAL, NUMBER])
@pytest.mark.parametrize("setting", ["class_weights", "label_smoothing"])
def test_what_is_for_one_label_alone(kind, setting):
    value = {"class_weights": ("balanced",), "label_smoothing": 0.1}[setting]
    with pytest.raises(SettingsError, match=f"--{setting} is for tasks in which"):
        settings(**kind, **{setting: value})
