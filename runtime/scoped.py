"""What holds for all that is called within a `with` block."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from typing import TypeVar

_Value = TypeVar("_Value")


@contextlib.contextmanager
def scoped(variable: ContextVar[_Value], value: _Value) -> Iterator[_Value]:
    """Gives a context variable a value within the block.

    Args:
        variable: To be set, and reset at the end.
        value: What it is set to.

    Yields:
        The value.
    """
    token = variable.set(value)
    try:
        yield value
    finally:
        variable.reset(token)
