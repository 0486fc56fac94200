import json
import os
import threading

import pytest

from processors.example import InputExample
from processors.labels.targets import Objective
from processors.tasks import registry
from processors.tasks.table_options import TableOptions
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
    ("task", "options", "content"),
    [
        ("csv", {"delimiter": "semicolon"}, 'text;label\n"a;b, c";x\n'),
        ("csv", {"delimiter": "tab"}, 'text\tlabel\n"a;b, c"\tx\n'),
        ("tsv", {"delimiter": "pipe"}, "text|label\na;b, c|x\n"),
        ("tsv", {"delimiter": "pipe", "quoted": True}, 'text|label\n"a;b, c"|x\n'),
    ],
)
def test_columns_may_be_separated_by_anything(tmp_path, task, options, content):
    (tmp_path / f"train.{task}").write_text(content)
    processor = registry.create(task, TableOptions(**options))
    assert processor.get_train_examples(str(tmp_path)) == [
        InputExample("train-1", "a;b, c", None, "x")
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"text_a": "body"}, "no column 'body'; there is 'text', 'label'; say --text_"),
        ({"text_b": "b"}, "no column 'b'; there is 'text', 'label'; say --text_b=NAME"),
        ({"label": "labels"}, "no column 'labels'.*; say --label=label"),
        ({"id": "nr"}, "no column 'nr'.*; say --id=NAME"),
        ({"split_group": "g"}, "no column 'g'.*; say --split_group=NAME"),
    ],
)
@pytest.mark.parametrize("task", ["tsv", "csv", "jsonl"])
def test_a_column_that_is_not_there(tmp_path, task, options, message):
    content = (
        '{"text": "a", "label": "b"}\n' if task == "jsonl" else "text,label\na,b\n"
    )
    content = content.replace(",", "\t") if task == "tsv" else content
    (tmp_path / f"train.{task}").write_text(content)
    with pytest.raises(DataError, match=f"train.{task}:1: {message}"):
        registry.create(task, TableOptions(**options)).read_labels(str(tmp_path))


def test_a_test_file_without_labels_is_no_fault(tmp_path):
    (tmp_path / "test.tsv").write_text("text\na\n")
    processor = registry.create("tsv", TableOptions(labels=("x",)))
    assert len(processor.get_test_examples(str(tmp_path))) == 1


def test_named_files_lie_anywhere(tmp_path, monkeypatch):
    for name in ("here/train.tsv", "there/new.tsv"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text("text\tlabel\nfine\tgood\n")
    there = str(tmp_path / "there" / "new.tsv")
    processor = registry.create("tsv", TableOptions(test_file=there))
    assert processor.default_data_dir == ""
    (example,) = processor.get_test_examples(str(tmp_path / "here"))
    assert example.text_a == "fine"
    processor = registry.create("tsv", TableOptions(test_file=there, labels=("good",)))
    assert len(processor.get_test_examples(processor.default_data_dir)) == 1
    monkeypatch.chdir(tmp_path / "there")
    processor = registry.create("tsv", TableOptions(train_file="new.tsv"))
    assert len(processor.get_train_examples(processor.default_data_dir)) == 1
    assert registry.create("tsv", TableOptions()).default_data_dir is None


def test_a_pipe_is_a_file(tmp_path):
    for split in ("train", "test"):
        path = str(tmp_path / split)
        os.mkfifo(path)
        rows = b"text\tlabel\nfine\tgood\n"
        writer = threading.Thread(target=lambda p=path, r=rows: write_bytes(p, r))
        writer.start()
        processor = registry.create("tsv", TableOptions(**{f"{split}_file": path}))
        if split == "test":
            processor.labels = ("good",)
        examples = getattr(processor, f"get_{split}_examples")("")
        writer.join()
        assert [example.text_a for example in examples] == ["fine"]


def write_bytes(path, content):
    with open(path, "wb") as file:
        file.write(content)


@pytest.mark.parametrize(
    ("task", "options"),
    [
        ("csv", {"quoted": True}),
        ("json", {"delimiter": "tab"}),
        ("jsonl", {"header": False, "text_a": "0", "label": "1"}),
        ("tsv", {"pairs_file": "x.json"}),
        ("folder", {"text_a": "x"}),
    ],
)
def test_options_that_mean_nothing_to_a_task_are_refused(task, options):
    with pytest.raises(SettingsError, match="has no meaning for this task"):
        registry.create(task, TableOptions(**options))


# -- numbers --------------------------------------------------------------------------


def read_numbers(tmp_path, text, *, task="tsv", **options):
    (tmp_path / f"train.{task}").write_text(text)
    made = registry.create(
        task, TableOptions(**{"objective": Objective.REGRESSION, **options})
    )
    return made, made.get_train_examples(str(tmp_path))


def test_numbers_of_a_table(tmp_path):
    made, examples = read_numbers(
        tmp_path, "text\tstars\na\t-1.5\nb\t2e-3\n", label="stars"
    )
    assert [example.number for example in examples] == [-1.5, 0.002]
    assert {example.label for example in examples} == {None}
    assert made.get_labels() == ["stars"]


def test_numbers_of_json(tmp_path):
    lines = '{"text": "a", "label": 3}\n{"text": "b", "label": "0.5"}\n'
    _, examples = read_numbers(tmp_path, lines, task="jsonl")
    assert [example.number for example in examples] == [3.0, 0.5]


@pytest.mark.parametrize("value", ["good", "nan", "inf", "-Infinity", "1e39", "1,5"])
def test_what_is_no_number_is_named_with_its_line(tmp_path, value):
    with pytest.raises(DataError, match=r"train\.tsv:3: 'label': expected a number"):
        read_numbers(tmp_path, f"text\tlabel\na\t1\nb\t{value}\n")


@pytest.mark.parametrize("value", ["true", "[1]", "1e400", '{"a": 1}'])
def test_what_is_no_number_in_json(tmp_path, value):
    with pytest.raises(DataError, match=r"train\.jsonl:1: "):
        read_numbers(tmp_path, f'{{"text": "a", "label": {value}}}\n', task="jsonl")


def test_an_empty_cell_is_no_number(tmp_path):
    with pytest.raises(DataError, match=r"train\.tsv:3: the label is empty"):
        read_numbers(tmp_path, "text\tlabel\na\t1\nb\t\n")


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"multi_label": True}, "--multi_label is for classes"),
        ({"labels": ("a", "b")}, "--labels names classes"),
        ({"label_separator": ","}, "--label_separator is for --multi_label"),
    ],
)
def test_what_does_not_go_with_numbers(options, problem):
    with pytest.raises(SettingsError, match=problem):
        TableOptions(objective=Objective.REGRESSION, **options)


