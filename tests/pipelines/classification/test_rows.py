import pytest

from pipelines.classification.rows import RowReader
from processors.base import DataProcessor
from processors.example import InputExample
from processors.readers.sieve import OnBadRow
from processors.tasks.table import TsvProcessor
from processors.tasks.table_options import TableOptions
from runtime.errors import DataError


class Counting(DataProcessor):
    """A task that counts how often it is read."""

    def __init__(self, examples):
        self.read = 0
        self._examples = examples

    def get_train_examples(self, data_dir):
        del data_dir
        self.read += 1
        return self._examples

    def get_labels(self):
        return ["a"]


def reader_of(processor, *, on_bad_row=OnBadRow.ERROR, data_dir="."):
    return RowReader(processor, data_dir=data_dir, on_bad_row=on_bad_row)


def test_a_split_is_read_once():
    examples = [InputExample("1", "x", label="a")]
    reader = reader_of(Counting(examples))
    assert reader.examples("train") is reader.examples("train") is examples
    assert reader.processor.read == 1
    assert reader.collect_labels() == ("a",)


def test_a_task_of_ones_own_without_examples():
    with pytest.raises(DataError, match="Counting: the train split holds no examples"):
        reader_of(Counting([])).examples("train")


@pytest.fixture
def rejecting(tmp_path):
    (tmp_path / "train.tsv").write_text("text\tlabel\nx\ta\ny\nz\tb\n")
    processor = TsvProcessor(TableOptions())
    return reader_of(processor, on_bad_row=OnBadRow.REJECT, data_dir=str(tmp_path))


def test_nothing_is_written_before_it_is_asked_for(rejecting, tmp_path):
    assert len(rejecting.examples("train")) == 2
    assert rejecting.collect_labels() == ("a", "b")
    out = tmp_path / "out"
    assert not out.exists()
    rejecting.write_rejects("train", folder=str(out))
    (line,) = (out / "train.rejects.jsonl").read_text().splitlines()
    assert '"row": "y"' in line
    rejecting.write_rejects("train", folder=str(out), suffix="-more")
    assert (out / "train-more.rejects.jsonl").read_text() == line + "\n"


def test_rejects_of_an_earlier_run_do_not_stay(tmp_path):
    (tmp_path / "train.rejects.jsonl").write_text("old\n")
    reader = reader_of(Counting([InputExample("1", "x")]))
    reader.examples("train")
    reader.write_rejects("train", folder=str(tmp_path))
    assert not (tmp_path / "train.rejects.jsonl").exists()
