import json

from pipelines.generation import report
from pipelines.generation.outputs import Text
from pipelines.reports.report import text_of_cell
from processors.example import InputExample

EXAMPLES = [
    InputExample("test-1", "長い話\tと\n行", "題\t名"),
    InputExample("test-2", "=話", None),
]
OUTPUTS = [
    [Text("=1+1", -0.5, (7, 8, 3), True), Text("別", -0.75, (9,), False)],
    [Text("", -1.0, (3,), True)],
]


def test_predictions_are_a_table_that_gives_its_texts_back(tmp_path):
    path = tmp_path / "predictions.tsv"
    report.write_predictions(str(path), EXAMPLES, OUTPUTS)
    head, first, second = (line.split("\t") for line in path.read_text().splitlines())
    assert head == ["guid", "gold", "generated", "score", "tokens"]
    assert [text_of_cell(cell) for cell in first[:3]] == ["test-1", "題\t名", "=1+1"]
    assert first[2] != "=1+1"  # which a spreadsheet would compute
    assert first[3:] == ["-0.500000", "3"]
    assert second == ["test-2", "", "", "-1.000000", "1"]


def test_all_texts_that_were_returned(tmp_path):
    path = tmp_path / "predictions.jsonl"
    report.write_all(str(path), EXAMPLES, OUTPUTS)
    first, second = map(json.loads, path.read_text().splitlines())
    assert first["generated"][1] == {"text": "別", "score": -0.75, "ids": [9]}
    assert (second["gold"], len(second["generated"])) == (None, 1)


def test_samples_are_for_a_person(tmp_path):
    path = tmp_path / "samples.txt"
    many = [InputExample(f"dev-{n}", "話" * 200, f"題{n}") for n in range(50)]
    written = [[Text(f"作{n}", 0.0, (), True)] for n in range(50)]
    report.write_samples(str(path), many, written)
    text = path.read_text()
    assert text.count("generated: ") == 20
    assert "話" * 81 not in text
    again = tmp_path / "again.txt"
    report.write_samples(str(again), many, written)
    assert again.read_text() == text
