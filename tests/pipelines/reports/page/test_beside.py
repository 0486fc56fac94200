"""Two runs beside each other."""

import numpy as np
import pytest

from pipelines.reports.page import beside
from runtime import storage
from runtime.errors import DataError


def test_differences_and_who_changed_sides(make_run):
    first, gold, one = make_run("one", seed=1, wrong=0.5)
    second, _, other = make_run("two", seed=2, wrong=0.1)
    *runs, found = beside.read(first, second)
    lost, won = (one == gold) & (other != gold), (one != gold) & (other == gold)
    for each in found:
        told = {score.name: score for score in each.differences()}
        accuracy = told["accuracy"]
        assert accuracy.values == (np.mean(one == gold), np.mean(other == gold))
        assert 0 < accuracy.interval[0] < accuracy.interval[1] < 1
        assert list(map(len, each.changed())) == [lost.sum(), won.sum()]
    page = beside.page(*runs, found)
    assert "Right only in the second, dev" in page
    assert "<script>" not in page
    assert "Settings that differ" in page
    line = list(beside.summary(found))[-1]
    assert f"{lost.sum()} examples only the first has right" in line


def test_a_run_beside_itself_does_not_differ(make_run):
    first, *_ = make_run()
    *_, found = beside.read(first, first)
    for score in found[0].differences():
        assert score.interval == (0, 0)
    assert found[0].changed() == ([], [])


def change(folder, old, new):
    for name in ("predictions.tsv", "eval_predictions.tsv"):
        path = f"{folder}/{name}"
        storage.write_text(path, storage.read_text(path).replace(old, new))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("plain & simple", "another", "example 6, test-5, has another text or gold"),
        ("test-0\t", "other-0\t", "example 1 is test-0 in the one and other-0"),
    ],
)
def test_other_examples_are_refused(make_run, old, new, message):
    first, *_ = make_run("one")
    second, *_ = make_run("two")
    change(second, old, new)
    with pytest.raises(DataError, match=message):
        beside.read(first, second)


def test_another_number_of_examples_is_refused(make_run):
    first, *_ = make_run("one")
    second, *_ = make_run("two", count=59)
    with pytest.raises(DataError, match="60 and 59 examples"):
        beside.read(first, second)


def test_runs_without_a_split_in_common_are_refused(make_run):
    first, *_ = make_run("one")
    second, *_ = make_run("two")
    for name in ("predictions.tsv", "eval_predictions.tsv"):
        storage.delete(f"{second}/{name}")
    with pytest.raises(DataError, match="dev, test, and none"):
        beside.read(first, second)
