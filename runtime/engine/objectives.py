"""What classifiers optimise, on any backend."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from typing import Any

import keras
from keras import ops


class HeadObjective(abc.ABC):
    """The losses of a model with one row of outputs an example, weighted by example."""

    def loss(self, model: keras.Model, block: Mapping[str, Any]) -> Any:
        """The slice's weighted loss; see `runtime.engine.engine.Objective`."""
        losses = self.training_losses(model(block, training=True), block)
        return ops.sum(losses * block["loss_weight"])

    def outputs(self, model: keras.Model, block: Mapping[str, Any]) -> dict[str, Any]:
        """`logits [examples, num_labels]` and `losses [examples]`."""
        logits = model(block, training=False)
        return {"logits": logits, "losses": self._losses(logits, block)}

    @abc.abstractmethod
    def _losses(self, logits: Any, block: Mapping[str, Any]) -> Any:
        """What an evaluation says of each example, float32 `[examples]`."""

    def training_losses(self, logits: Any, block: Mapping[str, Any]) -> Any:
        """What training minimises, float32 `[examples]`.

        Args:
            logits: float32 `[examples, num_labels]`.
            block: The slice; see `runtime.engine.engine.Objective`.
        """
        return self._losses(logits, block)


class ClassificationObjective(HeadObjective):
    """Softmax cross-entropy of a classifier's logits; reads `label_ids`.

    Args:
        label_smoothing: Share of a training target that is dealt to all labels alike.
            What an evaluation says of an example is the plain cross-entropy.
    """

    def __init__(self, *, label_smoothing: float = 0.0) -> None:
        self._label_smoothing = label_smoothing

    def _losses(self, logits: Any, block: Mapping[str, Any]) -> Any:
        return cross_entropy(logits, block["label_ids"])

    def training_losses(self, logits: Any, block: Mapping[str, Any]) -> Any:
        """See base class."""
        if self._label_smoothing == 0:
            return self._losses(logits, block)
        return smoothed_cross_entropy(
            logits, block["label_ids"], label_smoothing=self._label_smoothing
        )


class MultiLabelObjective(HeadObjective):
    """Binary cross-entropy of each label; reads `targets [examples, num_labels]`."""

    def _losses(self, logits: Any, block: Mapping[str, Any]) -> Any:
        return binary_cross_entropy(logits, block["targets"])


class RegressionObjective(HeadObjective):
    """Squared error of a model's one output; reads `targets [examples]`."""

    def _losses(self, logits: Any, block: Mapping[str, Any]) -> Any:
        return ops.square(logits[:, 0] - block["targets"])


def of_targets(targets: str, *, label_smoothing: float = 0.0) -> HeadObjective:
    """The objective of a task.

    Args:
        targets: What an example's target is: `label`, one of several; `labels`, any
            number of them; or `number`.
        label_smoothing: Of a `label`.
    """
    if targets == "label":
        return ClassificationObjective(label_smoothing=label_smoothing)
    kinds = {"labels": MultiLabelObjective, "number": RegressionObjective}
    return kinds[targets]()


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


def binary_cross_entropy(logits: Any, targets: Any) -> Any:
    """Negative log-likelihood of which labels an example has, the mean over labels.

    Args:
        logits: float32 `[examples, num_labels]`.
        targets: float32 of the same shape: 1 for a label that the example has, else 0.

    Returns:
        float32 `[examples]`.

    Source: torch's BCEWithLogitsLoss, which transformers takes for the problem_type
        multi_label_classification.
    """
    return keras.losses.binary_crossentropy(targets, logits, from_logits=True)
