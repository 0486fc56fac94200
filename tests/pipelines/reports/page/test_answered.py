"""Tables of answers, as runs write them and as they should not be."""

import pytest

from pipelines.reports.page import answered
from processors.labels.targets import Targets
from runtime.errors import DataError
from tests.pipelines.reports.page.conftest import LABELS, TEXTS

HEAD = "guid\tgold\tpredicted\tprobability\ttext\n"


def read(path, targets=None, labels=()):
    return answered.read(str(path), name="test", targets=targets, labels=labels)


def test_texts_and_labels_come_back_as_they_were(make_run):
    folder, gold, predicted = make_run()
    split = read(f"{folder}/predictions.tsv", labels=LABELS)
    assert split.targets is Targets.LABEL
    assert split.labels == LABELS
    assert [row.text for row in split.rows[: len(TEXTS)]] == list(TEXTS)
    assert [row.gold for row in split.rows] == [(LABELS[n],) for n in gold]
    assert [row.predicted for row in split.rows] == [(LABELS[n],) for n in predicted]


def test_several_labels_are_seen(several_labels):
    path, gold, _ = several_labels
    split = read(path, labels=LABELS)
    assert split.targets is Targets.LABELS
    assert [len(row.gold) for row in split.rows] == gold.sum(axis=1).tolist()


def test_numbers_are_seen(numbers):
    path, gold, predicted = numbers
    split = read(path)
    assert split.targets is Targets.NUMBER
    off = [row.sureness for row in split.rows]
    assert off == pytest.approx(abs(gold - predicted))


def test_a_split_without_gold_labels_is_not_labelled(tmp_path):
    path = tmp_path / "predictions.tsv"
    path.write_text(f"{HEAD}a\t\thot\t0.5\ttext\nb\thot\thot\t0.5\ttext\n")
    assert not read(path).is_labelled


def test_a_label_that_the_run_does_not_know_is_one_more(tmp_path):
    path = tmp_path / "predictions.tsv"
    path.write_text(f"{HEAD}a\tnew\thot\t0.5\ttext\n")
    assert read(path, labels=("hot",)).labels == ("hot", "new")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "expected the columns"),
        ("text\tlabel\na\tb\n", "expected the columns"),
        (f"{HEAD}a\tb\n", ":2: expected 5 columns, found 2"),
        (f"{HEAD}a\thot\thot\tmuch\ttext\n", ":2: expected a number: could not"),
    ],
)
def test_another_table_is_refused(tmp_path, content, message):
    path = tmp_path / "predictions.tsv"
    path.write_text(content)
    with pytest.raises(DataError, match=message):
        read(path)
