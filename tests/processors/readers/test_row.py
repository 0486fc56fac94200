import numpy as np
import pytest

from processors.readers.row import Row, unsound
from runtime.errors import DataError


@pytest.mark.parametrize(("value", "name"), [("a", "a"), (1, "1"), (np.int64(2), "2")])
def test_names_are_text_or_whole_numbers(value, name):
    assert Row("f", 1, (), (value,)).name(0) == name


@pytest.mark.parametrize("value", [True, 1.0, None, [], np.float32(1)])
def test_other_things_are_no_names(value):
    with pytest.raises(DataError, match="expected text or a whole number"):
        Row("f", 1, (), (value,)).name(0)


def test_long_values_are_cut_in_errors():
    with pytest.raises(DataError) as caught:
        Row("f", 1, (), (["x" * 1_000_000],)).text(0)
    assert len(str(caught.value)) < 200


def test_a_row_without_columns():
    with pytest.raises(DataError, match="no column 0; there is none"):
        Row("f", 1, (), ()).value(0)


def test_what_is_no_text():
    assert unsound("あ\U0001f600\u2028") is None
    assert "half of a surrogate pair" in str(unsound("a\ud83d"))
    assert "NUL" in str(unsound("a\0"))
