"""The four tasks of google-research/bert, row for row as its processors read them."""

import pytest

from processors.example import InputExample
from processors.tasks import registry
from runtime.errors import DataError, SettingsError


def write(tmp_path, **files):
    for name, rows in files.items():
        text = "".join("\t".join(row) + "\n" for row in rows)
        (tmp_path / f"{name}.tsv").write_text(text)
    return str(tmp_path)


def test_cola(tmp_path):
    rows = [["gj04", "1", "", "Our friends won't."], ["gj04", "0", "*", 'They "drank.']]
    data = write(
        tmp_path,
        train=rows,
        dev=rows[1:],
        test=[["index", "sentence"], ["0", "Bill whistled."]],
    )
    cola = registry.create("cola")
    assert cola.get_labels() == ["0", "1"]
    assert cola.get_train_examples(data) == [
        InputExample("train-0", "Our friends won't.", None, "1"),
        InputExample("train-1", 'They "drank.', None, "0"),
    ]
    assert cola.get_dev_examples(data)[0].guid == "dev-0"
    assert cola.get_test_examples(data) == [
        InputExample("test-1", "Bill whistled.", None, None)
    ]


def test_cola_with_a_header_it_should_not_have(tmp_path):
    data = write(tmp_path, train=[["source", "label", "mark", "sentence"]])
    with pytest.raises(DataError, match=r"train\.tsv:1: unknown label 'label'.* 0, 1"):
        registry.create("cola").get_train_examples(data)


def test_mrpc(tmp_path):
    head = ["Quality", "#1 ID", "#2 ID", "#1 String", "#2 String"]
    data = write(
        tmp_path,
        train=[head, ["1", "7", "8", "He said so.", "So he said."]],
        dev=[head, ["0", "7", "8", "a", "b"]],
        test=[["index", *head[1:]], ["0", "7", "8", "c", "d"]],
    )
    mrpc = registry.create("mrpc")
    assert mrpc.get_labels() == ["0", "1"]
    assert mrpc.get_train_examples(data) == [
        InputExample("train-1", "He said so.", "So he said.", "1")
    ]
    assert mrpc.get_dev_examples(data) == [InputExample("dev-1", "a", "b", "0")]
    assert mrpc.get_test_examples(data) == [InputExample("test-1", "c", "d", None)]


def test_mnli_takes_the_last_column_for_the_label(tmp_path):
    head = [*"0123456789", "label1", "gold_label"]
    many = [*head[:-1], "label2", "label3", "gold_label"]
    data = write(
        tmp_path,
        train=[head, ["31193", *"1234567", "a", "b", "neutral", "entailment"]],
        dev_matched=[many, ["9", *"1234567", "c", "d", *"xyz", "contradiction"]],
        test_matched=[head[:10], ["5", *"1234567", "e", "f"]],
    )
    mnli = registry.create("mnli")
    assert mnli.get_labels() == ["contradiction", "entailment", "neutral"]
    assert mnli.get_train_examples(data) == [
        InputExample("train-31193", "a", "b", "entailment")
    ]
    assert mnli.get_dev_examples(data) == [
        InputExample("dev_matched-9", "c", "d", "contradiction")
    ]
    assert mnli.get_test_examples(data) == [InputExample("test-5", "e", "f", None)]


def test_xnli(tmp_path):
    (tmp_path / "multinli").mkdir()
    write(
        tmp_path / "multinli",
        **{
            "multinli.train.zh": [
                ["premise", "hypo", "label"],
                ["a", "b", "contradictory"],
                ["c", "d", "neutral"],
            ]
        },
    )
    head = ["language", "gold_label", *"2345", "sentence1", "sentence2"]
    data = write(
        tmp_path,
        **{
            "xnli.dev": [
                head,
                ["ar", "neutral", *"2345", "x", "y"],
                ["zh", "entailment", *"2345", "e", "f"],
            ]
        },
    )
    xnli = registry.create("xnli")
    assert xnli.get_labels() == ["contradiction", "entailment", "neutral"]
    assert xnli.get_train_examples(data) == [
        InputExample("train-1", "a", "b", "contradiction"),
        InputExample("train-2", "c", "d", "neutral"),
    ]
    assert xnli.get_dev_examples(data) == [
        InputExample("dev-2", "e", "f", "entailment")
    ]
    with pytest.raises(SettingsError, match="XnliProcessor has no test split"):
        xnli.get_test_examples(data)
