"""What every layer of BERT has in common."""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Iterator
from typing import Any

import keras

from runtime.kernels.dropout import Dropout
from tf_bert.model.config import BertConfig

_weights_follow: contextvars.ContextVar[bool] = contextvars.ContextVar(
    "weights_follow", default=False
)


@contextlib.contextmanager
def weights_follow() -> Iterator[None]:
    """What is made inside starts as zeros: random numbers take a second for nothing.

    Yields:
        Nothing.
    """
    token = _weights_follow.set(True)
    try:
        yield
    finally:
        _weights_follow.reset(token)


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
