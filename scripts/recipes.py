"""Recipes that come with the toolkit: `--flagfile=recipes:NAME`, wherever one is."""

from __future__ import annotations

from collections.abc import Sequence

from runtime import storage
from runtime.errors import SettingsError

PREFIX = "recipes:"
"""What the name of a recipe of the toolkit begins with."""

_ROOT = storage.dirname(storage.dirname(__file__))
_FOLDER = storage.join(_ROOT, "recipes")
_ENDING = ".flags"
# What recipes name, relative to the root.
_SHIPPED = ("processors/data/", "recipes/")


def expand(arguments: Sequence[str]) -> list[str]:
    """Puts the flags of each shipped recipe in its place.

    Args:
        arguments: The program and its arguments.

    Returns:
        The same with the recipes' own flags, whose files are found from anywhere.

    Raises:
        SettingsError: There is no such recipe.
    """
    found: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        if argument == "--":  # no flags from here on
            return [*found, argument, *rest]
        flag, equals, value = argument.partition("=")
        if flag.lstrip("-") != "flagfile" or not flag.startswith("-"):
            found.append(argument)
            continue
        name = value if equals else next(rest, "")
        is_ours = name.startswith(PREFIX)
        found += _flags(name) if is_ours else [f"--flagfile={name}"]
    return found


def _flags(name: str) -> list[str]:
    recipe = name.removeprefix(PREFIX).removesuffix(_ENDING)
    path = storage.join(_FOLDER, recipe + _ENDING)
    names = [each for each in storage.list_dir(_FOLDER) if each.endswith(_ENDING)]
    if storage.basename(path) not in names or storage.dirname(path) != _FOLDER:
        known = ", ".join(PREFIX + each.removesuffix(_ENDING) for each in names)
        raise SettingsError(f"--flagfile={name}: expected one of {known}, or a file.")
    lines = map(str.strip, storage.read_text(path).splitlines())
    return [_located(line) for line in lines if line and not line.startswith("#")]


def _located(line: str) -> str:
    flag, equals, value = line.partition("=")
    if value.startswith(_SHIPPED):
        value = storage.join(_ROOT, value)
    return f"{flag}{equals}{value}"
