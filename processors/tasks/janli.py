"""JaNLI: does a Japanese sentence follow from another, in pairs made to mislead.

Source: https://github.com/verypluming/JaNLI, `janli.tsv`.
"""

from __future__ import annotations

from dataclasses import replace

from processors.base import Table, TableProcessor


class JanliProcessor(TableProcessor):
    """One file whose column `split` says train or test; there are no dev rows.

    The first column has no name and numbers the rows.
    """

    labels = ("entailment", "non-entailment")
    train = Table(
        "janli.tsv",
        text_a="sentence_A_Ja",
        text_b="sentence_B_Ja",
        label="entailment_label_Ja",
        id="",
        keep={"split": "train"},
    )
    test = replace(train, keep={"split": "test"})
