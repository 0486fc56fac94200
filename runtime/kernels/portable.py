"""Graphs for programs that know fewer operations than TensorFlow.

What is written by hand for speed, or has a gradient of its own, may use what converters
to other formats do not know. While `graphs` is open it is to be left out.
"""

from __future__ import annotations

import contextvars
from contextlib import AbstractContextManager

from runtime.scoped import scoped

_open: contextvars.ContextVar[bool] = contextvars.ContextVar(
    "portable_graphs", default=False
)


def graphs() -> AbstractContextManager[bool]:
    """Makes what is traced inside portable; nobody takes its gradient.

    Returns:
        A context manager.
    """
    return scoped(_open, True)


def is_asked() -> bool:
    """Whether `graphs` is open."""
    return _open.get()
