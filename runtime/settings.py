"""How a settings dataclass declares a field that is also a command-line flag."""

from __future__ import annotations

import dataclasses
from typing import Any


def setting(default: Any, *, help: str) -> Any:  # noqa: A002 - absl's word
    """A dataclass field with a default and the help of its flag.

    Args:
        default: Value where the flag is not given.
        help: What the flag means, with its unit.

    Returns:
        The field.
    """
    return dataclasses.field(default=default, metadata={"help": help})
