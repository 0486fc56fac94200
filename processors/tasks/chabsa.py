"""chABSA: does a sentence of a securities report sound good or bad, or both.

The set is not split; `--split` deals it out, by company with a `--split_group`.

Source: https://github.com/chakki-works/chABSA-dataset.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from processors.base import DataProcessor
from processors.corpora import chabsa
from processors.corpora.chabsa import Sentence
from processors.example import InputExample
from processors.labels.targets import Targets

_LABELS = ("negative", "positive")
_OPINIONS = ("negative", "neutral", "positive")


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
                yield _example(sentence, label=polarity)


class ChabsaOpinionsProcessor(DataProcessor):
    """All sentences, each with the opinions in it: none, one or several.

    An example's group is its company.
    """

    targets = Targets.LABELS

    def get_train_examples(self, data_dir: str) -> list[InputExample]:
        """See base class."""
        return [
            _example(sentence, labels=_opinions(sentence))
            for sentence in chabsa.read(data_dir)
        ]

    def get_labels(self) -> list[str]:
        """See base class."""
        return list(_OPINIONS)


def _opinions(sentence: Sentence) -> tuple[str, ...]:
    return tuple(label for label in _OPINIONS if label in sentence.polarities)


def _example(sentence: Sentence, **target: Any) -> InputExample:
    return InputExample(
        guid=f"train-{sentence.company}-{sentence.number}",
        text_a=sentence.text,
        group=sentence.company,
        **target,
    )
