"""Command-line flags made of a settings dataclass: one field, one flag."""

from __future__ import annotations

import dataclasses
import enum
import typing
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

from absl import flags

from runtime.settings import flags_of

_Settings = TypeVar("_Settings")


def define(settings: type[Any]) -> None:
    """Defines a flag for each field, with its default and its help.

    Args:
        settings: A dataclass; see `runtime.settings.flags_of`.
    """
    types = typing.get_type_hints(settings)
    for name, field in flags_of(settings).items():
        _define_one(name, field, _without_none(types[field.name]))


def define_retired(
    replacements: Mapping[str, str], *, switches: Collection[str] = ()
) -> None:
    """Defines flags that are accepted and mean nothing any more.

    Args:
        replacements: Flag name to what to use instead.
        switches: Those of them that may stand without a value.
    """
    for name, instead in replacements.items():
        define_one = flags.DEFINE_bool if name in switches else flags.DEFINE_string
        define_one(name, None, f"Retired. {instead}")


def warnings(replacements: Mapping[str, str]) -> list[str]:
    """A line for each retired flag that was given."""
    return [
        f"--{name} has no meaning any more and is ignored. {instead}"
        for name, instead in replacements.items()
        if flags.FLAGS[name].present
    ]


def values(
    settings: type[_Settings], *, fill: Callable[..., Mapping[str, Any]] | None = None
) -> _Settings:
    """The settings that the parsed flags make.

    Args:
        settings: The dataclass that defined them.
        fill: Says what flags that were not given are; see `runtime.trained_run.fill`.

    Raises:
        SettingsError: Values that do not fit; raised by the settings themselves.
    """
    found = {
        field.name: flags.FLAGS[name].value
        for name, field in flags_of(settings).items()
    }
    made: Mapping[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in found.items()
    }
    if fill is not None:
        made = fill(settings, made, given=given(settings).keys())
    return settings(**made)


def given(settings: type[Any]) -> dict[str, str]:
    """The flags of these settings that the command line gave, by name.

    Args:
        settings: The dataclass that defined them.

    Returns:
        Their values as a command line would say them.
    """
    return {
        name: _as_text(flags.FLAGS[name].value)
        for name in flags_of(settings)
        if flags.FLAGS[name].present
    }


def _as_text(value: Any) -> str:
    if isinstance(value, enum.Enum):
        return str(value.value)
    if isinstance(value, list):
        return ",".join(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _define_one(name: str, field: dataclasses.Field[Any], kind: Any) -> None:
    default: Any = field.default
    help_text = field.metadata["help"]
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        choices = {member.value: member for member in kind}
        flags.DEFINE(_ChoiceParser(choices), name, default, help_text)
    elif typing.get_origin(kind) is tuple:
        flags.DEFINE_list(name, list(default), help_text)
    else:
        _DEFINERS[kind](name, default, help_text)


class _ChoiceParser(flags.ArgumentParser[enum.Enum]):
    """Parses the value of an enum's member."""

    def __init__(self, choices: Mapping[str, enum.Enum]) -> None:
        super().__init__()
        self._choices = choices
        self.syntactic_help = f"<{'|'.join(choices)}>"

    def parse(self, argument: Any) -> enum.Enum:
        """Returns the member; absl also passes defaults, already members.

        Raises:
            ValueError: No member has this value; absl adds the flag's name.
        """
        if isinstance(argument, enum.Enum):
            return argument
        if argument not in self._choices:
            raise ValueError(f"expected one of {', '.join(self._choices)}")
        return self._choices[argument]

    def flag_type(self) -> str:
        """Name of the type, for --help."""
        return "string enum"


def _without_none(kind: Any) -> Any:
    parts = [part for part in typing.get_args(kind) if part is not type(None)]
    is_optional = type(None) in typing.get_args(kind)
    return parts[0] if is_optional else kind


_DEFINERS: dict[type, Any] = {
    bool: flags.DEFINE_bool,
    int: flags.DEFINE_integer,
    float: flags.DEFINE_float,
    str: flags.DEFINE_string,
}
