"""A small task on files; its tokenizer and its records are the real ones."""

import pytest

from pipelines.classification.preparation import TaskJob, TrainedRun, open_rows
from pipelines.classification.settings import TaskSettings
from processors.tokenization import create as tokenizers
from processors.tokenization.settings import TokenizerSettings

LINES = [f"the number {number} of many\t{'ab'[number % 2]}" for number in range(40)]


@pytest.fixture
def data_dir(tmp_path):
    """Forty rows to learn from, four to evaluate on: one of them known."""
    head = "text\tlabel"
    dev = ["the number 7 of many\tb", "some other text\ta", "quite another one\tb"]
    (tmp_path / "train.tsv").write_text("\n".join([head, *LINES]) + "\n")
    (tmp_path / "dev.tsv").write_text("\n".join([head, *dev, "fourth\ta"]) + "\n")
    words = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        "the",
        "number",
        "of",
        "many",
    ]
    (tmp_path / "vocab.txt").write_text("\n".join(words) + "\n")
    return tmp_path


@pytest.fixture
def job(data_dir):
    """Makes the job of a run with some settings changed."""

    def make(**others):
        settings = TaskSettings(
            **{
                "task_name": "tsv",
                "data_dir": str(data_dir),
                "output_dir": str(data_dir / "out"),
                "max_seq_length": 5,
                "do_eval": True,
                **others,
            }
        )
        return TaskJob(
            settings=settings,
            tokenizer=tokenizers.create(
                TokenizerSettings(vocab_file=str(data_dir / "vocab.txt"))
            ),
            rows=open_rows(settings, trained=TrainedRun(path="")),
            output_dir=str(data_dir / "out"),
            restored=None,
        )

    return make
