"""XNLI in Chinese: does a sentence follow from another.

Source: XnliProcessor of google-research/bert, run_classifier.py and multilingual.md;
data of https://cims.nyu.edu/~sbowman/xnli/.
"""

from __future__ import annotations

from processors.base import Table, TableProcessor


class XnliProcessor(TableProcessor):
    """Machine-translated training pairs and the Chinese rows of the dev file."""

    labels = ("contradiction", "entailment", "neutral")
    train = Table(
        "multinli/multinli.train.zh.tsv",
        text_a=0,
        text_b=1,
        label=2,
        rename_labels={"contradictory": "contradiction"},
    )
    dev = Table("xnli.dev.tsv", text_a=6, text_b=7, label=1, keep={0: "zh"})
