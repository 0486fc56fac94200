"""A fine-tuned BERT beside simpler classifiers and beside itself, frozen."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pipelines.classification import logistic
from pipelines.classification.splits import Split
from tf_bert.vectors.encoder import Encodes


def frozen(
    encoder: Encodes, train: Split, others: Mapping[str, Split], *, seed: int
) -> dict[str, float]:
    """Accuracies of a logistic regression on vectors that are not trained.

    Args:
        encoder: Gives them.
        train: What the regression learns from.
        others: Labelled splits.
        seed: Of its cross-validation.
    """
    head = logistic.fit(
        vectors_of(encoder, train),
        train.dataset.label_ids,
        num_labels=len(train.labels),
        seed=seed,
    )
    return {
        name: _accuracy(
            vectors_of(encoder, split) @ head.weights.T + head.bias, split=split
        )
        for name, split in others.items()
    }


def vectors_of(encoder: Encodes, split: Split) -> np.ndarray:
    """The vectors of a split's examples, float32 `[examples, size]`."""
    examples = [split.dataset.example(n) for n in range(len(split.dataset))]
    return np.stack(encoder.vectors(examples)).reshape(len(examples), -1)


def _accuracy(scores: np.ndarray, *, split: Split) -> float:
    return float(np.mean(scores.argmax(axis=1) == split.dataset.label_ids))
