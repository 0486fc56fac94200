import numpy as np
import pytest

from processors.example import InputExample, checksum
from runtime.errors import DataError


def test_values_of_numpy_are_kept_as_text():
    made = InputExample("g", np.str_("a"), np.str_("b"), np.int64(3))
    assert made == InputExample("g", "a", "b", "3")
    assert {type(each) for each in (made.text_a, made.text_b, made.label)} == {str}


@pytest.mark.parametrize("label", [None, "", np.nan, float("nan"), "\u3000"])
def test_a_missing_label_is_none(label):
    assert InputExample("g", "a", None, label).label is None


@pytest.mark.parametrize(
    ("texts", "label", "words"),
    [
        ((np.nan,), "x", "Example train-7: expected text, got nan."),
        ((b"a",), "x", "Example train-7: expected text, got b'a'."),
        ((None,), "x", "Example train-7: expected text, got None."),
        (("a", np.nan), "x", "Example train-7: expected text, got nan."),
        (("a",), ["x"], r"Example train-7: expected one label, got \['x'\]"),
    ],
)
def test_what_no_example_is_made_of(texts, label, words):
    with pytest.raises(DataError, match=words):
        InputExample("train-7", *texts, label=label)


def test_what_is_known_of_an_example():
    assert not InputExample("1", "a").is_labelled
    assert InputExample("1", "a", label="x").is_labelled
    assert InputExample("1", "a", labels=()).is_labelled
    assert InputExample("1", "a", number=0.0).is_labelled


def test_the_names_of_all_labels():
    assert InputExample("1", "a").label_set is None
    assert InputExample("1", "a", label="x").label_set == ("x",)
    assert InputExample("1", "a", labels=("x", "y")).label_set == ("x", "y")
    assert InputExample("1", "a", labels=()).label_set == ()
    assert InputExample("1", "a", number=0.0).label_set == ()


def test_labels_are_names_each_once():
    assert InputExample("1", "a", labels=["x", 1.0, "x"]).labels == ("x", "1")


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ("xy", "expected a tuple of labels, got 'xy'"),
        (1, "expected a tuple of labels, got 1"),
        (("x", " "), "an empty label name among"),
        (("x", None), "an empty label name among"),
        ((b"x",), "expected a label, text or a number"),
    ],
)
def test_what_is_no_tuple_of_labels(labels, words):
    with pytest.raises(DataError, match=f"Example 1: {words}"):
        InputExample("1", "a", labels=labels)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_a_number_to_learn_is_finite(number):
    with pytest.raises(DataError, match="Example 1: expected a finite number, got "):
        InputExample("1", "a", number=number)


def test_the_checksum_is_of_all_that_is_learnt_from():
    one = InputExample("1", "a", label="x")
    same = InputExample("other name", "a", label="x")
    assert checksum([one]) == checksum([same])
    others = [
        [],
        [one, one],
        [InputExample("1", "b", label="x")],
        [InputExample("1", "a", label="y")],
        [InputExample("1", "a", label=None)],
        [InputExample("1", "a", text_b="", label="x")],
        [InputExample("1", "a", labels=("x",))],
        [InputExample("1", "a", number=1.0)],
    ]
    assert len({checksum(each) for each in [[one], *others]}) == len(others) + 1
    pair = [one, InputExample("2", "b", label="y")]
    assert checksum(pair) != checksum(pair[::-1])
    assert checksum(pair[1:], after=checksum(pair[:1])) == checksum(pair)
