"""Task heads on BERT: plain Keras models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from runtime.kernels.dropout import Dropout
from tf_bert.classifier.trained_part import TrainedPart
from tf_bert.model.config import BertConfig
from tf_bert.model.modeling import TOKEN_INPUTS, Bert

_HEAD_DROPOUT = 0.1
_HEAD_STDDEV = 0.02


class BertClassifier(keras.Model):
    """Pooled output, dropout, logistic head.

    Args:
        config: The encoder's sizes.
        num_labels: Number of classes.
        dtype: Keras dtype policy.

    Source: google-research/bert, run_classifier.py, create_model.
    """

    def __init__(
        self, config: BertConfig, *, num_labels: int, dtype: str = "float32"
    ) -> None:
        super().__init__(name="classifier", dtype=dtype)
        self.num_labels = num_labels
        self.bert = Bert(config, name="bert", dtype=dtype)
        self.dropout = Dropout(_HEAD_DROPOUT, dtype=dtype)
        self.output_weights = self.add_weight(
            shape=(num_labels, config.hidden_size),
            initializer=keras.initializers.TruncatedNormal(stddev=_HEAD_STDDEV),
            autocast=False,
            name="output_weights",
        )
        self.output_bias = self.add_weight(
            shape=(num_labels,),
            initializer="zeros",
            autocast=False,
            name="output_bias",
        )

    def build_variables(self) -> None:
        """Creates every variable by a call on the shape of two tokens."""
        # Symbolic: JAX would compile each operation of a call on numbers by itself.
        two = keras.KerasTensor((1, 2), dtype="int32")
        first = keras.KerasTensor((1,), dtype="int32")
        self({**dict.fromkeys(TOKEN_INPUTS, two), "first_positions": first})

    def call(self, inputs: Mapping[str, Any], training: bool = False) -> Any:
        """Classifies examples.

        Args:
            inputs: As for `Bert.call`.
            training: Whether dropout is on.

        Returns:
            float32 logits `[examples, num_labels]`.
        """
        outputs = self.bert(inputs, training=training, pooled_only=True)
        pooled = outputs["pooled_output"]
        pooled = ops.cast(self.dropout(pooled, training=training), "float32")
        return ops.matmul(pooled, ops.transpose(self.output_weights)) + self.output_bias


def build_classifier(
    config: BertConfig, *, num_labels: int, trained_part: TrainedPart, dtype: str
) -> BertClassifier:
    """A classifier with all its variables, with random weights.

    Args:
        config: The encoder's sizes.
        num_labels: Number of classes.
        trained_part: What of it is trained.
        dtype: Keras dtype policy.
    """
    model = BertClassifier(config, num_labels=num_labels, dtype=dtype)
    model.build_variables()
    trained_part.freeze(model)
    return model
