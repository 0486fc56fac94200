import numpy as np
import pytest

from pipelines.classification import comparison
from pipelines.classification.answers import LabelSet, Number, OneLabel
from pipelines.classification.splits import Split
from pipelines.reports import plots
from processors.batches.features import Features, target_of
from processors.batches.token_dataset import TokenDataset
from processors.example import InputExample
from processors.labels.targets import Targets

LABELS = ("cold", "hot")
NO_TOKENS = np.zeros(0, np.int32)


def split(examples, *, targets=Targets.LABEL):
    ids = {label: place for place, label in enumerate(LABELS)}
    features = [
        Features(NO_TOKENS, NO_TOKENS, *target_of(each, ids, targets=targets))
        for each in examples
    ]
    return Split(examples, TokenDataset.from_features(features), LABELS)


def labelled(rows):
    return split(
        [
            InputExample(str(n), text, None, label)
            for n, (text, label) in enumerate(rows)
        ]
    )


TRAIN = [
    ("hot day", "hot"),
    ("hot sun", "hot"),
    ("so hot", "hot"),
    ("cold ice", "cold"),
    ("cold wind", "cold"),
]
DEV = [("a hot one", "hot"), ("ice cold", "cold"), ("very cold", "cold")]


def test_simple_classifiers():
    found = comparison.simple(
        labelled(TRAIN), {"dev": labelled(DEV)}, answers=OneLabel(LABELS)
    )
    assert found == {
        comparison.MAJORITY: {"dev": pytest.approx(1 / 3)},
        comparison.TF_IDF: {"dev": 1},
    }


def test_pairs_are_read_whole():
    train = split(
        [
            InputExample(str(n), "same", second, second)
            for n, second in enumerate(["hot", "cold"] * 5)
        ]
    )
    found = comparison.simple(train, {"dev": train}, answers=OneLabel(LABELS))
    assert found[comparison.TF_IDF]["dev"] == 1


def test_one_label_has_no_regression():
    found = comparison.simple(
        labelled(TRAIN[:3]), {"dev": labelled(DEV)}, answers=OneLabel(LABELS)
    )
    assert list(found) == [comparison.MAJORITY]


def test_several_labels_a_text_are_told_one_by_one():
    rows = [("hot", ("hot",)), ("cold", ("cold",)), ("mild", ())] * 4
    rows += [("hot cold", ("cold", "hot"))] * 4
    examples = [
        InputExample(str(n), text, labels=labels)
        for n, (text, labels) in enumerate(rows)
    ]
    train = split(examples, targets=Targets.LABELS)
    answers = LabelSet(LABELS, thresholds=np.full(2, 0.5))
    found = comparison.simple(train, {"dev": train}, answers=answers)
    assert found[comparison.TF_IDF]["dev"] == 1
    assert found[comparison.MAJORITY]["dev"] < 1


def test_numbers_are_told_by_a_line():
    examples = [
        InputExample(str(n), "good " * n + "film", number=float(n)) for n in range(12)
    ]
    train = split(examples, targets=Targets.NUMBER)
    found = comparison.simple(
        train, {"dev": train}, answers=Number(("score",), name="score")
    )
    assert found[comparison.TF_IDF_RIDGE]["dev"] > 0.7
    assert found[comparison.MEAN]["dev"] == 0


def test_table_and_picture(tmp_path):
    accuracies = {
        "majority": {"dev": 0.5, "test": 0.25},
        "a longer name": {"dev": 1.0, "test": -0.75},
    }
    comparison.write(str(tmp_path / "compare.txt"), accuracies, measure="Pearson")
    assert (tmp_path / "compare.txt").read_text().splitlines() == [
        "Pearson           dev    test",
        "majority        0.500   0.250",
        "a longer name   1.000  -0.750",
    ]
    plots.plot_accuracies(str(tmp_path / "compare.png"), accuracies, measure="Pearson")
    assert (tmp_path / "compare.png").read_bytes().startswith(b"\x89PNG")
