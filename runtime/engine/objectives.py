"""What classifiers optimise, on any backend."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops


class ClassificationObjective:
    """Softmax cross-entropy of a classifier's logits, weighted by example.

    Args:
        label_smoothing: Share of a training target that is dealt to all labels alike.
            What an evaluation says of an example is the plain cross-entropy.
    """

    def __init__(self, *, label_smoothing: float = 0.0) -> None:
        self._label_smoothing = label_smoothing

    def loss(self, model: keras.Model, block: Mapping[str, Any]) -> Any:
        """The slice's weighted loss; see `runtime.engine.engine.Objective`."""
        losses = self._losses(model(block, training=True), block["label_ids"])
        return ops.sum(losses * block["loss_weight"])

    def _losses(self, logits: Any, label_ids: Any) -> Any:
        if self._label_smoothing == 0:
            return cross_entropy(logits, label_ids)
        return smoothed_cross_entropy(
            logits, label_ids, label_smoothing=self._label_smoothing
        )

    def outputs(self, model: keras.Model, block: Mapping[str, Any]) -> dict[str, Any]:
        """`logits [examples, num_labels]` and `losses [examples]`."""
        logits = model(block, training=False)
        return {"logits": logits, "losses": cross_entropy(logits, block["label_ids"])}


def cross_entropy(logits: Any, label_ids: Any) -> Any:
    """Negative log-likelihood of each label.

    Args:
        logits: float32 `[examples, num_labels]`.
        label_ids: int32 `[examples]`.

    Returns:
        float32 `[examples]`.
    """
    return keras.losses.sparse_categorical_crossentropy(
        label_ids, logits, from_logits=True
    )


def smoothed_cross_entropy(
    logits: Any, label_ids: Any, *, label_smoothing: float
) -> Any:
    """Cross-entropy of a target whose share `label_smoothing` all labels have alike.

    Args:
        logits: float32 `[examples, num_labels]`.
        label_ids: int32 `[examples]`.
        label_smoothing: The share, in [0, 1).

    Returns:
        float32 `[examples]`.

    Source: Szegedy et al., Rethinking the Inception Architecture for Computer Vision,
        2016, section 7; torch's CrossEntropyLoss has the same.
    """
    return keras.losses.categorical_crossentropy(
        ops.one_hot(label_ids, logits.shape[-1]),
        logits,
        from_logits=True,
        label_smoothing=label_smoothing,
    )
