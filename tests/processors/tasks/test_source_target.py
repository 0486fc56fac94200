"""Sources and targets: as tables, lists and the livedoor corpus have them."""

import gzip
import json

import pytest

from pipelines.classification.rows import RowReader
from processors.example import InputExample
from processors.readers.sieve import OnBadRow
from processors.tasks import registry
from processors.tasks.source_target import (
    SourceTargetLists,
    SourceTargetOptions,
    SourceTargetRule,
    SourceTargetSettings,
)
from processors.tokenization.character import CharacterTokenizer
from runtime.errors import DataError, SettingsError

TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"山川は長いabc")


@pytest.fixture
def rule(tmp_path):
    path = tmp_path / "vocab.txt"
    path.write_text("\n".join(TOKENS) + "\n", encoding="utf-8")
    return SourceTargetRule(CharacterTokenizer(str(path)))


def make(task="tsv", **options):
    return registry.create(task, SourceTargetOptions(**options))


def reader(processor, rule, *, folder=".", on_bad_row=OnBadRow.ERROR):
    processor.needs_labels = False
    return RowReader(
        processor, data_dir=str(folder), on_bad_row=on_bad_row, unfit=rule.unfit
    )


def read(tmp_path, text, rule, *, split="train", name="tsv", **options):
    (tmp_path / f"{split}.{name}").write_text(text, encoding="utf-8")
    return reader(make(name, **options), rule, folder=tmp_path).examples(split)


def test_columns_are_named_or_counted(tmp_path, rule):
    text = "title\tbody\n山\t山は長い\n"
    [found] = read(tmp_path, text, rule, text_a="body", text_b="title")
    assert (found.text_a, found.text_b, found.label) == ("山は長い", "山", None)
    text = "山\t山は長い\n"
    [found] = read(tmp_path, text, rule, text_a="1", text_b="0", header=False)
    assert (found.text_a, found.text_b) == ("山は長い", "山")


@pytest.mark.parametrize("name", ["tsv", "csv", "json", "jsonl"])
def test_every_kind_of_table(tmp_path, rule, name):
    rows = [{"source": "山は", "target": "山"}, {"source": "川は", "target": "川"}]
    text = {
        "tsv": "source\ttarget\n山は\t山\n川は\t川\n",
        "csv": "source,target\n山は,山\n川は,川\n",
        "json": json.dumps(rows),
        "jsonl": "\n".join(map(json.dumps, rows)),
    }[name]
    found = read(tmp_path, text, rule, name=name)
    assert [(e.text_a, e.text_b) for e in found] == [("山は", "山"), ("川は", "川")]


def test_neither_text_is_changed_and_a_file_may_be_compressed(tmp_path, rule):
    data = "source\ttarget\n  ＡＢＣは 山 \tＡ 山\n".encode()
    (tmp_path / "train.tsv.gz").write_bytes(gzip.compress(data))
    [found] = reader(make(), rule, folder=tmp_path).examples("train")
    assert (found.text_a, found.text_b) == ("  ＡＢＣは 山 ", "Ａ 山")


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("\t山", "source is empty"),
        (" 　\t山", "source is empty"),
        ("山は\t", "target is empty"),
        ("山は\t　 ", "target is empty"),
        ("山は\t谷谷", "target has no token that the vocabulary knows: '谷谷'"),
    ],
)
@pytest.mark.parametrize("split", ["train", "dev"])
def test_rows_that_teach_nothing(tmp_path, rule, row, problem, split):
    text = f"source\ttarget\n山は\t山\n{row}\n"
    (tmp_path / "train.tsv").write_text("source\ttarget\n山は\t山\n", encoding="utf-8")
    with pytest.raises(DataError, match=problem) as caught:
        read(tmp_path, text, rule, split=split)
    assert f"{split}.tsv:3:" in str(caught.value)


def test_bad_rows_are_rejected_where_asked(tmp_path, rule):
    path = tmp_path / "train.tsv"
    path.write_text("source\ttarget\n山は\t山\n川は\t\n", encoding="utf-8")
    rows = reader(make(), rule, folder=tmp_path, on_bad_row=OnBadRow.REJECT)
    assert len(rows.examples("train")) == 1
    rows.write_rejects("train", folder=str(tmp_path))
    entry = json.loads((tmp_path / "train.rejects.jsonl").read_text())
    assert (entry["line"], entry["reason"]) == (3, "target is empty")


@pytest.mark.parametrize("row", ["山は\t", "山は\t　", "山は"])
def test_a_test_row_may_have_no_target(tmp_path, rule, row):
    (tmp_path / "train.tsv").write_text("source\ttarget\n山は\t山\n", encoding="utf-8")
    head = "source" if "\t" not in row else "source\ttarget"
    found = read(tmp_path, f"{head}\n{row}\n", rule, split="test")
    assert [e.text_b for e in rule.settle(found, split="test")] == [None]


def test_a_test_target_may_be_null(tmp_path, rule):
    (tmp_path / "train.jsonl").write_text('{"source": "山", "target": "山"}\n')
    text = '{"source": "山は", "target": null}\n{"source": "川"}\n'
    found = read(tmp_path, text, rule, split="test", name="jsonl")
    assert [e.text_b for e in found] == [None, None]


def test_a_missing_column_is_named_with_those_there_are(tmp_path, rule):
    with pytest.raises(DataError, match="no column 'target'; there is 'source', 'ti"):
        read(tmp_path, "source\ttitle\n山は\t山\n", rule)
    with pytest.raises(DataError, match="say --target=title"):
        read(tmp_path, "source\ttitle\n山は\t山\n", rule)


def test_positions_are_asked_for_by_the_names_of_the_flags():
    with pytest.raises(SettingsError, match="source: the files have no header"):
        SourceTargetOptions(header=False, text_b="1")


def test_one_column_for_both_is_refused():
    settings = SourceTargetSettings(task_name="tsv", text_a="body", text_b="body")
    [problem] = settings.data_problems()
    assert problem.startswith("--source and --target are one column, body")


def test_lists(rule):
    made = InputExample("mine", "川は", "川")
    lists = SourceTargetLists(
        train=[("山は", "山"), made], test=["山は", ("川は",), ("山", None)]
    )
    rows = reader(lists, rule)
    assert rows.examples("train") == [InputExample("train-1", "山は", "山"), made]
    assert [e.text_b for e in rows.examples("test")] == [None] * 3
    for wrong in (("a", "b", "c"), (1, "b"), 3, ("a", 2)):
        with pytest.raises(DataError, match="expected"):
            reader(SourceTargetLists(train=[wrong]), rule).examples("train")


def test_examples_of_a_processor_of_ones_own_are_looked_at(rule):
    examples = [InputExample("one", "山は", "山"), InputExample("two", "川は", " ")]
    with pytest.raises(DataError, match="Example two: target is empty"):
        rule.settle(examples, split="train")
