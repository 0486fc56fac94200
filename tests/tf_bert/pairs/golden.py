"""What an independent program computed of pairs; see tests/golden/pairs."""

import json
import os

import numpy as np
from safetensors.numpy import load_file

from processors.batches.batch_shape import BatchShape, PadTo
from processors.batches.batches import EvalBatches
from processors.batches.features import Features
from processors.batches.texts_apart import Sides
from processors.batches.token_dataset import TokenDataset
from tf_bert.pairs.heads import Attend, Combine, PairHead

FOLDER = os.path.join(os.path.dirname(__file__), "../../golden/pairs")
ENCODER = os.path.join(FOLDER, "encoder")
WAYS = [
    *(f"vectors/{combine.value}" for combine in Combine),
    *(f"tokens/{name}" for name in ("additive", "dot", "reduced")),
]
LABELS = 3

with open(os.path.join(FOLDER, "settings.json"), encoding="utf-8") as file:
    SPEC = json.load(file)
with np.load(os.path.join(FOLDER, "golden.npz")) as file:
    GOLDEN = dict(file)

_HEADS = load_file(os.path.join(FOLDER, "heads.safetensors"))
_OURS = {"output": "output_weights", "output_bias": "output_bias"}


def head(way):
    attend, combine = way.split("/")
    return PairHead(
        combine=Combine(combine),
        attend=Attend(attend),
        attention_size=SPEC["spec"]["k"],
        reduced_size=SPEC["spec"]["d"],
    )


def head_weights(way):
    return {
        _OURS.get(name.rpartition("/")[2], name.rpartition("/")[2]): value
        for name, value in _HEADS.items()
        if name.startswith(f"{way}/")
    }


def pairs_dataset():
    """The pairs as a run has them."""
    mask = GOLDEN["attention_mask"] > 0
    texts = [ids[real] for ids, real in zip(GOLDEN["input_ids"], mask, strict=True)]
    rows = []
    for (first, second), label in zip(GOLDEN["pairs"], GOLDEN["labels"], strict=True):
        ids = np.concatenate([texts[first], texts[second]]).astype(np.int32)
        segments = np.arange(len(ids)) >= len(texts[first])
        rows.append(Features(ids, segments.astype(np.int32), int(label)))
    return TokenDataset.from_features(rows)


def batch(*, pad_to=PadTo.PACK, max_seq_length=40, examples=16):
    shape = BatchShape(
        per_replica_batch=examples,
        max_seq_length=max_seq_length,
        pad_to=pad_to,
        sides=Sides.APART,
    )
    [found] = EvalBatches(pairs_dataset(), shape=shape)
    return found.arrays
