"""chABSA: does a sentence of a securities report sound good or bad.

The set is not split; `--split` deals it out, by company with a `--split_group`.

Source: https://github.com/chakki-works/chABSA-dataset.
"""

from __future__ import annotations

from collections.abc import Iterator

from processors.base import DataProcessor
from processors.corpora import chabsa
from processors.example import InputExample

_LABELS = ("negative", "positive")


class ChabsaProcessor(DataProcessor):
    """Sentences whose opinions are all positive or all negative.

    An example's group is its company.
    """

    def get_train_examples(self, data_dir: str) -> list[InputExample]:
        """See base class."""
        return list(self._examples(data_dir))

    def get_labels(self) -> list[str]:
        """See base class."""
        return list(_LABELS)

    def _examples(self, data_dir: str) -> Iterator[InputExample]:
        for sentence in chabsa.read(data_dir):
            if len(sentence.polarities) != 1:
                continue
            (polarity,) = sentence.polarities
            if polarity in _LABELS:
                yield InputExample(
                    guid=f"train-{sentence.company}-{sentence.number}",
                    text_a=sentence.text,
                    label=polarity,
                    group=sentence.company,
                )
