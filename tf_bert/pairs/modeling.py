"""The bi-encoder: one BERT for both texts of a pair, and a head over what it gives.

Each distinct text of a batch is a packed example of its own; see
`processors.batches.texts_apart` for the arrays that say which texts a pair is of.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import keras
from keras import ops

from runtime.kernels.lookup import take
from tf_bert.classifier.trained_part import TrainedPart
from tf_bert.model.config import BertConfig
from tf_bert.model.modeling import TOKEN_INPUTS, Bert, mean_of, token_vectors
from tf_bert.pairs.heads import PREFIX, Attend, PairHead, Side
from tf_bert.pairs.settings import TextPooling

_HEAD_STDDEV = 0.02


class EncodedBatch(NamedTuple):
    """The texts of a batch, encoded.

    Attributes:
        vectors: float32 `[texts, hidden]`.
        tokens: float32 `[texts, tokens, hidden]`, 0 where there is no token; None where
            they were not kept.
        mask: int32 `[texts, tokens]`, 1 for a token.
    """

    vectors: Any
    tokens: Any
    mask: Any


class BiEncoder(keras.Model):
    """A BERT, a combination of two texts, a linear output layer.

    Args:
        config: The encoder's sizes.
        head: How two texts are combined.
        pooling: What the vector of a text is.
        num_labels: Outputs.
        dtype: Keras dtype policy of the encoder; the head computes in float32.
    """

    def __init__(
        self,
        config: BertConfig,
        *,
        head: PairHead,
        pooling: TextPooling,
        num_labels: int,
        dtype: str = "float32",
    ) -> None:
        super().__init__(name="bi_encoder", dtype=dtype)
        self._head = head
        self._pooling = pooling
        self._width = config.hidden_size
        self.bert = Bert(config, name="bert", dtype=dtype)
        shapes = {
            **head.shapes(config.hidden_size),
            "output_weights": (num_labels, head.output_size(config.hidden_size)),
            "output_bias": (num_labels,),
        }
        self.head_weights = {name: self._weight(name, s) for name, s in shapes.items()}

    def _weight(self, name: str, shape: tuple[int, ...]) -> Any:
        start: Any = keras.initializers.TruncatedNormal(stddev=_HEAD_STDDEV)
        return self.add_weight(
            shape=shape,
            initializer="zeros" if name.endswith("bias") else start,
            autocast=False,
            name=PREFIX + name,
        )

    def build_variables(self) -> None:
        """Creates every variable by a call on the shapes of one pair."""
        grid = keras.KerasTensor((2, 2), dtype="int32")
        texts = keras.KerasTensor((2,), dtype="int32")
        pair = keras.KerasTensor((1,), dtype="int32")
        self(
            {
                **dict.fromkeys((*TOKEN_INPUTS, "token_mask"), grid),
                "first_positions": texts,
                **dict.fromkeys(("text_a", "text_b"), pair),
            }
        )
        # Nothing reads it, and a decay of weights would wear it away.
        self.bert.pooler.trainable = self._pooling is TextPooling.POOLED

    def encode(self, inputs: Mapping[str, Any], training: bool = False) -> EncodedBatch:
        """Encodes each text of a batch.

        Args:
            inputs: As for `Bert.call`, and `token_mask [texts, tokens]`. Where texts
                were encoded before `text_vectors` and `text_tokens` are what they came
                to, as in `EncodedBatch`.
            training: Whether dropout is on.
        """
        mask = inputs["token_mask"]
        if "text_vectors" in inputs:
            # TensorFlow traces steps without the width, which heads scale by.
            vectors = ops.reshape(inputs["text_vectors"], (-1, self._width))
            return EncodedBatch(vectors, inputs.get("text_tokens"), mask)
        # A frozen encoder gives the vectors that a cache of it would.
        found = self.bert(inputs, training=training and self.bert.trainable)
        tokens = token_vectors(
            found["sequence_output"], inputs["first_positions"], mask=mask
        )
        vectors = {
            TextPooling.MEAN: lambda: mean_of(tokens, mask),
            TextPooling.CLS: lambda: tokens[:, 0],
            TextPooling.POOLED: lambda: ops.cast(found["pooled_output"], "float32"),
        }[self._pooling]()
        return EncodedBatch(vectors, tokens, mask)

    def logits(self, encoded: EncodedBatch, inputs: Mapping[str, Any]) -> Any:
        """Classifies pairs of encoded texts; see `call`."""
        weights = self.head_weights
        if self._head.attend is Attend.TOKENS:
            sides: Side = self._head.of_tokens(*encoded, weights=weights, ops=ops)
        else:
            sides = self._head.of_vectors(encoded.vectors, weights=weights, ops=ops)
        combined = self._head.combined(
            sides.take(inputs["text_a"], rows=take),
            sides.take(inputs["text_b"], rows=take),
            weights=weights,
            ops=ops,
        )
        output = ops.transpose(weights["output_weights"])
        return ops.matmul(combined, output) + weights["output_bias"]

    def call(self, inputs: Mapping[str, Any], training: bool = False) -> Any:
        """Classifies pairs.

        Args:
            inputs: As for `encode`, and `text_a` and `text_b`, int32 `[pairs]`: which
                texts a pair is of.
            training: Whether dropout is on.

        Returns:
            float32 logits `[pairs, num_labels]`.
        """
        return self.logits(self.encode(inputs, training=training), inputs)


def build_bi_encoder(
    config: BertConfig,
    *,
    head: PairHead,
    pooling: TextPooling,
    num_labels: int,
    trained_part: TrainedPart,
    dtype: str,
) -> BiEncoder:
    """A bi-encoder with all its variables, with random weights.

    Args:
        config: The encoder's sizes.
        head: How two texts are combined.
        pooling: What the vector of a text is.
        num_labels: Outputs.
        trained_part: What of it is trained.
        dtype: Keras dtype policy.
    """
    model = BiEncoder(
        config, head=head, pooling=pooling, num_labels=num_labels, dtype=dtype
    )
    model.build_variables()
    if trained_part.is_head_alone:
        model.bert.trainable = False
    trained_part.freeze(model)
    return model
