"""The matrix on the page, beside the one in a run's folder."""

import numpy as np
import pytest

from pipelines.reports import report
from pipelines.reports.page import answered, cells
from pipelines.reports.report import confusion_counts
from tests.pipelines.reports.page.conftest import LABELS, write_predictions


def split_of(path, labels=LABELS):
    return answered.read(str(path), name="test", targets=None, labels=labels)


def test_counts_and_examples_agree(make_run):
    folder, gold, predicted = make_run()
    found = cells.of_split(split_of(f"{folder}/predictions.tsv"))
    expected = confusion_counts(gold=gold, predicted=predicted, labels=LABELS)
    np.testing.assert_array_equal(found.counts, expected)
    for (row, column), rows in found.examples.items():
        assert len(rows) == expected[row, column]
        assert {(r.gold, r.predicted) for r in rows} == {
            ((LABELS[row],), (LABELS[column],))
        }
        assert [r.sureness for r in rows] == sorted(
            (r.sureness for r in rows), reverse=True
        )


def test_of_several_labels_each_is_counted_by_itself(several_labels):
    path, gold, predicted = several_labels
    found = cells.of_split(split_of(path))
    expected = [gold & predicted, gold & ~predicted, ~gold & predicted]
    np.testing.assert_array_equal(found.counts.T, [e.sum(axis=0) for e in expected])


@pytest.mark.parametrize(
    "labels",
    [("a", "b", "c"), ("芥川 龍之介", "b 2", "3"), ("12", "7", "a name that is long")],
)
def test_the_text_file_is_read_as_it_was_written(tmp_path, labels):
    gold, predicted = np.random.default_rng(0).integers(0, 3, (2, 50))
    told = {"gold": gold, "predicted": predicted, "labels": labels}
    report.write_confusion_matrix(f"{tmp_path}/m.txt", **told)
    found = cells.of_text((tmp_path / "m.txt").read_text())
    assert tuple(found.rows) == labels
    np.testing.assert_array_equal(found.counts, confusion_counts(**told))


@pytest.mark.parametrize(
    "text", ["", "a\nb\nc\nd\ne\n", "Examples that have a label\n\n  both\na  1  2\n"]
)
def test_another_text_has_no_counts(text):
    assert cells.of_text(text) is None


def test_every_cell_with_examples_opens_them(make_run):
    folder, *_ = make_run()
    found = cells.of_split(split_of(f"{folder}/predictions.tsv"))
    page = cells.shown(found, name="test")
    for row, column in found.examples:
        assert f'href="#test-{row}-{column}"' in page
        assert f'id="test-{row}-{column}"' in page
    assert "<b>mild" not in page


def test_many_labels_are_listed_by_confusion(tmp_path, monkeypatch):
    monkeypatch.setattr(cells, "MOST_LABELS", 2)
    path = tmp_path / "predictions.tsv"
    told = {"probabilities": np.full((4, 3), 1 / 3)}
    write_predictions(path, gold=[0, 0, 1, 2], predicted=[1, 1, 0, 2], **told)
    page = cells.shown(cells.of_split(split_of(path)), name="test")
    assert "most frequent confusions of 3 labels" in page
    assert page.index('href="#test-0-1"') < page.index('href="#test-1-0"')
    assert 'href="#test-2-2"' not in page
