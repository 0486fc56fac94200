"""The livedoor news corpus: which of nine news sites an article is from.

The split is that of the experiment the corpus is known by: its test support per class
is 178 172 176 95 158 174 167 190 163.

Source: bert-japanese, notebook/finetune-to-livedoor-corpus.ipynb and LivedoorProcessor
of src/run_classifier.py; corpus of https://www.rondhuit.com/download.html#ldcc.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator

import numpy as np

from processors.base import SPLITS, Table, TableProcessor
from processors.corpora import livedoor
from processors.example import InputExample
from runtime import storage

_LOG = logging.getLogger(__name__)
_SPLIT_SEED = 23
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

    def __init__(self) -> None:
        self._read: dict[str, list[livedoor.Article]] = {}

    def _stream(self, split: str, *, data_dir: str) -> Iterator[InputExample]:
        files = [storage.join(data_dir, f"{name}.tsv") for name in SPLITS]
        if any(storage.exists(file) for file in files):
            yield from super()._stream(split, data_dir=data_dir)
            return
        articles = self._read.get(data_dir) or livedoor.read(data_dir)
        self._read = {data_dir: articles}
        if len(articles) != _PUBLISHED_COUNT:
            _LOG.warning(
                "%s holds %d articles; published results are on a split of %d.",
                data_dir,
                len(articles),
                _PUBLISHED_COUNT,
            )
        chosen = _positions(len(articles))[split]
        for number, position in enumerate(chosen, 1):
            yield InputExample(
                guid=f"{split}-{number}",
                text_a=articles[position].text,
                label=articles[position].category,
            )


def _positions(count: int) -> dict[str, np.ndarray]:
    """Returns the positions of each split's articles in the sorted corpus.

    pandas' `sample(frac=1, random_state=23)`, by which the original shuffled, is this
    permutation; a fifth each is for test and dev.
    """
    order = np.random.RandomState(_SPLIT_SEED).permutation(count)
    fifth = count // 5
    return {
        "test": order[:fifth],
        "dev": order[fifth : 2 * fifth],
        "train": order[2 * fifth :],
    }
