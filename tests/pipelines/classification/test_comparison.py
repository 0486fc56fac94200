from types import SimpleNamespace

import pytest

from pipelines.classification import comparison
from pipelines.reports import plots
from processors.example import InputExample


def examples(rows):
    return [
        InputExample(str(n), text, None, label) for n, (text, label) in enumerate(rows)
    ]


TRAIN = examples(
    [
        ("hot day", "hot"),
        ("hot sun", "hot"),
        ("so hot", "hot"),
        ("cold ice", "cold"),
        ("cold wind", "cold"),
    ]
)
DEV = examples([("a hot one", "hot"), ("ice cold", "cold"), ("very cold", "cold")])


def test_simple_classifiers():
    found = comparison.simple_predictions(TRAIN, {"dev": DEV})
    assert found[comparison.MAJORITY] == {"dev": ["hot"] * 3}
    assert found[comparison.TF_IDF] == {"dev": ["hot", "cold", "cold"]}
    assert comparison.accuracy(DEV, found[comparison.MAJORITY]["dev"]) == pytest.approx(
        1 / 3
    )
    assert comparison.accuracy(DEV, found[comparison.TF_IDF]["dev"]) == 1


def test_pairs_are_read_whole():
    train = [
        InputExample(str(n), "same", second, second)
        for n, second in enumerate(["yes", "no"] * 5)
    ]
    found = comparison.simple_predictions(train, {"dev": train})
    assert found[comparison.TF_IDF]["dev"] == ["yes", "no"] * 5


def test_one_label_has_no_regression():
    found = comparison.simple_predictions(TRAIN[:3], {"dev": DEV})
    assert list(found) == [comparison.MAJORITY]


def test_simple_classifiers_learn_once_what_several_seeds_ask(monkeypatch):
    learnt, predict = [], comparison.simple_predictions

    def counted(train, others):
        learnt.append(len(train))
        return predict(train, others)

    monkeypatch.setattr(comparison, "simple_predictions", counted)
    comparison._remembered.cache_clear()
    for train in (TRAIN, list(TRAIN), TRAIN[1:]):
        found = comparison.simple(split_of(train), {"dev": split_of(DEV)})
        assert found[comparison.TF_IDF] == {"dev": 1}
    assert learnt == [len(TRAIN), len(TRAIN) - 1]


def split_of(rows):
    """What is read of a split here."""
    return SimpleNamespace(examples=rows)


def test_table_and_picture(tmp_path):
    accuracies = {
        "majority": {"dev": 0.5, "test": 0.25},
        "a longer name": {"dev": 1.0, "test": 0.75},
    }
    comparison.write(str(tmp_path / "compare.txt"), accuracies)
    assert (tmp_path / "compare.txt").read_text().splitlines() == [
        "accuracy          dev    test",
        "majority        0.500   0.250",
        "a longer name   1.000   0.750",
    ]
    plots.plot_accuracies(str(tmp_path / "compare.png"), accuracies)
    assert (tmp_path / "compare.png").read_bytes().startswith(b"\x89PNG")
