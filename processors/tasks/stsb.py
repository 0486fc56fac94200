"""STS-B: how alike in meaning are two English sentences, from 0 to 5 (GLUE version).

Source: StsbProcessor of transformers, data/processors/glue.py; data of
https://gluebenchmark.com/tasks.
"""

from __future__ import annotations

from dataclasses import replace

from processors.base import Table, TableProcessor
from processors.labels.targets import Targets


class StsbProcessor(TableProcessor):
    """Three files with a header; `test.tsv` has no score."""

    targets = Targets.NUMBER
    train = Table(
        "train.tsv", text_a="sentence1", text_b="sentence2", label="score", id="index"
    )
    dev = replace(train, file="dev.tsv")
    test = replace(train, file="test.tsv", label=None)
