"""How a settings dataclass declares a field that is also a command-line flag."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any


def setting(
    default: Any,
    *,
    help: str,  # noqa: A002 - absl's word
    flag: str | None = None,
    path: bool = False,
) -> Any:
    """A dataclass field with a default and the help of its flag.

    Args:
        default: Value where the flag is not given.
        help: What the flag means, with its unit.
        flag: Its name, if it is not that of the field.
        path: Whether it names files or folders: a command line then knows `~` in it.

    Returns:
        The field.
    """
    metadata = {"help": help, "flag": flag, "path": path}
    return dataclasses.field(default=default, metadata=metadata)


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


def missing(settings: Any, *names: str) -> Iterator[str]:
    """A sentence for each setting that must be given and was not.

    Args:
        settings: A dataclass.
        names: Its fields that must be given.
    """
    for name in names:
        if not getattr(settings, name):
            yield f"--{name} is required."
