"""Rows of a table, and embedding lookups whose gradient is also measured row by row.

What an engine's device is slow at, it may take in another way: see `taken_by`.

google-research/bert clips by a global norm in which the word embedding's gradient
counts as the rows that were looked up, before rows of the same word are added up
(TensorFlow 1 kept them apart as IndexedSlices). To clip alike on any backend, a lookup
passes its rows through an identity whose gradient also reports their sum of squares.
"""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

from keras import ops

from runtime.scoped import scoped


def take(table: Any, ids: Any) -> Any:
    """Takes rows of a table.

    Args:
        table: Variable or tensor `[entries, ...]`.
        ids: int32, any shape.

    Returns:
        `[*ids.shape, ...]`.
    """
    return _taken_by.get()(table, ids)


def plain(table: Any, ids: Any) -> Any:
    """The rows by the backend's own operation; see `take`."""
    return ops.take(table, ids, axis=0)


def taken_by(take: Callable[[Any, Any], Any]) -> AbstractContextManager[object]:
    """Does every `take` inside by another function of table and ids.

    Returns:
        A context manager.
    """
    return scoped(_taken_by, take)


_taken_by: contextvars.ContextVar[Callable[[Any, Any], Any]] = contextvars.ContextVar(
    "rows_taken_by", default=plain
)


class Measurement:
    """The lookups made while it is open.

    Args:
        probe: float32 scalar whose gradient becomes the sum of the squared gradients of
            all rows looked up.

    Attributes:
        tables: Ids of the looked-up variables.
    """

    def __init__(self, probe: Any) -> None:
        self.probe = probe
        self.tables: set[int] = set()


_open: contextvars.ContextVar[Measurement | None] = contextvars.ContextVar(
    "lookup_measurement", default=None
)


@contextlib.contextmanager
def measure(probe: Any) -> Iterator[Measurement]:
    """Measures every `lookup` called inside.

    Args:
        probe: float32 scalar tensor; see `Measurement`.

    Yields:
        The measurement, which fills as lookups are called.
    """
    measurement = Measurement(probe)
    with scoped(_open, measurement):
        yield measurement


def unmeasured() -> AbstractContextManager[object]:
    """Measures no `lookup` called inside.

    For a table that is a decoder, too: TensorFlow 1 added the gradients of both uses
    up, and there was but one to measure.

    Returns:
        A context manager.
    """
    return scoped(_open, None)


def lookup(table: Any, ids: Any) -> Any:
    """Takes rows of an embedding, and measures them where a measurement is open.

    Args:
        table: Variable `[entries, size]`.
        ids: int32, any shape.

    Returns:
        `[*ids.shape, size]`.
    """
    rows = take(table, ids)
    measurement = _open.get()
    if measurement is None:
        return rows
    measurement.tables.add(id(table))
    return _measured(rows, measurement.probe)


@ops.custom_gradient
def _measured(rows: Any, probe: Any) -> Any:
    def gradient(upstream: Any) -> tuple[Any, Any]:
        squares = ops.sum(ops.square(ops.cast(upstream, "float32")))
        return upstream, ops.reshape(squares, ops.shape(probe))

    return rows, gradient
