"""MRPC: do two English sentences say the same (GLUE version).

Source: MrpcProcessor of google-research/bert, run_classifier.py; data of
https://gluebenchmark.com/tasks.
"""

from __future__ import annotations

from dataclasses import replace

from processors.base import Table, TableProcessor


class MrpcProcessor(TableProcessor):
    """Three files with a header; the first column of `test.tsv` is no label."""

    labels = ("0", "1")
    train = Table("train.tsv", text_a=3, text_b=4, label=0)
    dev = replace(train, file="dev.tsv")
    test = replace(train, file="test.tsv", label=None)
