"""Read where the toolkit is not: what transformers answers to texts and to ids."""

import os
from typing import Any

os.environ["HF_HUB_OFFLINE"] = "1"  # all of it lies in the folder

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

_NAMES = {"input_mask": "attention_mask", "segment_ids": "token_type_ids"}
_READ = {
    "regression": lambda logits: logits,
    "multi_label_classification": torch.sigmoid,
}


def answers(request: dict[str, Any]) -> dict[str, Any]:
    """Answers a request; see `read_back`."""
    folder = request["folder"]
    model = AutoModelForSequenceClassification.from_pretrained(folder)
    found = [
        row
        for rows in request["blocks"]
        for row in _answer(model, {k: torch.tensor(v) for k, v in rows.items()})
    ]
    labels = [model.config.id2label[place] for place in range(len(found[0]))]
    read = {"ids": found, "labels": labels}
    if request["texts"]:
        rows = AutoTokenizer.from_pretrained(folder)(
            *request["texts"].values(),
            padding=True,
            truncation=True,
            return_tensors="pt",
        )
        read["texts"] = _answer(model, rows)
    return read


@torch.no_grad()
def _answer(model: Any, rows: Any) -> list[Any]:
    logits = model(**{_NAMES.get(name, name): rows[name] for name in rows}).logits
    read = _READ.get(model.config.problem_type, lambda logits: logits.softmax(-1))
    values: list[Any] = read(logits).tolist()
    return values
