import enum

import numpy as np
import pytest

from processors.labels import label_names
from runtime.errors import SettingsError


class NAType:
    """Named as pandas' NA is."""


class Verdict(str, enum.Enum):  # noqa: UP042 - what others write
    GOOD = "good"


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("good", "good"),
        (" good ", " good "),
        (np.str_("良い"), "良い"),
        (Verdict.GOOD, "good"),
        (0, "0"),
        (np.int64(-3), "-3"),
        (2.0, "2"),
        (np.float32(4), "4"),
        (np.float32(0.1), "0.1"),
        (-0.5, "-0.5"),
        (True, "True"),
        (np.bool_(False), "False"),
    ],
)
def test_what_is_a_label(value, name):
    found = label_names.name_of(value)
    assert found == name
    assert type(found) is str


@pytest.mark.parametrize(
    "value",
    ["", " ", "\t", "\u3000", "\u200b", "\ufeff", None, np.nan, np.float32("nan")],
)
def test_what_is_a_missing_label(value):
    assert label_names.name_of(value) is None
    assert label_names.name_of(NAType()) is None


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (["a", "b"], r"expected one label, got \['a', 'b'\]. That is multi-label data"),
        (np.array([0, 1]), "multi-label"),
        ({"a": 1}, "multi-label"),
        (b"a", "expected a label, text or a number, got b'a'"),
        (np.inf, "expected a label, text or a number, got inf"),
        (1j, "expected a label"),
    ],
)
def test_what_is_no_label(value, words):
    with pytest.raises(ValueError, match=words):
        label_names.name_of(value)


def test_labels_that_someone_has_named():
    assert label_names.checked([0, np.int64(1), "x"], task="mine") == ("0", "1", "x")
    assert label_names.checked([], task="mine") == ()


@pytest.mark.parametrize(
    ("named", "words"),
    [
        (["a", ""], "The labels of mine: '' is empty; a class needs a name"),
        (["a", None], "None is empty"),
        (["1", 1.0], "The labels of mine: '1' is named twice"),
        (["a", ["b"]], r"The labels of mine: expected one label, got \['b'\]"),
    ],
)
def test_labels_that_make_no_classes(named, words):
    with pytest.raises(SettingsError, match=words):
        label_names.checked(named, task="mine")


@pytest.mark.parametrize(
    "expected",
    [
        [str(number) for number in range(12)],
        ["-10", "-9.5", "-1", "0", "1", "2.5", "10"],
        ["1.0", "1.5", "2.0", "10.0"],
        ["1e-05", "2e-3", ".5", "3.", "1e2"],
        ["１", "２", "１０"],
        ["99999999999999999998", "99999999999999999999"],
        ["01", "1", "1.0", "2"],
    ],
)
def test_numbers_stand_in_the_order_of_numbers(expected):
    assert label_names.in_order(sorted(expected)[::-1]) == tuple(expected)


@pytest.mark.parametrize("expected", [["10", "2", "x"], ["1/2", "10/2", "2/2"], []])
def test_names_stand_in_the_order_of_text(expected):
    assert label_names.in_order(set(expected)) == tuple(expected)


@pytest.mark.parametrize(
    "group",
    [
        ["good", "Good"],
        ["good", "good "],
        ["very good", "verygood", "very\u3000good"],
        ["good", "ｇｏｏｄ"],
        ["ガ", "ｶﾞ", "カ\u3099"],
        ["2", "\ufeff2"],
        ["1", "1.0", "01"],
        ["STRASSE", "straße"],
    ],
)
def test_labels_that_are_alike_are_named(group):
    (remark,) = label_names.remarks(["other", *group])
    listed = f"{', '.join(map(repr, group[:-1]))} and {group[-1]!r}"
    assert remark == (
        f"The labels {listed} are alike but for case, width, white space, Unicode form"
        " or how a number is written; each is a class of its own. Write them alike if"
        " they are one."
    )


def test_a_name_for_a_missing_value_is_named():
    (remark,) = label_names.remarks(["bad", "nan", "none"])
    assert remark.startswith("The label 'nan' is what programs write for a missing")


def test_other_labels_are_not_remarked_on():
    assert label_names.remarks(["bad", "good", "は", "ば", "1", "10", "-1"]) == []


def test_an_unknown_label_is_told_from_the_known():
    assert label_names.unknown("x", labels=["bad", "good"], task="mine") == (
        "unknown label 'x'; the labels of mine are bad, good"
    )
    assert label_names.unknown("Good ", labels=["bad", "good"], task="mine").endswith(
        "are bad, good; it is written otherwise than 'good'"
    )
