import collections
import itertools
import random

import pytest

from processors import label_column
from processors.example import InputExample
from processors.readers.row import Row
from runtime.errors import DataError


def refuse(labels):
    counts = collections.Counter(labels)
    label_column.refuse_other_than_classes(counts, path="train.tsv")


def each(labels, *, times=10):
    return list(labels) * times


def test_examples_are_counted_by_label():
    examples = [InputExample(str(n), "x", None, label) for n, label in enumerate("aab")]
    examples.append(InputExample("3", "x"))
    assert label_column.count(examples) == {"a": 2, "b": 1}


# -- a field ---------------------------------------------------------------------------


def row(**fields):
    return Row("d.json", 7, tuple(fields), tuple(fields.values()))


def test_the_label_of_a_row():
    def label(value):
        return label_column.label_in(row(label=value), "label", is_optional=False)

    values = ["a", 2, 2.0, 0.5, True, False, None, "  "]
    found = ["a", "2", "2", "0.5", "true", "false", None, None]
    assert [label(value) for value in values] == found


def test_a_column_that_may_be_missing():
    assert label_column.label_in(row(text="x"), "label", is_optional=True) is None
    with pytest.raises(DataError, match="no column 'label'; there is 'text'"):
        label_column.label_in(row(text="x"), "label", is_optional=False)


def test_a_list_of_labels():
    with pytest.raises(DataError) as caught:
        label_column.label_in(row(label=["a", "b"]), "label", is_optional=True)
    assert str(caught.value) == (
        "d.json:7: 'label': expected one label, got ['a', 'b']. That is multi-label"
        " data: --multi_label trains on it. Without, keep one label a text, or write a"
        " column of 0 and 1 for each and train on one column at a time."
    )


@pytest.mark.parametrize("is_optional", [True, False])
def test_a_column_a_label(is_optional):
    wide = row(text="x", toxic="0", threat="1")
    with pytest.raises(
        DataError,
        match=r"d\.json:7: 'toxic,threat' names 2 columns, where one holds the label\."
        r" That is multi-label data.* 'toxic' alone is such a column\.",
    ):
        label_column.label_in(wide, "toxic,threat", is_optional=is_optional)


def test_a_column_with_a_comma_in_its_name():
    named = row(**{"a": "0", "b": "1", "a,b": "x"})
    assert label_column.label_in(named, "a,b", is_optional=False) == "x"
    assert label_column.label_in(row(a="0"), "a,b", is_optional=True) is None


# -- scores ----------------------------------------------------------------------------

SCORES = {
    "fifths from 0 to 5": each(f"{n / 5:.1f}" for n in range(26)),
    "tenths of one": each(f"{n / 10:.1f}" for n in range(11)),
    "ten": each([f"{n}.3" for n in range(10)]),
    "measured": [f"{random.Random(n).random():.4f}" for n in range(40)],
    "few rows, each its own": ["0.13", "0.7", "0.22", "0.9"],
    "one fraction among ratings": each([*map(str, range(10)), "3.7"]),
    "small ones": each(f"{n}e-05" for n in range(1, 12)),
    "below nought": each(f"-{n}.25" for n in range(10)),
}

RATINGS = {
    "stars": each(["1.0", "2.0", "3.0", "4.0", "5.0"]),
    "halves": each(f"{n / 2:.1f}" for n in range(21)),
    "halves, each once": [f"{n / 2:.1f}" for n in range(21)],
    "whole numbers": each(map(str, range(150))),
    "whole numbers, each once": [str(n) for n in range(150)],
    "whole numbers that pandas wrote": each(f"{n}.0" for n in range(50)),
    "few fractions": each(["0.1", "0.2", "0.7"], times=1),
    "nine fractions": each(f"{n}.3" for n in range(9)),
    "versions": each(["2.7", "3.11", "3.12", "3.9"], times=2),
    "numbers and a name": each([*(f"{n}.3" for n in range(20)), "none"]),
}


@pytest.mark.parametrize("labels", SCORES.values(), ids=SCORES)
def test_scores_are_refused(labels):
    with pytest.raises(DataError, match=r"train\.tsv: the labels look like scores: "):
        refuse(labels)


