"""What every layer of BERT has in common."""

from __future__ import annotations

import contextvars
from contextlib import AbstractContextManager
from typing import Any

import keras

from runtime.kernels.dropout import Dropout
from runtime.scoped import scoped
from tf_bert.model.config import BertConfig

_weights_follow: contextvars.ContextVar[bool] = contextvars.ContextVar(
    "weights_follow", default=False
)


def weights_follow() -> AbstractContextManager[bool]:
    """What is made inside starts as zeros: random numbers take a second for nothing.

    Returns:
        A context manager.
    """
    return scoped(_weights_follow, True)


def initializer(config: BertConfig) -> keras.initializers.Initializer:
    """How kernels and tables start: truncated normal, or zeros in `weights_follow`."""
    if _weights_follow.get():
        return keras.initializers.Zeros()
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
