import pytest

from processors.base import Format
from processors.tasks.table_options import TableOptions
from runtime.errors import SettingsError


def test_defaults():
    table = TableOptions().table("dev", file_format=Format.JSONL)
    assert (table.file, table.text_a, table.label) == ("dev.jsonl", "text", "label")
    assert not table.label_is_optional
    assert TableOptions().table("test", file_format=Format.TSV).label_is_optional


def test_positions_without_a_header():
    options = TableOptions(text_a="2", label="-1", id="0", header=False)
    table = options.table("train", file_format=Format.TSV)
    assert (table.text_a, table.label, table.id, table.text_b) == (2, -1, 0, None)
    assert not table.header


def test_problems_are_reported_together():
    with pytest.raises(SettingsError) as caught:
        TableOptions(labels=("a", "b", "a"), header=False)
    labels, text_a, label = caught.value.problems
    assert "'a' is named more than once" in labels
    assert text_a.startswith("text_a: ")
    assert label.startswith("label: ")


def test_an_unknown_encoding():
    with pytest.raises(SettingsError, match="--encoding: expected an encoding such as"):
        TableOptions(encoding="cp9320")


@pytest.mark.parametrize(
    ("given", "character"),
    [
        (None, None),
        ("tab", "\t"),
        (r"\t", "\t"),
        ("\t", "\t"),
        ("comma", ","),
        ("semicolon", ";"),
        ("pipe", "|"),
        ("space", " "),
        (":", ":"),
        ("\u3001", "\u3001"),
    ],
)
def test_delimiters(given, character):
    table = TableOptions(delimiter=given).table("train", file_format=Format.CSV)
    assert table.delimiter == character


@pytest.mark.parametrize("given", ["", "tabs", "::", '"', "\n", "\r"])
def test_what_is_no_delimiter(given):
    expected = "--delimiter: expected one of tab, comma, semicolon, pipe, space, or one"
    with pytest.raises(SettingsError, match=expected):
        TableOptions(delimiter=given)


def test_errors_know_the_flags():
    options = TableOptions(text_b="b", id="n", split_group="g")
    assert options.table("dev", file_format=Format.TSV).flags == {
        "file": "dev_file",
        "text_a": "text_a",
        "text_b": "text_b",
        "label": "label",
        "id": "id",
        "group": "split_group",
    }


def test_a_named_file_needs_no_data_folder():
    assert TableOptions(encoding="cp932").default_data_dir() is None
    for name in ("train_file", "dev_file", "test_file", "pairs_file"):
        assert TableOptions(**{name: "x"}).default_data_dir() == ""


def test_what_was_changed():
    assert TableOptions().changed() == set()
    assert TableOptions(quoted=True, labels=("a",)).changed() == {"quoted", "labels"}