# -- several labels -------------------------------------------------------------------


def read_several(folder, text, *, task="tsv", split="train", **options):
    (folder / f"{split}.{task}").write_text(text)
    made = registry.create(task, TableOptions(**{"multi_label": True, **options}))
    return made, getattr(made, f"get_{split}_examples")(str(folder))


def label_sets(examples):
    return [example.labels for example in examples]


def test_labels_of_a_table_with_commas_between(tmp_path):
    rows = "text\tlabel\nx\tb,a\ny\t\nz\t c , b \n"
    made, examples = read_several(tmp_path, rows)
    assert label_sets(examples) == [("b", "a"), (), ("c", "b")]
    assert all(example.is_labelled for example in examples)
    assert made.get_labels() == ["a", "b", "c"]


def test_another_separator(tmp_path):
    rows = "text,label\nx,b|a\ny,c\n"
    _, examples = read_several(tmp_path, rows, task="csv", label_separator="|")
    assert label_sets(examples) == [("b", "a"), ("c",)]


def test_arrays_of_json(tmp_path):
    rows = [["b", "a"], [], ["Arts, Culture"], [10, 2], "a, b"]
    lines = (json.dumps({"text": "x", "label": row}) for row in rows)
    _, examples = read_several(tmp_path, "\n".join(lines), task="jsonl")
    assert label_sets(examples) == [
        ("b", "a"),
        (),
        ("Arts, Culture",),
        ("10", "2"),
        ("a, b",),
    ]


def test_a_label_that_is_named_twice_is_one(tmp_path):
    _, examples = read_several(tmp_path, "text\tlabel\nx\ta,a\n")
    assert label_sets(examples) == [("a",)]


@pytest.mark.parametrize("cell", ["a,,b", ",a", "a,", "a, ,b", ","])
def test_an_empty_name_between_separators(tmp_path, cell):
    with pytest.raises(DataError, match=r"train\.tsv:3: 'label': an empty label name"):
        read_several(tmp_path, f"text\tlabel\nx\ta\ny\t{cell}\n")


@pytest.mark.parametrize("value", [["a", ""], ["a", None], [["a"]], {"a": 1}])
def test_what_is_no_label_in_an_array(tmp_path, value):
    lines = json.dumps({"text": "x", "label": value})
    with pytest.raises(DataError, match=r"train\.jsonl:1: 'label': "):
        read_several(tmp_path, lines, task="jsonl")


def test_null_is_unlabelled(tmp_path):
    with pytest.raises(DataError, match=r"train\.jsonl:1: the label is empty"):
        read_several(tmp_path, '{"text": "x", "label": null}\n', task="jsonl")


def test_a_test_file_without_labels_is_unlabelled(tmp_path):
    _, examples = read_several(tmp_path, "text\nx\n", split="test", labels=("a", "b"))
    assert label_sets(examples) == [None]


def test_each_label_is_one_of_the_tasks(tmp_path):
    rows = "text\tlabel\nx\ta,d\n"
    for split in ("dev", "test"):
        with pytest.raises(DataError, match=rf"{split}\.tsv:2: unknown label 'd'"):
            read_several(tmp_path, rows, split=split, labels=("a", "b"))


def test_two_labels_in_a_task_of_one(tmp_path):
    line = '{"text": "x", "label": ["a", "b"]}\n'
    with pytest.raises(DataError, match=r"train\.jsonl:1: .*--multi_label trains on"):
        read_several(tmp_path, line, task="jsonl", multi_label=False)


def test_a_separator_alone_has_no_meaning():
    with pytest.raises(SettingsError, match="--label_separator is for --multi_label"):
        TableOptions(label_separator="|")
    with pytest.raises(SettingsError, match="expected at least one character"):
        TableOptions(label_separator="", multi_label=True)
