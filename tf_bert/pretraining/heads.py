"""What stands on BERT in pre-training: masked tokens, and how two segments relate.

Source: google-research/bert, run_pretraining.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from runtime.engine.objectives import cross_entropy
from runtime.kernels import lookup, next_token
from tf_bert.model.config import BertConfig
from tf_bert.model.masked_tokens import MaskedTokens
from tf_bert.model.modeling import TOKEN_INPUTS, Bert, tokens_at
from tf_bert.model.part import Part, initializer

_RELATIONS = 2
_BEST = 5  # predictions of a masked token that evaluation returns


class BertPretrainer(keras.Model):
    """BERT with a tied decoder on masked tokens and, maybe, a head on the pooled one.

    Args:
        config: The encoder's sizes.
        relates_segments: Whether there is that head. Without it the pooler is not
            trained either.
        dtype: Keras dtype policy.
    """

    def __init__(
        self, config: BertConfig, *, relates_segments: bool, dtype: str = "float32"
    ) -> None:
        super().__init__(name="pretraining", dtype=dtype)
        self.relates_segments = relates_segments
        self.bert = Bert(config, name="bert", dtype=dtype)
        kind = FullHeads if relates_segments else Heads
        self.heads = kind(config, name="cls", dtype=dtype)

    def build_variables(self) -> None:
        """Creates every variable by a call on the shape of two tokens."""
        two = keras.KerasTensor((1, 2), dtype="int32")
        one = keras.KerasTensor((1,), dtype="int32")
        places = dict.fromkeys(("first_positions", "masked_positions"), one)
        self({**dict.fromkeys(TOKEN_INPUTS, two), **places})
        self.bert.pooler.trainable = self.relates_segments

    def call(self, inputs: Mapping[str, Any], training: bool = False) -> dict[str, Any]:
        """Predicts masked tokens and relations.

        Args:
            inputs: As for `states`.
            training: Whether dropout is on.

        Returns:
            masked_logits: float32 `[predictions, vocabulary]`; and where segments are
                related
            relation_logits: float32 `[examples, 2]`.
        """
        states, relations = self.states(inputs, training=training)
        found = {"masked_logits": self.logits(states)}
        return found | ({"relation_logits": relations} if relations is not None else {})

    def states(self, inputs: Mapping[str, Any], *, training: bool) -> tuple[Any, Any]:
        """What the decoder reads, and how segments relate.

        Args:
            inputs: As for `Bert.call`, and `masked_positions` int32 `[predictions]`,
                flat positions of the masked tokens.
            training: Whether dropout is on.

        Returns:
            `[predictions, hidden]`, and float32 logits `[examples, 2]` or None.
        """
        with lookup.unmeasured():  # the embedding is the decoder, too
            encoded = self.bert(inputs, training=training)
        masked = tokens_at(encoded["sequence_output"], inputs["masked_positions"])
        return self.heads(masked, encoded["pooled_output"])

    def decoder(self) -> tuple[Any, Any]:
        """The decoder's kernel `[hidden, vocabulary]` and bias `[vocabulary]`."""
        table = ops.convert_to_tensor(self.bert.embeddings.word_embeddings)
        bias = ops.convert_to_tensor(self.heads.predictions.output_bias)
        return ops.transpose(ops.cast(table, self.compute_dtype)), bias

    def logits(self, states: Any) -> Any:
        """Scores of every token, float32 `[predictions, vocabulary]`."""
        kernel, bias = self.decoder()
        return ops.cast(ops.matmul(states, kernel), "float32") + bias


class Heads(Part):
    """What the decoder reads of masked tokens."""

    def __init__(self, config: BertConfig, **kwargs: Any) -> None:
        super().__init__(config, **kwargs)
        self.predictions = self.make_part(MaskedTokens, "predictions")

    def call(self, masked: Any, pooled: Any) -> tuple[Any, Any]:
        """Maps masked tokens `[predictions, hidden]`; see `BertPretrainer.states`."""
        del pooled
        return self.predictions(masked), None


class FullHeads(Heads):
    """That, and how segments relate."""

    def __init__(self, config: BertConfig, **kwargs: Any) -> None:
        super().__init__(config, **kwargs)
        self.relation = self.make_part(Relation, "seq_relationship")

    def call(self, masked: Any, pooled: Any) -> tuple[Any, Any]:
        """See base class; `pooled` is `[examples, hidden]`."""
        return self.predictions(masked), self.relation(pooled)


class Relation(Part):
    """Whether the second segment follows the first: 0, or not: 1."""

    def build(self, _: Any) -> None:
        """Creates weights `[2, hidden]` and bias `[2]`."""
        self.output_weights = self.add_weight(
            shape=(_RELATIONS, self.config.hidden_size),
            initializer=initializer(self.config),
            autocast=False,
            name="output_weights",
        )
        self.output_bias = self.add_weight(
            shape=(_RELATIONS,), initializer="zeros", autocast=False, name="output_bias"
        )

    def call(self, pooled: Any) -> Any:
        """Maps `[examples, hidden]` to float32 logits `[examples, 2]`."""
        pooled = ops.cast(pooled, "float32")
        return ops.matmul(pooled, ops.transpose(self.output_weights)) + self.output_bias


class PretrainingObjective:
    """Cross-entropy of masked tokens, plus that of the relation of segments.

    The blocks hold `masked_ids` int32 and `masked_weight` float32, `[predictions]`; and
    `label_ids` int32 and `loss_weight` float32, `[examples]`.
    """

    def loss(self, model: BertPretrainer, block: Mapping[str, Any]) -> Any:
        """The slice's weighted loss; see `runtime.engine.engine.Objective`."""
        states, relations = model.states(block, training=True)
        kernel, bias = model.decoder()
        masked = next_token.loss(
            states, kernel, bias, block["masked_ids"], block["masked_weight"]
        )
        if relations is None:
            return masked
        losses = cross_entropy(relations, block["label_ids"])
        return masked + ops.sum(losses * block["loss_weight"])

    def outputs(
        self, model: BertPretrainer, block: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Losses and what is predicted; meaningless for filler.

        Returns:
            masked_losses: float32 `[predictions]`.
            best_ids: int32 `[predictions, 5]`, the most probable tokens.
            best_probabilities: float32 `[predictions, 5]`.
            relation_losses, related: float32 and int32 `[examples]`, where segments are
                related.
        """
        found = model(block, training=False)
        logits = found["masked_logits"]
        total = ops.logsumexp(logits, axis=-1, keepdims=True)
        best, best_ids = ops.top_k(logits, k=min(_BEST, logits.shape[-1]))
        target = ops.take_along_axis(logits, block["masked_ids"][:, None], axis=-1)
        outputs = {
            "masked_losses": (total - target)[:, 0],
            "best_ids": ops.cast(best_ids, "int32"),
            "best_probabilities": ops.exp(best - total),
        }
        if not model.relates_segments:
            return outputs
        relations = found["relation_logits"]
        return outputs | {
            "relation_losses": cross_entropy(relations, block["label_ids"]),
            "related": ops.cast(ops.argmax(relations, axis=-1), "int32"),
        }


def build_pretrainer(
    config: BertConfig, *, relates_segments: bool, dtype: str
) -> BertPretrainer:
    """A model with all its variables, with random weights.

    Args:
        config: The encoder's sizes.
        relates_segments: Whether it has a head on the pooled output.
        dtype: Keras dtype policy.
    """
    model = BertPretrainer(config, relates_segments=relates_segments, dtype=dtype)
    model.build_variables()
    return model