@pytest.mark.parametrize("labels", RATINGS.values(), ids=RATINGS)
def test_ratings_are_classes(labels):
    refuse(labels)


def test_what_is_said_of_scores():
    with pytest.raises(DataError) as caught:
        refuse(each((f"{n / 5:.1f}" for n in range(26)), times=2))
    assert str(caught.value) == (
        "train.tsv: the labels look like scores: 26 different numbers in 52 rows,"
        " '0.0', '0.2', '0.4', '0.6', '0.8' and others. That is regression,"
        " which --objective=regression trains. For classes round them to a few; if each"
        " number is a class, name them all by --labels."
    )


# -- several labels --------------------------------------------------------------------


def subsets(atoms, *, separator):
    """All that can be said of a text with these labels, at least one."""
    return [
        separator.join(chosen)
        for size in range(1, len(atoms) + 1)
        for chosen in itertools.combinations(atoms, size)
    ]


SEVERAL = {
    "two and both": ["a", "b", "a,b"],
    "never alone": ["a,b", "a,c", "b,c"],
    "pipes": subsets(["toxic", "obscene", "threat"], separator="|"),
    "semicolons and spaces": subsets(["a", "b", "c"], separator="; "),
    "Japanese commas": subsets(["喜び", "怒り", "悲しみ"], separator="、"),
    "full-width commas": subsets(["喜び", "怒り"], separator="，"),
    "lists of Python": ["['a']", "['a', 'b']", "['b']", "[]"],
    "lists of JSON": ['["a", "b"]', '["c"]'],
    "lists without quotes": ["[a, b]", "[a]", "[b]"],
    "a column of 0 and 1 each": ["0,1,1", "1,0,0", "0,0,0", "1,1,0"],
    "arrays that numpy wrote": ["[0 1 1]", "[1 0 0]", "[1 1 0]"],
    "numbers with spaces between": ["0", "1", "0 1", "2 0"],
    "one of many": [*"abcdefgh", "a,c"],
    "some parts that others lack": [*subsets("abc", separator=","), "x,y"],
}

NAMES = {
    "few with commas": ["Arts, Culture", "Food, Drink", "Sports"],
    "a part that others have": ["Health, Beauty", "Health, Food", "Toys"],
    "a part that is a label": ["Food, Drink", "Food", "Toys"],
    "most of parts of their own": ["a", "b", "a,b", "c,d", "e,f", "g,h"],
    "what and how": ["food|good", "food|bad", "staff|good", "staff|bad"],
    "towns": ["Portland, OR", "Portland, ME", "Bangor, ME", "Salem, OR"],
    "a tree": ["News|World", "News|Asia", "Sport|Ball"],
    "thousands": ["1,000", "1,500", "2,000", "2,500"],
    "brackets": ["[POS]", "[NEG]", "(株)"],
    "a list among names": ["[a, b]", "other", "more"],
    "smileys": [":)", ":(", ":|"],
    "words": ["very good", "very bad", "good", "bad"],
    "days": ["2020 01", "2020 02", "2021 01", "2021 02"],
    "numbers": ["0", "1", "10"],
    "commas alone": [",", ",,", "a"],
    "one": ["a,b"],
}


@pytest.mark.parametrize("labels", SEVERAL.values(), ids=SEVERAL)
def test_several_labels_each_are_refused(labels):
    with pytest.raises(DataError, match=r"train\.tsv: the labels look like several"):
        refuse(each(labels))


@pytest.mark.parametrize("labels", NAMES.values(), ids=NAMES)
def test_names_are_classes(labels):
    refuse(each(labels))


def test_what_is_said_of_several_labels():
    with pytest.raises(DataError) as caught:
        refuse(["a", "b", "a,b", "c", "b,c"])
    assert str(caught.value) == (
        "train.tsv: the labels look like several each: 'a,b', 'b,c'. That is"
        " multi-label data: --multi_label trains on it. Without, keep one label a text,"
        " or write a column of 0 and 1 for each and train on one column at a time."
        " If each is one class, name them all by --labels, in quotes where they hold a"
        " comma."
    )
