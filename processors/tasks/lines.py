"""Plain text, one text a line, without labels: what a language model reads."""

from __future__ import annotations

from processors.base import DataProcessor
from processors.example import InputExample
from processors.readers import read_lines
from runtime import storage
from runtime.errors import DataError


class LinesProcessor(DataProcessor):
    """`train.txt`, `dev.txt` and `test.txt`; an empty line is no text."""

    def get_train_examples(self, data_dir: str) -> list[InputExample]:
        """See base class."""
        return _read(data_dir, split="train")

    def get_dev_examples(self, data_dir: str) -> list[InputExample]:
        """See base class."""
        return _read(data_dir, split="dev")

    def get_test_examples(self, data_dir: str) -> list[InputExample]:
        """See base class."""
        return _read(data_dir, split="test")

    def get_labels(self) -> list[str]:
        """Returns none: the texts have no labels."""
        return []


def _read(data_dir: str, *, split: str) -> list[InputExample]:
    path = storage.join(data_dir, f"{split}.txt")
    examples = [
        InputExample(guid=f"{split}-{line.number}", text_a=line.text)
        for line in read_lines(path)
        if line.text.strip()
    ]
    if not examples:
        raise DataError(f"the {split} split holds no texts", path=path)
    return examples
