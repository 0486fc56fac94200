"""A loss beside that of labels: texts that belong together are near each other.

Of each pair of one label the second text is to be nearer to the first, by the cosine of
their vectors, than the second texts of all other pairs of the batch.

Source: MultipleNegativesRankingLoss of sentence-transformers; Henderson et al. 2017,
arXiv:1705.00652.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from keras import ops

from runtime.engine import objectives
from runtime.engine.engine import Objective
from runtime.engine.objectives import HeadObjective, cross_entropy
from runtime.kernels.lookup import take
from tf_bert.pairs.modeling import BiEncoder
from tf_bert.pairs.settings import BiEncoderStepSettings

_SCALE = 20.0
_MASKED = -1e9
_LEAST_NORM = 1e-12


@dataclasses.dataclass(frozen=True, kw_only=True)
class RankedObjective:
    """The objective of labels and, weighted, that of ranking.

    Attributes:
        labels: That of labels.
        weight: What the ranking weighs.
        label_id: The label of pairs that belong together.
    """

    labels: HeadObjective
    weight: float
    label_id: int

    def loss(self, model: BiEncoder, block: Mapping[str, Any]) -> Any:
        """See `runtime.engine.engine.Objective`."""
        encoded = model.encode(block, training=True)
        losses = self.labels.training_losses(model.logits(encoded, block), block)
        belong = ops.cast(ops.equal(block["label_ids"], self.label_id), "float32")
        ranked = ranking_losses(
            encoded.vectors, text_a=block["text_a"], text_b=block["text_b"]
        )
        return ops.sum((losses + self.weight * belong * ranked) * block["loss_weight"])

    def outputs(self, model: BiEncoder, block: Mapping[str, Any]) -> dict[str, Any]:
        """See `runtime.engine.engine.Objective`; an evaluation is of labels alone."""
        return self.labels.outputs(model, block)


def objective_of(
    settings: BiEncoderStepSettings, *, labels: Sequence[str]
) -> Objective:
    """What a bi-encoder optimises.

    Args:
        settings: What was asked for.
        labels: The task's, in order of their ids.
    """
    of_labels = objectives.of_targets(
        settings.targets.value, label_smoothing=settings.label_smoothing
    )
    if not settings.ranking_loss:
        return of_labels
    return RankedObjective(
        labels=of_labels,
        weight=settings.ranking_loss,
        label_id=labels.index(str(settings.ranking_label)),
    )


def ranking_losses(vectors: Any, *, text_a: Any, text_b: Any) -> Any:
    """How far each pair's second text is from being the nearest to its first.

    A second text that is the same as a pair's own is none of its rivals.

    Args:
        vectors: Of texts, float32 `[texts, hidden]`.
        text_a: The first texts of pairs, int32 `[pairs]`.
        text_b: The second ones.

    Returns:
        float32 `[pairs]`: cross-entropy of the cosines times 20.
    """
    norms = ops.sqrt(ops.sum(ops.square(vectors), axis=-1, keepdims=True))
    units = vectors / ops.maximum(norms, _LEAST_NORM)
    first, second = take(units, text_a), take(units, text_b)
    scores = _SCALE * ops.matmul(first, ops.transpose(second))
    places = ops.arange(ops.shape(text_b)[0], dtype="int32")
    own = ops.equal(places[:, None], places[None, :])
    rivals = ops.logical_or(ops.not_equal(text_b[:, None], text_b[None, :]), own)
    return cross_entropy(ops.where(rivals, scores, _MASKED), places)
