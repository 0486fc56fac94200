"""Attention: plain, or as the one kernel that an engine has for its device."""

from __future__ import annotations

import contextvars
from contextlib import AbstractContextManager
from typing import Any, Protocol

from keras import ops

from runtime.kernels.dropout import Dropout
from runtime.scoped import scoped


class Attention(Protocol):
    """Lets queries attend to keys; see `attend`."""

    def __call__(
        self, query: Any, key: Any, value: Any, *, bias: Any, dropout: Dropout | None
    ) -> Any:
        """Returns the weighted sums of the values."""


def attend(
    query: Any, key: Any, value: Any, *, bias: Any, dropout: Dropout | None = None
) -> Any:
    """Lets queries attend to keys.

    Args:
        query: `[rows, heads, queries, head_size]`, scaled.
        key: `[rows, heads, keys, head_size]`.
        value: The same.
        bias: Added to the scores `[rows, heads, queries, keys]`, in a shape that
            spreads to theirs; no gradient is asked for.
        dropout: Of the probabilities, while training.

    Returns:
        `[rows, heads, queries, head_size]`.
    """
    return _computed_by.get()(query, key, value, bias=bias, dropout=dropout)


def plain(
    query: Any, key: Any, value: Any, *, bias: Any, dropout: Dropout | None
) -> Any:
    """Attention operation by operation, in the dtype of the query; see `attend`."""
    scores = ops.matmul(query, ops.transpose(key, (0, 1, 3, 2))) + bias
    probabilities = ops.softmax(scores)
    if dropout is not None:
        probabilities = dropout(probabilities, training=True)
    return ops.matmul(probabilities, value)


def computed_by(attention: Attention) -> AbstractContextManager[object]:
    """Computes every `attend` inside by `attention`.

    Returns:
        A context manager.
    """
    return scoped(_computed_by, attention)


_computed_by: contextvars.ContextVar[Attention] = contextvars.ContextVar(
    "attention", default=plain
)
