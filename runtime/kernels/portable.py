"""Graphs for programs that know fewer operations than TensorFlow.

What is written by hand for speed, or has a gradient of its own, may use what converters
to other formats do not know. While `graphs` is open it is to be left out.
"""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Iterator

_open: contextvars.ContextVar[bool] = contextvars.ContextVar(
    "portable_graphs", default=False
)


@contextlib.contextmanager
def graphs() -> Iterator[None]:
    """Makes what is traced inside portable; nobody takes its gradient.

    Yields:
        Nothing.
    """
    token = _open.set(True)
    try:
        yield
    finally:
        _open.reset(token)


def is_asked() -> bool:
    """Whether `graphs` is open."""
    return _open.get()
