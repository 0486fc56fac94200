"""How a settings dataclass declares a field that is also a command-line flag."""

from __future__ import annotations

import dataclasses
from typing import Any


def setting(
    default: Any,
    *,
    help: str,  # noqa: A002 - absl's word
    flag: str | None = None,
) -> Any:
    """A dataclass field with a default and the help of its flag.

    Args:
        default: Value where the flag is not given.
        help: What the flag means, with its unit.
        flag: Its name, if it is not that of the field.

    Returns:
        The field.
    """
    return dataclasses.field(default=default, metadata={"help": help, "flag": flag})


def fixed(value: Any) -> Any:
    """A dataclass field that a subclass decides: it is no flag any more."""
    return dataclasses.field(default=value, metadata={})


def flags_of(settings: type[Any]) -> dict[str, dataclasses.Field[Any]]:
    """The fields that are flags, by the name of the flag.

    Args:
        settings: A dataclass whose fields are made by `setting` or `fixed`.
    """
    return {
        field.metadata["flag"] or field.name: field
        for field in dataclasses.fields(settings)
        if "flag" in field.metadata
    }
