"""The page on a model that lies beside its weights: README.md, made of its run."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from pipelines.serving.recorded import Recorded
from runtime import storage

FILE = "README.md"
_SCORES = "eval_results.txt"
_PREDICTIONS = "predictions.tsv"
_SETTINGS = (
    "init_checkpoint",
    "max_seq_length",
    "long_texts",
    "train_batch_size",
    "learning_rate",
    "num_train_epochs",
    "max_steps",
    "optimizer",
    "precision",
    "seed",
)
_Z = 1.959964  # of the normal distribution, for 95 %

_USE = """```python
from transformers import AutoModelForSequenceClassification, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(FOLDER)
model = AutoModelForSequenceClassification.from_pretrained(FOLDER)
rows = tokenizer(TEXTS, padding=True, truncation=True, return_tensors="pt")
probabilities = model(**rows).logits.softmax(-1)
```"""


def text(run: Recorded, *, labels: tuple[str, ...]) -> str:
    """The page.

    Args:
        run: The run that trained the model.
        labels: Names of its outputs.
    """
    sections = {
        "Task": _task(run, labels=labels),
        "Scores": _scores(run),
        "Training": _training(run),
        "Limits": _limits(run),
        "How to load it": iter([_USE]),
    }
    parts = [f"## {title}\n\n" + "\n".join(body) for title, body in sections.items()]
    header = "---\nlibrary_name: transformers\npipeline_tag: text-classification\n---"
    return "\n\n".join([f"{header}\n\n# {_name(run)}", *parts]) + "\n"


def _name(run: Recorded) -> str:
    return f"A classifier for {run.settings.get('task_name') or 'texts'}"


def _task(run: Recorded, *, labels: tuple[str, ...]) -> Iterator[str]:
    inputs = "pairs of texts" if run.pairs else "texts"
    yield f"It reads {inputs} and answers: {', '.join(f'`{each}`' for each in labels)}."
    examples = run.settings.get("train_data") or {}
    if "examples" in examples:
        yield f"It was trained on {examples['examples']} examples."


def _scores(run: Recorded) -> Iterator[str]:
    path = storage.join(run.folder, _SCORES)
    if storage.exists(path):
        yield "On the dev split:\n"
        yield from (f"- {line}" for line in storage.read_text(path).splitlines())
    found = _accuracy(storage.join(run.folder, _PREDICTIONS))
    if found is not None:
        right, count = found
        low, high = wilson(right, count)
        yield (
            f"\nOn the test split: accuracy {right / count:.4f}"
            f" (95 % interval {low:.4f} to {high:.4f}, {count} examples)."
        )
    elif not storage.exists(path):
        yield "None were measured."


def _accuracy(path: str) -> tuple[int, int] | None:
    """How many of the test examples were right; None where that is not known."""
    if not storage.exists(path):
        return None
    header, *lines = storage.read_text(path).removesuffix("\n").split("\n")
    if header.split("\t")[:4] != ["guid", "gold", "predicted", "probability"]:
        return None
    cells = [line.split("\t")[1:3] for line in lines]
    if not cells or not all(gold for gold, _ in cells):
        return None
    return sum(gold == predicted for gold, predicted in cells), len(cells)


def wilson(right: int, count: int) -> tuple[float, float]:
    """The 95 % interval of a share.

    Source: Wilson, Probable inference, 1927.
    """
    share, spread = right / count, _Z**2 / count
    middle = (share + spread / 2) / (1 + spread)
    half = math.sqrt(share * (1 - share) / count + spread / (4 * count)) * _Z
    half /= 1 + spread
    return middle - half, middle + half


def _training(run: Recorded) -> Iterator[str]:
    for name in _SETTINGS:
        value = run.settings.get(name)
        if isinstance(value, dict):  # weights, with what tells them from others
            value = value["path"]
        if value is not None:
            yield f"- {name}: {value}"
    yield f"- updates: {run.step}"


def _limits(run: Recorded) -> Iterator[str]:
    settings: Mapping[str, Any] = run.settings
    yield (
        f"A text is read up to {run.max_seq_length} tokens"
        f" (long_texts={settings.get('long_texts', 'truncate')}). The scores are those"
        " of texts like the training data; on others they say nothing."
    )
