"""Plain text, one text a line, without labels: what a language model reads."""

from __future__ import annotations

from collections.abc import Iterator

from processors.base import DataProcessor
from processors.example import InputExample
from processors.readers import data_files
from processors.readers.lines import TextFile
from processors.readers.row import BadRow, Row
from processors.readers.sieve import Sieve


class LinesProcessor(DataProcessor):
    """`train.txt`, `dev.txt` and `test.txt`; an empty line is no text."""

    def get_train_examples(self, data_dir: str) -> list[InputExample]:
        """See base class."""
        return self._read(data_dir, split="train")

    def get_dev_examples(self, data_dir: str) -> list[InputExample]:
        """See base class."""
        return self._read(data_dir, split="dev")

    def get_test_examples(self, data_dir: str) -> list[InputExample]:
        """See base class."""
        return self._read(data_dir, split="test")

    def get_labels(self) -> list[str]:
        """Returns none: the texts have no labels."""
        return []

    def _read(self, data_dir: str, *, split: str) -> list[InputExample]:
        path = data_files.find(f"{split}.txt", data_dir=data_dir)
        sieve = self.sieve or Sieve()

        def example(row: Row) -> InputExample:
            return InputExample(guid=f"{split}-{row.line}", text_a=row.text(0))

        found = list(sieve.sift(_rows(path), example))
        if not found:
            raise sieve.nothing_left(f"the {split} split holds no texts", path=path)
        return found


def _rows(path: str) -> Iterator[Row | BadRow]:
    for line in TextFile(path).lines():
        if line.bad is not None:
            yield line.bad
        elif line.text.strip():
            yield Row(path, line.number, (), (line.text,))
