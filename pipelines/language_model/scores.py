"""How well masked tokens and relations of segments are predicted."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np


class Scores:
    """Adds up the outputs of an evaluation's batches, every example once."""

    def __init__(self) -> None:
        self._masked = _Mean()
        self._masked_right = _Mean()
        self._relations = _Mean()
        self._relations_right = _Mean()
        self._batch_losses = _Mean()

    def add(
        self,
        outputs: Mapping[str, np.ndarray],
        arrays: Mapping[str, np.ndarray],
    ) -> None:
        """Counts a batch.

        Args:
            outputs: What the model says, `[replicas, ...]`.
            arrays: What it was given, `[replicas, ...]`.
        """
        real = arrays["masked_weight"] > 0
        losses = outputs["masked_losses"][real]
        self._masked.add(losses)
        right = outputs["best_ids"][..., 0] == arrays["masked_ids"]
        self._masked_right.add(right[real])
        loss = losses.mean(dtype=np.float64) if losses.size else 0.0
        if "relation_losses" in outputs:
            asked = arrays["loss_weight"] > 0
            relations = outputs["relation_losses"][asked]
            self._relations.add(relations)
            right = outputs["related"] == arrays["label_ids"]
            self._relations_right.add(right[asked])
            loss += relations.mean(dtype=np.float64) if relations.size else 0.0
        self._batch_losses.add(np.array([loss]))

    def results(self) -> dict[str, float]:
        """The means, with google-research/bert's names, and the perplexity."""
        loss = self._masked.value
        found = {
            "loss": self._batch_losses.value,
            "masked_lm_accuracy": self._masked_right.value,
            "masked_lm_loss": loss,
            "masked_lm_perplexity": math.exp(min(loss, 700.0)),
        }
        if self._relations.count:
            found["next_sentence_accuracy"] = self._relations_right.value
            found["next_sentence_loss"] = self._relations.value
        return found


class _Mean:
    """A mean over values that come in parts."""

    def __init__(self) -> None:
        self._total = 0.0
        self.count = 0

    def add(self, values: np.ndarray) -> None:
        self._total += float(values.sum(dtype=np.float64))
        self.count += values.size

    @property
    def value(self) -> float:
        return self._total / max(self.count, 1)
