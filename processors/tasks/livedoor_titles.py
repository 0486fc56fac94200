"""The titles of the livedoor news corpus, to be written from the articles.

The splits are those of the task livedoor.

Source: corpus of https://www.rondhuit.com/download.html#ldcc.
"""

from __future__ import annotations

from processors.base import DataProcessor
from processors.example import InputExample
from processors.tasks.livedoor import articles_of


class LivedoorTitlesProcessor(DataProcessor):
    """Body and title of each article, of the corpus as it is downloaded."""

    def get_train_examples(self, data_dir: str) -> list[InputExample]:
        """See base class."""
        return _examples("train", data_dir=data_dir)

    def get_dev_examples(self, data_dir: str) -> list[InputExample]:
        """See base class."""
        return _examples("dev", data_dir=data_dir)

    def get_test_examples(self, data_dir: str) -> list[InputExample]:
        """See base class."""
        return _examples("test", data_dir=data_dir)

    def get_labels(self) -> list[str]:
        """Returns none: texts are learned."""
        return []


def _examples(split: str, *, data_dir: str) -> list[InputExample]:
    return [
        InputExample(f"{split}-{number}", article.body, article.title)
        for number, article in enumerate(articles_of(split, data_dir=data_dir), 1)
    ]
