"""MultiNLI: does an English sentence follow from another (GLUE version).

Source: MnliProcessor of google-research/bert, run_classifier.py; data of
https://gluebenchmark.com/tasks.
"""

from __future__ import annotations

from dataclasses import replace

from processors.base import Table, TableProcessor


class MnliProcessor(TableProcessor):
    """The matched genres; the label is the last column, however many there are."""

    labels = ("contradiction", "entailment", "neutral")
    train = Table("train.tsv", text_a=8, text_b=9, label=-1, id=0)
    dev = replace(train, file="dev_matched.tsv", guid_prefix="dev_matched")
    test = replace(train, file="test_matched.tsv", label=None)
