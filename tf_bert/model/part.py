"""What every layer of BERT has in common."""

from __future__ import annotations

from typing import Any

import keras

from runtime.kernels.dropout import Dropout
from tf_bert.model.config import BertConfig


def initializer(config: BertConfig) -> keras.initializers.Initializer:
    """How kernels and tables start: truncated normal."""
    return keras.initializers.TruncatedNormal(stddev=config.initializer_range)


class Part(keras.layers.Layer):
    """A layer whose children compute in its own precision."""

    def __init__(self, config: BertConfig, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.config = config

    def make_dense(self, units: int, *, name: str, activation: Any = None) -> Any:
        """A `keras.layers.Dense` that starts as the configuration says."""
        return keras.layers.Dense(
            units,
            activation=activation,
            kernel_initializer=initializer(self.config),
            dtype=self.dtype_policy,
            name=name,
        )

    def make_dropout(self, rate: float) -> Dropout:
        """A Dropout layer."""
        return Dropout(rate, dtype=self.dtype_policy)

    def make_part(self, kind: type[Part], name: str) -> Any:
        """Another part of the same BERT."""
        return kind(self.config, dtype=self.dtype_policy, name=name)
