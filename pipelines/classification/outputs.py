"""What a model says of each example of a split."""

from __future__ import annotations

import dataclasses

import numpy as np

from pipelines.classification.splits import Split
from processors.batches.batches import FILLER, BatchShape, EvalBatches
from runtime.training.evaluations import Predictor


@dataclasses.dataclass(frozen=True)
class Outputs:
    """What the model says of each example of a split, in the split's order.

    Attributes:
        logits: float32 `[examples, outputs]`.
        losses: float32 `[examples]`, meaningless for an unlabelled example.
        batch_losses: float32 `[batches]`, the mean over each batch's real examples.
    """

    logits: np.ndarray
    losses: np.ndarray
    batch_losses: np.ndarray


def compute(
    predictor: Predictor, split: Split, *, outputs: int, shape: BatchShape
) -> Outputs:
    """Runs the model over a split, every example once.

    Args:
        predictor: Holds the trained model.
        split: The examples.
        outputs: Of the model, for each example.
        shape: Of the batches; no accumulation.

    Returns:
        The outputs, the same in every process.
    """
    count = len(split.dataset)
    logits = np.zeros((count, outputs), np.float32)
    losses = np.zeros(count, np.float32)
    batch_losses = []
    for batch in EvalBatches(split.dataset, shape=shape):
        found = predictor.predict({k: v[0] for k, v in batch.arrays.items()})
        real = batch.example_index[0] != FILLER
        where = batch.example_index[0][real]
        logits[where] = found["logits"][real]
        losses[where] = found["losses"][real]
        batch_losses.append(found["losses"][real].mean())
    return Outputs(logits, losses, np.array(batch_losses, np.float32))
