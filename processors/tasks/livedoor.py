"""The livedoor news corpus: which of nine news sites an article is from.

The split is that of the experiment the corpus is known by: its test support per class
is 178 172 176 95 158 174 167 190 163.

Source: bert-japanese, notebook/finetune-to-livedoor-corpus.ipynb and LivedoorProcessor
of src/run_classifier.py; corpus of https://www.rondhuit.com/download.html#ldcc.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Iterator

from processors.base import SPLITS, Table, TableProcessor
from processors.corpora import livedoor
from processors.example import InputExample
from runtime import storage

_LOG = logging.getLogger(__name__)
_PUBLISHED_COUNT = 7367


class LivedoorProcessor(TableProcessor):
    """Reads bert-japanese's TSV files, or the corpus as it is downloaded.

    A data folder that holds `train.tsv`, `dev.tsv` or `test.tsv` is read as those
    (header columns `text` and `label`); else the corpus is looked for, unpacked or as
    `ldcc-20140209.tar.gz`, and split here; the corpus is read once for all splits.
    """

    labels = livedoor.CATEGORIES
    train = Table("train.tsv", text_a="text", label="label")
    dev = Table("dev.tsv", text_a="text", label="label")
    test = Table("test.tsv", text_a="text", label="label")

    def refuse_missing(self, split: str, *, data_dir: str) -> None:
        """See base class; the corpus has all splits."""
        if _has_tables(data_dir):
            super().refuse_missing(split, data_dir=data_dir)

    def _stream(self, split: str, *, data_dir: str) -> Iterator[InputExample]:
        if _has_tables(data_dir):
            yield from super()._stream(split, data_dir=data_dir)
            return
        for number, article in enumerate(articles_of(split, data_dir=data_dir), 1):
            yield InputExample(
                guid=f"{split}-{number}", text_a=article.text, label=article.category
            )


def articles_of(split: str, *, data_dir: str) -> list[livedoor.Article]:
    """Returns the articles of a split; the corpus is read once for all of them.

    Args:
        split: train, dev or test.
        data_dir: The folder that holds the corpus.
    """
    articles = _articles(data_dir)
    return [articles[position] for position in livedoor.deal(len(articles))[split]]


@functools.lru_cache(maxsize=1)
def _articles(data_dir: str) -> list[livedoor.Article]:
    found = livedoor.read(data_dir)
    if len(found) != _PUBLISHED_COUNT:
        _LOG.warning(
            "%s holds %d articles; published results are on a split of %d.",
            *(data_dir, len(found), _PUBLISHED_COUNT),
        )
    return found


def _has_tables(data_dir: str) -> bool:
    files = [storage.join(data_dir, f"{name}.tsv") for name in SPLITS]
    return any(storage.exists(file) for file in files)
