"""JNLI: does a Japanese caption of a picture follow from another (JGLUE).

Source: https://github.com/yahoojapan/JGLUE, `datasets/jnli-v1.3`.
"""

from __future__ import annotations

from dataclasses import replace

from processors.base import Format, Table, TableProcessor


class JnliProcessor(TableProcessor):
    """Three files of JSON Lines, whose names end alike in every release."""

    labels = ("entailment", "contradiction", "neutral")
    train = Table(
        "*train-v*.json",
        text_a="sentence1",
        text_b="sentence2",
        label="label",
        id="sentence_pair_id",
        format=Format.JSONL,
    )
    dev = replace(train, file="*valid-v*.json")
    test = replace(train, file="*test-v*.json", label_is_optional=True)
