"""A pretrained LSTM as it is: its pooled states under a logistic regression."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping
from typing import Any

import numpy as np

from lstm_pretrain.classifier.settings import LstmClassifierSettings
from lstm_pretrain.model.heads import LstmClassifier
from pipelines.classification import logistic
from pipelines.classification.splits import Split
from processors.batches.batch_shape import BatchShape
from processors.batches.batches import EvalBatches
from processors.batches.token_dataset import FILLER
from runtime.devices.placement import Placement
from runtime.engine.engine import Engine
from runtime.training.model import Model, build_engine

_log = logging.getLogger(__name__)


class PooledStates:
    """The vectors that a classifier's head reads."""

    def loss(self, model: Any, block: Mapping[str, Any]) -> Any:
        """Nothing is trained.

        Raises:
            TypeError: Always.
        """
        del model, block
        raise TypeError("states are read from an LSTM that is not trained")

    def outputs(
        self, model: LstmClassifier, block: Mapping[str, Any]
    ) -> dict[str, Any]:
        """`vectors`, float32 `[examples, size]`."""
        return {"vectors": model.pooled(block)}


def fit_head(
    engine: Engine,
    split: Split,
    *,
    classifier: Model,
    settings: LstmClassifierSettings,
    placement: Placement,
) -> None:
    """Fits the head of a classifier on what its LSTM makes of texts.

    Args:
        engine: Holds the classifier, with a pretrained LSTM; takes the head.
        split: The training split.
        classifier: The classifier.
        settings: Seed and batches.
        placement: The devices.

    Raises:
        DataError: The examples are too few to choose a regularisation by.
    """
    reads = dataclasses.replace(classifier, objective=PooledStates())
    reader = build_engine(reads, settings, total=0, placement=placement)
    reader.load_weights(engine.state().weights)
    shape = settings.batch_shape(placement, batch=settings.eval_batch_size)
    head = logistic.fit(
        _vectors(reader, split, shape=shape),
        split.dataset.label_ids,
        num_labels=len(split.labels),
        seed=settings.seed,
    )
    _log.info("Logistic regression with C = %s", head.strength)
    kernel, bias = head.weights.T, head.bias
    if len(split.labels) == 2:  # one logit, of the second
        kernel, bias = kernel[:, 1:] - kernel[:, :1], bias[1:] - bias[:1]
    engine.load_weights({"head/kernel": kernel, "head/bias": bias})


def _vectors(engine: Engine, split: Split, *, shape: BatchShape) -> np.ndarray:
    """Those of a split's examples in their order, float32 `[examples, size]`."""
    found = []
    for batch in EvalBatches(split.dataset, shape=shape):
        arrays = {name: value[0] for name, value in batch.arrays.items()}
        is_example = batch.example_index[0] != FILLER
        found.append(engine.predict(arrays)["vectors"][is_example])
    return np.concatenate(found)
