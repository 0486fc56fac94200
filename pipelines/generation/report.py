"""What a model wrote: predictions.tsv, predictions.jsonl and samples.txt."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np

from pipelines.generation.outputs import Outputs
from pipelines.reports.report import cell
from processors.example import InputExample
from runtime import storage

_SAMPLES = 20
_SHOWN = 80  # characters of a source
_SEED = 0


def write_predictions(
    path: str, examples: Sequence[InputExample], outputs: Outputs
) -> None:
    """Writes guid, gold, generated, score and tokens of each, with tabs between.

    Args:
        path: The file.
        examples: A split's.
        outputs: What was written for them; the best is shown.
    """
    lines = ["guid\tgold\tgenerated\tscore\ttokens\n"]
    for example, texts in zip(examples, outputs, strict=True):
        best = texts[0]
        texts_of = (example.guid, example.text_b or "", best.text)
        numbers = (f"{best.score:.6f}", str(len(best.ids)))
        lines.append("\t".join((*map(cell, texts_of), *numbers)) + "\n")
    storage.write_text(path, "".join(lines))


def write_all(path: str, examples: Sequence[InputExample], outputs: Outputs) -> None:
    """Writes a JSON object a line: guid, gold and all texts that were returned.

    Args:
        path: The file.
        examples: A split's.
        outputs: What was written for them.
    """
    rows = [
        {
            "guid": example.guid,
            "gold": example.text_b,
            "generated": [each.as_json() for each in texts],
        }
        for example, texts in zip(examples, outputs, strict=True)
    ]
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
    storage.write_text(path, "".join(lines))


def write_samples(
    path: str, examples: Sequence[InputExample], outputs: Outputs
) -> None:
    """Writes some examples for a person to read, always the same ones of a split.

    Args:
        path: The file.
        examples: A split's.
        outputs: What was written for them.
    """
    order = np.random.RandomState(_SEED).permutation(len(examples))[:_SAMPLES]
    pages = [
        f"{examples[place].guid}\n"
        f"  source:    {_line(examples[place].text_a[:_SHOWN])}\n"
        f"  gold:      {_line(examples[place].text_b or '')}\n"
        f"  generated: {_line(outputs[place][0].text)}\n"
        for place in sorted(order)
    ]
    storage.write_text(path, "\n".join(pages))


def _line(text: str) -> str:
    """A text in one line, without what a terminal would obey."""
    return "".join(c if c.isprintable() else " " for c in text)
