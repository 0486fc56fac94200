"""Command-line flags made of a settings dataclass: one field, one flag."""

from __future__ import annotations

import dataclasses
import enum
import sys
import typing
from collections.abc import Callable, Collection, Mapping
from inspect import get_annotations
from typing import Any, TypeVar

from absl import flags

from runtime.settings import flags_of
from scripts.flag_parsers import (
    ChoiceParser,
    NumberParser,
    PathListParser,
    PathParser,
    ValueSerializer,
)

_RETIRED = "Retired: accepted, and without a meaning"

_Settings = TypeVar("_Settings")


def define(settings: type[Any], *, shared: Collection[str] = ()) -> None:
    """Defines a flag for each field, with its default and its help.

    `--help` lists it under what the class that declares the field says of itself.

    Args:
        settings: A dataclass; see `runtime.settings.flags_of`.
        shared: Those of its flags that are defined already and mean the same.
    """
    types = typing.get_type_hints(settings)
    # What a script says of itself comes first, what it shares with others last.
    for name, field in reversed(flags_of(settings).items()):
        if name in shared:
            continue
        heading = _heading(settings, field.name)
        kind = _without_none(types[field.name])
        if kind is bool:
            _define_switch(
                name, _default(field), field.metadata["help"], heading=heading
            )
        else:
            _define_one(name, field, kind, heading=heading)


def define_retired(
    replacements: Mapping[str, str], *, switches: Collection[str] = ()
) -> None:
    """Defines flags that are accepted and mean nothing any more.

    Args:
        replacements: Flag name to what to use instead.
        switches: Those of them that may stand without a value.
    """
    for name, instead in replacements.items():
        if name in switches:
            _define_switch(name, None, f"Retired. {instead}", heading=_RETIRED)
        else:
            flags.DEFINE_string(name, None, f"Retired. {instead}", module_name=_RETIRED)


def by_heading() -> dict[str, list[flags.Flag[Any]]]:
    """The flags of the script, without those of absl, as `--help` groups them."""
    defined = flags.FLAGS.flags_by_module_dict()
    # absl knows a flag's module by name; ours are defined under headings instead.
    return {name: found for name, found in defined.items() if name not in sys.modules}


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
        fill: Says what flags that were not given are; see `trained_run.fill`.

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


def _heading(settings: type[Any], field: str) -> str:
    """The first sentence of the class that declares a field, for `--help`."""
    above = [each for each in settings.__mro__ if field in get_annotations(each)]
    return (above[-1].__doc__ or "").strip().partition("\n")[0].rstrip(".")


def _define_switch(
    name: str, default: bool | None, help_text: str, *, heading: str
) -> None:
    flags.DEFINE_bool(name, default, help_text, module_name=heading)


def _define_one(
    name: str, field: dataclasses.Field[Any], kind: Any, *, heading: str
) -> None:
    is_list = typing.get_origin(kind) is tuple
    flags.DEFINE(
        _parser(kind, is_path=field.metadata["path"]),
        name,
        list(_default(field)) if is_list else _default(field),
        field.metadata["help"],
        serializer=flags.CsvListSerializer(",") if is_list else ValueSerializer(),
        module_name=heading,
    )


def _default(field: dataclasses.Field[Any]) -> Any:
    return field.default


def _parser(kind: Any, *, is_path: bool) -> flags.ArgumentParser[Any]:
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return ChoiceParser({member.value: member for member in kind})
    if typing.get_origin(kind) is tuple:
        return PathListParser() if is_path else flags.ListParser()
    if is_path:
        return PathParser()
    return _PARSERS[kind]()


def _without_none(kind: Any) -> Any:
    parts = [part for part in typing.get_args(kind) if part is not type(None)]
    is_optional = type(None) in typing.get_args(kind)
    return parts[0] if is_optional else kind


_PARSERS: dict[type, type[flags.ArgumentParser[Any]]] = {
    int: flags.IntegerParser,
    float: NumberParser,
    str: flags.ArgumentParser,
}
