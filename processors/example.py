"""One text or pair of texts with its label, as every data set hands it on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class InputExample:
    """A single example for sequence classification.

    Args:
        guid: Name of the example, unique in its split; reports carry it.
        text_a: The text, or the first of a pair, before tokenization.
        text_b: The second text of a pair.
        label: The label's name. None means unlabelled; no dummy stands in for it.
        group: What the example is a part of (its work, author, day), so that a split
            can keep together what belongs together; None where nothing is known.

    Source: InputExample of google-research/bert, run_classifier.py.
    """

    guid: str
    text_a: str
    text_b: str | None = None
    label: str | None = None
    group: str | None = None
