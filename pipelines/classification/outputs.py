"""What a classifier says of each example of a split."""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy.special import softmax

from pipelines.classification.splits import Split
from processors.batches.batches import FILLER, BatchShape, EvalBatches
from runtime.training.evaluations import Predictor


@dataclasses.dataclass(frozen=True)
class Outputs:
    """What the model says of each example of a split, in the split's order.

    Attributes:
        probabilities: float32 `[examples, num_labels]`.
        losses: float32 `[examples]`, meaningless for an unlabelled example.
        batch_losses: float32 `[batches]`, the mean over each batch's real examples.
    """

    probabilities: np.ndarray
    losses: np.ndarray
    batch_losses: np.ndarray

    @property
    def predicted(self) -> np.ndarray:
        """Most probable label id of each example, int64 `[examples]`."""
        best: np.ndarray = self.probabilities.argmax(axis=-1)
        return best


def compute(predictor: Predictor, split: Split, *, shape: BatchShape) -> Outputs:
    """Runs the model over a split, every example once.

    Args:
        predictor: Holds the trained model.
        split: The examples.
        shape: Of the batches; no accumulation.

    Returns:
        The outputs, the same in every process.
    """
    count = len(split.dataset)
    logits = np.zeros((count, len(split.labels)), np.float32)
    losses = np.zeros(count, np.float32)
    batch_losses = []
    for batch in EvalBatches(split.dataset, shape=shape):
        outputs = predictor.predict({k: v[0] for k, v in batch.arrays.items()})
        real = batch.example_index[0] != FILLER
        where = batch.example_index[0][real]
        logits[where] = outputs["logits"][real]
        losses[where] = outputs["losses"][real]
        batch_losses.append(outputs["losses"][real].mean())
    return Outputs(softmax(logits, axis=-1), losses, np.array(batch_losses, np.float32))
