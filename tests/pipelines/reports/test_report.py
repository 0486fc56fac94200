from __future__ import annotations

import csv
import io

import numpy as np
import pytest
import sklearn.metrics

from pipelines.reports import report
from processors.example import InputExample
from runtime import storage
from runtime.errors import DataError

LABELS = ["dokujo-tsushin", "it-life-hack", "peachy"]
GOLD = np.array([0, 0, 0, 1, 1, 2])
PREDICTED = np.array([0, 0, 1, 1, 1, 0])


@pytest.fixture
def path(tmp_path) -> str:
    return str(tmp_path / "eval" / "file.txt")


def table_of(path: str, **dialect) -> list[list[str]]:
    return list(csv.reader(io.StringIO(storage.read_text(path)), **dialect))


def write_texts(path: str, *texts: str, **fields: str) -> None:
    report.write_predictions(
        path,
        examples=[InputExample("test-1", text, **fields) for text in texts],
        predicted=np.zeros(len(texts), np.int64),
        probabilities=np.ones((len(texts), 3), np.float32),
        labels=LABELS,
    )


def test_eval_results_as_the_original_shows_them(path):
    report.write_eval_results(
        path,
        {
            "loss": np.float32(1.4972252),
            "global_step": np.int64(690),
            "eval_loss": 1.4959193468093872,
            "eval_accuracy": np.array(0.9525939, np.float32),
        },
    )
    assert storage.read_text(path) == (
        "eval_accuracy = 0.9525939\n"
        "eval_loss = 1.4959193\n"
        "global_step = 690\n"
        "loss = 1.4972252\n"
    )


def test_classification_report_is_scikit_learns(path):
    report.write_classification_report(
        path, gold=GOLD, predicted=PREDICTED, labels=LABELS
    )
    assert storage.read_text(path) == sklearn.metrics.classification_report(
        GOLD, PREDICTED, target_names=LABELS, zero_division=0
    )
    assert (
        "                precision    recall  f1-score   support\n"
        "\n"
        "dokujo-tsushin       0.67      0.67      0.67         3\n"
        "  it-life-hack       0.67      1.00      0.80         2\n"
        "        peachy       0.00      0.00      0.00         1\n"
        "\n"
        "      accuracy                           0.67         6\n"
    ) in storage.read_text(path)


def test_labels_without_examples_have_their_row(path):
    report.write_classification_report(
        path, gold=np.array([1, 1]), predicted=np.array([1, 2]), labels=LABELS
    )
    text = storage.read_text(path)
    assert "dokujo-tsushin       0.00      0.00      0.00         0\n" in text
    assert "      accuracy                           0.50         2\n" in text


@pytest.mark.parametrize(
    ("gold", "predicted"),
    [([2, 2], [2, 2]), ([0], [1]), ([1, 2], [0, 0]), ([0, 1, 2], [1, 1, 1])],
)
def test_labels_that_a_split_lacks_break_no_report(path, gold, predicted, recwarn):
    given = {"gold": np.array(gold), "predicted": np.array(predicted)}
    report.write_classification_report(path, **given, labels=LABELS)
    lines = [line.split() for line in storage.read_text(path).splitlines()]
    rows = {line[0]: line for line in lines if line}
    assert {*LABELS, "accuracy", "macro", "weighted"} <= rows.keys()
    for number, label in enumerate(LABELS):
        assert float(rows[label][-1]) == gold.count(number)
    report.write_confusion_matrix(path, **given, labels=LABELS)
    assert storage.read_text(path).splitlines()[-1].split()[-1] == str(len(gold))
    assert not recwarn.list


def test_confusion_matrix_of_short_names(path):
    report.write_confusion_matrix(
        path, gold=GOLD, predicted=PREDICTED, labels=["a", "bb", "ccc"]
    )
    assert storage.read_text(path) == (
        "Rows: gold label. Columns: predicted label.\n"
        "\n"
        "       a  bb  ccc  total\n"
        "a      2   1    0      3\n"
        "bb     0   2    0      2\n"
        "ccc    1   0    0      1\n"
        "total  3   3    0      6\n"
    )


def test_confusion_matrix_of_long_names_is_numbered(path):
    report.write_confusion_matrix(path, gold=GOLD, predicted=PREDICTED, labels=LABELS)
    assert storage.read_text(path).splitlines()[2:] == [
        "                  0  1  2  total",
        "0 dokujo-tsushin  2  1  0      3",
        "1 it-life-hack    0  2  0      2",
        "2 peachy          1  0  0      1",
        "total             3  3  0      6",
    ]


def test_confusion_matrix_aligns_wide_characters(path):
    labels = ["緑黄色社会", "YUKI", "ﾊﾝｶｸ", "か\u3099"]  # half-width, combining mark
    report.write_confusion_matrix(path, gold=GOLD, predicted=PREDICTED, labels=labels)
    assert storage.read_text(path).splitlines()[2:] == [
        "              0  1  2  3  total",
        "0 緑黄色社会  2  1  0  0      3",
        "1 YUKI        0  2  0  0      2",
        "2 ﾊﾝｶｸ        1  0  0  0      1",
        "3 か\u3099          0  0  0  0      0",
        "total         3  3  0  0      6",
    ]


