"""What classifiers optimise, on any backend."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops


class ClassificationObjective:
    """Softmax cross-entropy of a classifier's logits, weighted by example."""

    def loss(self, model: keras.Model, block: Mapping[str, Any]) -> Any:
        """The slice's weighted loss; see `runtime.engine.engine.Objective`."""
        losses = cross_entropy(model(block, training=True), block["label_ids"])
        return ops.sum(losses * block["loss_weight"])

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
