"""CoLA: is an English sentence grammatical (GLUE version).

Source: ColaProcessor of google-research/bert, run_classifier.py; data of
https://gluebenchmark.com/tasks.
"""

from __future__ import annotations

from dataclasses import replace

from processors.base import Table, TableProcessor


class ColaProcessor(TableProcessor):
    """`train.tsv` and `dev.tsv` have no header; `test.tsv` has one and no labels."""

    labels = ("0", "1")
    train = Table("train.tsv", text_a=3, label=1, header=False)
    dev = replace(train, file="dev.tsv")
    test = Table("test.tsv", text_a=1)