def test_confusion_counts():
    counts = report.confusion_counts(gold=GOLD, predicted=PREDICTED, labels=LABELS)
    np.testing.assert_array_equal(
        counts, sklearn.metrics.confusion_matrix(GOLD, PREDICTED)
    )


@pytest.mark.parametrize(
    ("gold", "predicted", "message"),
    [
        ([], [], "got 0 gold labels and 0 predictions"),
        ([0, 1], [0], "got 2 gold labels and 1 predictions"),
        ([0, -1], [0, 0], "needs label ids from 0 to 2, got -1 to 0"),
        ([0, 1], [0, 3], "needs label ids from 0 to 2, got 0 to 3"),
    ],
)
def test_what_no_report_can_be_made_of(path, gold, predicted, message):
    for write in (report.write_classification_report, report.write_confusion_matrix):
        with pytest.raises(DataError, match=message):
            write(path, gold=np.array(gold), predicted=predicted, labels=LABELS)
    assert not storage.exists(path)


def test_test_results_are_the_originals(path):
    probabilities = np.array([[0.9525939, 0.0474061], [1e-05, 0.99999]], np.float32)
    report.write_test_results(path, probabilities)
    assert storage.read_text(path) == "0.9525939\t0.0474061\n1e-05\t0.99999\n"
    report.write_test_results(path, probabilities.astype(np.float64))
    assert storage.read_text(path) == "0.9525939\t0.0474061\n1e-05\t0.99999\n"


def test_the_order_of_labels(path):
    report.write_labels(path, ["bad", "良い", "two\nlines", "=1"])
    expected = "bad\n良い\ntwo\\u000alines\n=1\n"
    assert storage.read_text(path) == expected


def test_predictions(path):
    report.write_predictions(
        path,
        examples=[
            InputExample("test-1", "走れメロス", label="peachy"),
            InputExample("test-2", "A man", text_b="A woman"),
        ],
        predicted=np.array([2, 0]),
        probabilities=np.array([[0.1, 0.2, 0.7], [0.5, 0.25, 0.25]], np.float32),
        labels=LABELS,
    )
    assert storage.read_text(path) == (
        "guid\tgold\tpredicted\tprobability\ttext\n"
        "test-1\tpeachy\tpeachy\t0.7\t走れメロス\n"
        "test-2\t\tdokujo-tsushin\t0.5\tA man ||| A woman\n"
    )


def test_predictions_of_nothing_are_a_header(path):
    write_texts(path)
    assert table_of(path, delimiter="\t") == [
        ["guid", "gold", "predicted", "probability", "text"]
    ]


def test_one_prediction_an_example(path):
    with pytest.raises(DataError, match="each of 1 examples, got 2 labels and 1 rows"):
        report.write_predictions(
            path,
            examples=[InputExample("test-1", "a")],
            predicted=np.zeros(2, np.int64),
            probabilities=np.ones((1, 3), np.float32),
            labels=LABELS,
        )
    assert not storage.exists(path)


@pytest.mark.parametrize(
    "text", ["a\tb", "a\nb", "a\rb", "a\x0bb", "a\x0cb", "a\x00b", "a\x85b", "a\u2028b"]
)
def test_a_cell_stays_in_its_row(path, text):
    write_texts(path, text, text)
    written = f"a\\u{ord(text[1]):04x}b"
    cells = [row[4] for row in table_of(path, delimiter="\t")]
    assert cells == ["text", written, written]
    assert len(storage.read_text(path).splitlines()) == 3
    assert report.text_of_cell(written) == text


def test_every_text_can_be_had_back(path):
    random = np.random.default_rng(0)
    alphabet = list("\\\\u009'=あ\t\n\r\x00\x85\u2028\"-+@ abc")
    texts = ["".join(random.choice(alphabet, 12)) for _ in range(2000)]
    texts += ["\\u0009", "\\\\u0009", "\\", "'", "''=", "\\u00e9", "\t=1"]
    write_texts(path, *texts)
    lines = storage.read_text(path).split("\n")[1:-1]
    cells = [line.split("\t") for line in lines]
    assert {len(row) for row in cells} == {5}
    assert [report.text_of_cell(row[4]) for row in cells] == texts
    assert not any(row[4].startswith(("=", "+", "-", "@", "\t", "\r")) for row in cells)


@pytest.mark.parametrize(
    "text",
    ["=HYPERLINK(1)", "+1 like", "-- x", "@me", "\uff1d1+1", "'quoted'", '"open'],
)
def test_active_cells_are_inert_and_can_be_had_back(path, text):
    write_texts(path, text, label=text)
    _, (_, gold, _, _, cell) = table_of(path, delimiter="\t")
    assert gold == cell == "'" + text
    assert cell[1:] == text


@pytest.mark.parametrize("text", ["-1", "+1", "-0.5", "5 - 3 = 2", "it's", '「"」'])
def test_harmless_cells_stay_as_they_are(path, text):
    write_texts(path, text, label=text)
    _, (_, gold, _, _, cell) = table_of(path, delimiter="\t", quoting=csv.QUOTE_NONE)
    assert gold == cell == text
