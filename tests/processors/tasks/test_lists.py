import numpy as np
import pytest

from processors.example import InputExample
from processors.labels.targets import Targets
from processors.tasks.lists import ListsProcessor
from runtime.errors import DataError, SettingsError


def test_lists_are_splits():
    made = InputExample("mine", "already", label="good", group="g")
    processor = ListsProcessor(
        train=[("fine", "good"), ("dull", np.int64(0)), made],
        dev=[("one", "two", "good")],
        test=[["who knows", None]],
    )
    assert processor.get_train_examples(".") == [
        InputExample("train-1", "fine", label="good"),
        InputExample("train-2", "dull", label="0"),
        made,
    ]
    assert processor.get_dev_examples(".") == [
        InputExample("dev-1", "one", "two", "good")
    ]
    assert processor.get_test_examples(".") == [InputExample("test-1", "who knows")]
    assert processor.get_labels() == ["0", "good"]


def test_a_split_that_was_not_given():
    processor = ListsProcessor(train=[("a", "b")])
    assert [processor.has_split(name) for name in ("train", "dev")] == [True, False]
    with pytest.raises(SettingsError, match="has no dev split"):
        processor.get_dev_examples(".")


@pytest.mark.parametrize(
    ("example", "words"),
    [
        (("alone",), "expected an InputExample, .text, label. or"),
        ((1, "label"), "expected text, got 1"),
        (("text", b"b"), "expected a label, text or a number, got b'b'"),
        (("text", ["b", "c"]), "expected one label, got .*multi-label"),
        (("text", None), "the label is empty"),
        (("text", " "), "the label is empty"),
        (("text", np.nan), "the label is empty"),
        (InputExample("g", "text"), "the label is empty"),
        ("a text alone", "the label is empty"),
        ((np.nan, "b"), "expected text, got nan"),
        (("text", np.nan, "b"), "expected text, got nan"),
        (np.nan, "expected an InputExample, .text, label. or.*got nan"),
        ({"text": "x", "label": "b"}, "expected an InputExample"),
        (("half \ud800", "x"), "half of a surrogate pair"),
        (InputExample("g", "nul\0"), "NUL"),
        (("text", "unheard of"), "unknown label 'unheard of'"),
    ],
)
def test_what_is_no_example_is_named_by_its_place(example, words):
    processor = ListsProcessor(train=[("a", "b"), example], labels=["b"])
    with pytest.raises(DataError, match=f"train examples:2: .*{words}"):
        processor.get_train_examples(".")


class Frame:
    """What is needed here of a pandas DataFrame."""

    def __init__(self, *rows):
        self._rows = rows

    def __iter__(self):
        return iter(["text", "label"])

    def __bool__(self):
        raise ValueError("The truth value of a DataFrame is ambiguous.")

    def itertuples(self, index=True, name="Pandas"):
        assert (index, name) == (False, None)
        return iter(self._rows)


@pytest.mark.parametrize(
    "train",
    [
        Frame(("fine", np.int64(10)), ("dull", np.int64(2))),
        np.array([["fine", "10"], ["dull", "2"]]),
        np.array([["fine", 10.0], ["dull", 2.0]], object),
        zip(["fine", "dull"], np.array([10, 2]), strict=True),
    ],
)
def test_what_gives_examples(train):
    processor = ListsProcessor(train=train)
    for _ in range(2):
        found = processor.get_train_examples(".")
        assert [(each.text_a, each.label) for each in found] == [
            ("fine", "10"),
            ("dull", "2"),
        ]
    assert processor.get_labels() == ["2", "10"]
    assert {type(each.text_a) for each in found} == {str}


def test_texts_alone_are_unlabelled():
    processor = ListsProcessor(test=["良い", "a text"], labels=["x", "y"])
    found = processor.get_test_examples(".")
    assert [(each.text_a, each.label) for each in found] == [
        ("良い", None),
        ("a text", None),
    ]


def test_labels_may_be_numbers():
    processor = ListsProcessor(train=[("a", 1), ("b", True)], labels=[1, True, 0.0])
    assert processor.get_labels() == ["1", "True", "0"]
    assert [each.label for each in processor.get_train_examples(".")] == ["1", "True"]
    with pytest.raises(SettingsError, match="labels of ListsProcessor: '1' is named"):
        ListsProcessor(labels=[1, "1"])


def of_targets(targets, **splits):
    processor = ListsProcessor(**splits)
    processor.targets = targets
    return processor


def test_a_list_stands_for_the_labels_of_a_text():
    processor = of_targets(
        Targets.LABELS,
        train=[
            ("both", ["wet", "cold"]),
            ("none", ()),
            ("first", "second", np.array(["cold"])),
            ("one", "wet"),
            ("number", [1, 2.0]),
            InputExample("mine", "own", labels=("wet",)),
        ],
        test=["who knows", ("neither", None)],
    )
    found = [each.labels for each in processor.get_train_examples(".")]
    expected = [("wet", "cold"), (), ("cold",), ("wet",), ("1", "2"), ("wet",)]
    assert found == expected
    assert processor.get_labels() == ["1", "2", "cold", "wet"]
    assert [each.labels for each in processor.get_test_examples(".")] == [None, None]


def test_numbers_are_learned_as_they_are():
    train = [
        ("half", 0.5),
        ("one", np.int64(1)),
        ("text", "-2e1"),
        ("z", np.float32(0)),
    ]
    processor = of_targets(Targets.NUMBER, train=train, test=["who knows"])
    found = [each.number for each in processor.get_train_examples(".")]
    assert found == [0.5, 1.0, -20.0, 0.0]
    assert processor.get_labels() == ["number"]
    [test] = processor.get_test_examples(".")
    assert test.number is None
    alone = of_targets(Targets.NUMBER, test=["who knows"])
    assert alone.read_labels(".") == ["number"]


@pytest.mark.parametrize(
    ("targets", "label", "words"),
    [
        (Targets.LABELS, ["a", " "], "an empty label name among"),
        (Targets.LABELS, ["a", ["b"]], "expected one label"),
        (Targets.NUMBER, np.nan, "expected a number"),
        (Targets.NUMBER, np.inf, "expected a number"),
        (Targets.NUMBER, "much", "expected a number"),
        (Targets.NUMBER, True, "expected a number"),
        (Targets.NUMBER, [1.0], "expected a number"),
        (Targets.NUMBER, None, "the label is empty"),
        (Targets.LABELS, None, "the label is empty"),
    ],
)
def test_what_is_no_target_is_named_by_its_place(targets, label, words):
    first = ("a", 1 if targets is Targets.NUMBER else ["b"])
    processor = of_targets(targets, train=[first, ("text", label)])
    with pytest.raises(DataError, match=f"train examples:2: .*{words}"):
        processor.get_train_examples(".")
