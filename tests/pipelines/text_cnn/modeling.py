"""A convolutional classifier. Source: Kim 2014, https://arxiv.org/abs/1408.5882."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
from keras import layers, ops

from runtime.kernels.dropout import Dropout

_WIDTHS = (3, 4, 5)
_SIZE = 64


class TextCnn(keras.Model):
    """Embedding, convolutions of three widths, their maxima, a logistic head.

    Each layer has a name, which checkpoints know it by: Keras' own count the models
    that a process has made.
    """

    def __init__(
        self, *, vocab_size: int, filters: int, num_labels: int, dtype: str
    ) -> None:
        super().__init__(name="text_cnn", dtype=dtype)
        self.embedding = layers.Embedding(
            vocab_size, _SIZE, dtype=dtype, name="embedding"
        )
        self.convolutions = [
            layers.Conv1D(filters, width, padding="same", dtype=dtype, name=f"w{width}")
            for width in _WIDTHS
        ]
        self.dropout = Dropout(0.5, dtype=dtype)
        self.head = layers.Dense(num_labels, dtype="float32", name="head")

    def call(self, inputs: Mapping[str, Any], training: bool = False) -> Any:
        """Classifies texts, one a row: float32 logits `[examples, num_labels]`."""
        is_token = ops.expand_dims(inputs["example_ids"] > 0, -1)
        states = self.embedding(inputs["input_ids"])
        states = ops.where(is_token, states, 0.0)
        maxima = [
            ops.max(ops.where(is_token, ops.relu(layer(states)), 0.0), axis=1)
            for layer in self.convolutions
        ]
        return self.head(self.dropout(ops.concatenate(maxima, -1), training=training))


def build_cnn(**sizes: Any) -> TextCnn:
    """A text CNN with all its variables, with random weights."""
    model = TextCnn(**sizes)
    row = keras.KerasTensor((1, max(_WIDTHS)), dtype="int32")
    model({"input_ids": row, "example_ids": row})
    return model
