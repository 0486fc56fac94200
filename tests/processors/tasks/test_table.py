import json

import pytest

from processors import registry
from processors.example import InputExample
from processors.table_options import TableOptions
from runtime.errors import DataError, SettingsError

ROWS = [
    {"id": "r1", "text": "fine", "label": 10},
    {"id": "r2", "text": "dull", "label": 2},
]


@pytest.fixture
def data_dir(tmp_path):
    (tmp_path / "train.json").write_text(json.dumps(ROWS))
    (tmp_path / "train.jsonl").write_text("\n".join(json.dumps(row) for row in ROWS))
    lines = ["id\ttext\tlabel", "r1\tfine\t10", "r2\tdull\t2"]
    (tmp_path / "train.tsv").write_text("\n".join(lines))
    (tmp_path / "train.csv").write_text("\n".join(lines).replace("\t", ","))
    return str(tmp_path)


@pytest.mark.parametrize("task", ["tsv", "csv", "json", "jsonl"])
def test_the_formats_of_the_same_rows(data_dir, task):
    processor = registry.create(task, TableOptions(id="id"))
    assert processor.get_train_examples(data_dir) == [
        InputExample("train-r1", "fine", None, "10"),
        InputExample("train-r2", "dull", None, "2"),
    ]
    assert processor.get_labels() == ["2", "10"]


def test_saved_labels_spare_the_training_file(tmp_path):
    (tmp_path / "test.tsv").write_text("text\nwho knows\n")
    processor = registry.create("tsv", TableOptions(labels=("2", "10")))
    assert processor.get_test_examples(str(tmp_path))[0].label is None
    assert processor.get_labels() == ["2", "10"]


def test_pairs_in_named_files_without_a_header(tmp_path):
    (tmp_path / "a.tsv").write_text("p\tq\tyes\t\nr\ts\tno\t\n")
    options = TableOptions(
        text_a="0",
        text_b="1",
        label="2",
        header=False,
        dev_file="a.tsv",
        labels=("yes", "no"),
    )
    assert registry.create("tsv", options).get_dev_examples(str(tmp_path)) == [
        InputExample("dev-0", "p", "q", "yes"),
        InputExample("dev-1", "r", "s", "no"),
    ]


def test_a_null_label_is_unlabelled_in_test_only(tmp_path):
    for split in ("train", "test"):
        (tmp_path / f"{split}.jsonl").write_text('{"text": "x", "label": null}\n')
    processor = registry.create("jsonl", TableOptions(labels=("0", "1")))
    assert processor.get_test_examples(str(tmp_path))[0].label is None
    with pytest.raises(
        DataError, match=r"train\.jsonl:1: the label is empty, and rows"
    ):
        processor.get_train_examples(str(tmp_path))


def test_how_files_are_written_is_an_option(tmp_path):
    content = 'text\tlabel\n"二つの\n行"\t1\n'
    (tmp_path / "train.tsv").write_bytes(content.encode("cp932"))
    options = TableOptions(quoted=True, encoding="cp932")
    (example,) = registry.create("tsv", options).get_train_examples(str(tmp_path))
    assert example.text_a == "二つの\n行"


@pytest.mark.parametrize(
    ("task", "options"),
    [
        ("csv", {"quoted": True}),
        ("jsonl", {"header": False, "text_a": "0", "label": "1"}),
        ("tsv", {"pairs_file": "x.json"}),
        ("folder", {"text_a": "x"}),
    ],
)
def test_options_that_mean_nothing_to_a_task_are_refused(task, options):
    with pytest.raises(SettingsError, match="has no meaning for this task"):
        registry.create(task, TableOptions(**options))
