"""From the word of a command line to the value of a flag."""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping
from typing import Any

from absl import flags

from runtime import storage
from runtime.errors import StorageError


class ChoiceParser(flags.ArgumentParser[enum.Enum]):
    """Parses the value of an enum's member.

    Args:
        choices: Value -> member.
    """

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


class ValueSerializer(flags.ArgumentSerializer[Any]):
    """Says a value as a command line would; for --help."""

    def serialize(self, value: Any) -> str:
        """Returns the text of a value, of an enum's member that of the flag."""
        return str(value.value if isinstance(value, enum.Enum) else value)


class NumberParser(flags.FloatParser):
    """Parses a number; `nan` and `inf`, which no setting can mean, are none."""

    def convert(self, argument: Any) -> float:
        """Returns the number.

        Raises:
            ValueError: It is none.
        """
        value = super().convert(argument)
        if not math.isfinite(value):
            raise ValueError("expected a number")
        return value


class PathParser(flags.ArgumentParser[str]):
    """Parses a path: bash knows no `~` in `--flag=~/x`, so it is known here."""

    syntactic_help = "a path"

    def parse(self, argument: Any) -> str:
        """Returns the path with the home folder in place of `~` or `~user`.

        Raises:
            ValueError: There is no such user.
        """
        return _expanded(argument)

    def flag_type(self) -> str:
        """Name of the type, for --help."""
        return "path"


class PathListParser(flags.ListParser):
    """Parses paths with commas between."""

    syntactic_help = "paths with commas between"

    def parse(self, argument: Any) -> list[str]:
        """Returns the paths, each as `PathParser` does.

        Raises:
            ValueError: There is no such user.
        """
        return list(map(_expanded, super().parse(argument)))


def _expanded(path: str) -> str:
    try:
        return storage.expand_user(path)
    except StorageError as error:
        raise ValueError(str(error)) from error
