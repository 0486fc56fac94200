import numpy as np
import pytest
from sklearn.metrics import classification_report, multilabel_confusion_matrix

from pipelines.classification import scores
from pipelines.reports import label_sets
from processors.example import InputExample
from runtime import storage
from runtime.errors import DataError

LABELS = ["負", "neutral", "pos"]
GOLD = np.array([[1, 0, 1], [0, 0, 0], [1, 0, 0], [0, 0, 1]], np.float32)
SAID = np.array(
    [[0.9, 0.2, 0.8], [0.1, 0.6, 0.3], [0.4, 0.1, 0.7], [0.3, 0.2, 0.9]], np.float32
)
PREDICTED = SAID >= 0.5


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "file.txt")


def rows_of(path):
    lines = storage.read_text(path).splitlines()
    return {line.split("  ")[0]: line.split() for line in lines if line.strip()}


def test_scores_of_each_label_are_scikit_learns(path, recwarn):
    label_sets.write_label_report(
        path,
        gold=GOLD,
        predicted=PREDICTED,
        labels=LABELS,
        thresholds=np.array([0.5, 0.25, 0.5]),
        average_precisions=scores.average_precisions(GOLD, SAID),
    )
    assert not recwarn.list
    rows = rows_of(path)
    expected = classification_report(
        GOLD, PREDICTED, target_names=LABELS, zero_division=0, output_dict=True
    )
    for name, row in rows.items():
        if name in expected:
            values = expected[name]
            cells = [f"{values[key]:.2f}" for key in ("precision", "recall")]
            found = row[1:] if name in LABELS else row[2:]
            assert found[:2] == cells
            assert found[2] == f"{values['f1-score']:.2f}"
            assert found[3] == str(int(values["support"]))
    assert {*LABELS, "micro avg", "macro avg"} <= rows.keys()
    assert rows["neutral"][-2:] == ["0.2500", "0.00"]


def test_the_confusion_matrix_of_each_label(path):
    label_sets.write_label_confusions(
        path, gold=GOLD, predicted=PREDICTED, labels=LABELS
    )
    rows = rows_of(path)
    for label, matrix in zip(
        LABELS, multilabel_confusion_matrix(GOLD, PREDICTED), strict=True
    ):
        (neither, predicted), (gold, both) = matrix.tolist()
        assert rows[label][1:] == list(map(str, (both, gold, predicted, neither)))


def test_one_label_alone(path):
    one = {"gold": GOLD[:, :1], "predicted": PREDICTED[:, :1], "labels": ["a"]}
    label_sets.write_label_confusions(path, **one)
    assert rows_of(path)["a"] == ["a", "1", "1", "0", "2"]


def test_predictions_list_labels_with_their_probabilities(path):
    examples = [
        InputExample(f"test-{n}", f"text {n}", labels=labels)
        for n, labels in enumerate([("pos", "neutral"), (), None, ("pos",)])
    ]
    label_sets.write_label_predictions(
        path,
        examples=examples,
        predicted=PREDICTED,
        probabilities=SAID,
        labels=LABELS,
    )
    assert storage.read_text(path).splitlines() == [
        "guid\tgold\tpredicted\tprobability\ttext",
        "test-0\tpos,neutral\t負,pos\t0.9,0.8\ttext 0",
        "test-1\t\tneutral\t0.6\ttext 1",
        "test-2\t\tpos\t0.7\ttext 2",
        "test-3\tpos\tpos\t0.9\ttext 3",
    ]


@pytest.mark.parametrize(
    ("gold", "predicted"),
    [(GOLD[:0], PREDICTED[:0]), (GOLD, PREDICTED[:2]), (GOLD[:, :2], PREDICTED[:, :2])],
)
def test_what_no_report_can_be_made_of(path, gold, predicted):
    with pytest.raises(DataError, match="A report needs as many rows"):
        label_sets.write_label_confusions(
            path, gold=gold, predicted=predicted, labels=LABELS
        )
