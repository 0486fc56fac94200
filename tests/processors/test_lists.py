import numpy as np
import pytest

from processors.example import InputExample
from processors.lists import ListsProcessor
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
        (("text", 0.5), "expected text or a whole number, got 0.5"),
        (("half \ud800", "x"), "half of a surrogate pair"),
        (InputExample("g", "nul\0"), "NUL"),
        (("text", "unheard of"), "unknown label 'unheard of'"),
    ],
)
def test_what_is_no_example_is_named_by_its_place(example, words):
    processor = ListsProcessor(train=[("a", "b"), example], labels=["b"])
    with pytest.raises(DataError, match=f"train examples:2: .*{words}"):
        processor.get_train_examples(".")
