"""What a model says of each example of a split."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from pipelines.classification.splits import Split
from processors.batches.batch_shape import BatchShape
from processors.batches.batches import Batch, EvalBatches
from processors.batches.token_dataset import FILLER, UNLABELLED
from runtime.training.evaluations import Predictor


@dataclasses.dataclass(frozen=True)
class Outputs:
    """What the model says of each example of a split, in the split's order.

    Attributes:
        logits: float32 `[examples, outputs]`.
        losses: float32 `[examples]`, meaningless for an unlabelled example.
        batch_losses: float32 `[batches]`, the mean over each batch's real examples, as
            if none were read in windows.
    """

    logits: np.ndarray
    losses: np.ndarray
    batch_losses: np.ndarray


LossesOf = Callable[[Split, np.ndarray], np.ndarray]
"""From a split and the logits of its examples to their losses, float32 `[examples]`."""


def compute(
    predictor: Predictor, split: Split, *, losses_of: LossesOf, shape: BatchShape
) -> Outputs:
    """Runs the model over a split, every example once.

    The logits of an example that is read in windows are the means of theirs. So the
    probabilities of its labels are the windows' geometric means, brought to the sum of
    1: the means of their log-probabilities. Its loss is that of these logits.

    Args:
        predictor: Holds the trained model.
        split: The examples.
        losses_of: The losses of examples that are read in several windows.
        shape: Of the batches; no accumulation.

    Returns:
        The outputs, the same in every process.
    """
    batches = EvalBatches(split.dataset, shape=shape)
    found = [_of_windows(predictor, batch) for batch in batches]
    owners, logits, losses = map(np.concatenate, zip(*found, strict=True))
    firsts = np.flatnonzero(np.diff(owners, prepend=FILLER))
    counts = np.diff(firsts, append=len(owners))
    logits, losses = _means(logits, firsts=firsts, counts=counts), losses[firsts]
    of_means = (counts > 1) & (split.dataset.label_ids != UNLABELLED)
    if of_means.any():
        losses[of_means] = losses_of(split, logits)[of_means]
    return Outputs(logits, losses, _by_batch(losses, size=shape.global_batch))


def _of_windows(
    predictor: Predictor, batch: Batch
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each window of a batch: its example, logits and loss."""
    found = predictor.predict({k: v[0] for k, v in batch.arrays.items()})
    real = batch.example_index[0] != FILLER
    return batch.example_index[0][real], found["logits"][real], found["losses"][real]


def _means(logits: np.ndarray, *, firsts: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The mean of each example's windows, float32 `[examples, outputs]`."""
    sums = np.add.reduceat(logits, firsts, axis=0, dtype=np.float64)
    return (sums / counts[:, np.newaxis]).astype(np.float32)


def _by_batch(losses: np.ndarray, *, size: int) -> np.ndarray:
    """The mean loss of every `size` examples, float32 `[batches]`."""
    starts = range(0, len(losses), size)
    means = [losses[start : start + size].mean() for start in starts]
    return np.array(means, np.float32)
