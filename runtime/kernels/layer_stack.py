"""Stacks of equal layers.

A backend that compiles a whole step compiles each layer of a stack anew: minutes for
BERT-base on a TPU. Its engine turns the stack into a loop on the device, whose body is
compiled once; elsewhere the layers are called one after the other.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from runtime.kernels import dropout
from runtime.scoped import scoped

Call = Callable[[Any, Any], Any]
"""`call(layer, hidden)` gives a layer's output, in the shape of `hidden`."""


class LayerScan(Protocol):
    """Runs a stack of at least two equal layers; see `outputs`."""

    def __call__(self, layers: Sequence[Any], hidden: Any, call: Call) -> list[Any]:
        """Returns each layer's output."""


def outputs(layers: Sequence[Any], hidden: Any, call: Call) -> list[Any]:
    """Feeds each layer with the output of the one below.

    Args:
        layers: Built Keras layers with the same weights' shapes.
        hidden: Input of the lowest.
        call: Calls one layer; everything else it uses is the same for all.

    Returns:
        Each layer's output, in the shape of `hidden`.
    """
    looper = _looper.get() if len(layers) > 1 else one_after_the_other
    return looper(layers, hidden, call)


def one_after_the_other(layers: Sequence[Any], hidden: Any, call: Call) -> list[Any]:
    """Calls one layer after the other; see `outputs`."""
    found = []
    for index, layer in enumerate(layers):
        with dropout.part(index):
            hidden = call(layer, hidden)
        found.append(hidden)
    return found


def looped_by(looper: LayerScan) -> AbstractContextManager[object]:
    """Runs every stack inside by `looper`.

    Returns:
        A context manager.
    """
    return scoped(_looper, looper)


_looper: contextvars.ContextVar[LayerScan] = contextvars.ContextVar(
    "layer_looper", default=one_after_the_other
)
