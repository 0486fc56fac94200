import json

import pytest

from processors.example import InputExample
from processors.readers.sieve import OnBadRow
from processors.tasks import registry
from processors.tasks.table_options import TableOptions
from runtime.errors import DataError, SettingsError

FILES = {"texts_file": "texts.json", "pairs_file": "pairs.json"}


@pytest.fixture
def data_dir(tmp_path):
    (tmp_path / "texts.json").write_text(json.dumps({"10": "本文", "11": "別の本文"}))
    (tmp_path / "pairs.json").write_text('[["10", "11", 0], [11, 10, "1"]]')
    return str(tmp_path)


def test_all_pairs_are_the_training_set(data_dir):
    processor = registry.create("pairs", TableOptions(**FILES))
    assert processor.get_train_examples(data_dir) == [
        InputExample("train-0", "本文", "別の本文", "0"),
        InputExample("train-1", "別の本文", "本文", "1"),
    ]
    assert processor.get_labels() == ["0", "1"]
    splits = ("train", "dev", "test")
    assert [processor.has_split(name) for name in splits] == [True, False, False]


def test_keys_of_pairs_are_options(data_dir, tmp_path):
    pairs = [{"y": 1, "left": 10, "right": 11}]
    (tmp_path / "pairs.json").write_text(json.dumps(pairs))
    options = TableOptions(text_a="left", text_b="right", label="y", **FILES)
    (example,) = registry.create("pairs", options).get_train_examples(data_dir)
    assert (example.text_a, example.label) == ("本文", "1")


def test_both_files_are_required():
    with pytest.raises(SettingsError, match=r"--texts_file .* and --pairs_file .* are"):
        registry.create("pairs", TableOptions(texts_file="texts.json"))


def test_bad_pairs_can_be_rejected(data_dir, tmp_path):
    (tmp_path / "pairs.json").write_text("[[10, 11, 0], [10, 12, 1], [10, 11, null]]")
    processor = registry.create("pairs", TableOptions(**FILES))
    with pytest.raises(DataError, match=r"pairs\.json:1: item 2: no text with the id"):
        processor.get_train_examples(data_dir)
    rejects = tmp_path / "rejects.jsonl"
    with processor.sifting(OnBadRow.REJECT, rejects_path=str(rejects)):
        assert len(processor.get_train_examples(data_dir)) == 1
    assert len(rejects.read_text().splitlines()) == 2
