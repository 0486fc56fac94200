"""A command line, read as a whole: all that is wrong with it is said, in sentences.

What is right means what it means to absl, whose flags these are.
"""

from __future__ import annotations

import collections
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from absl import app, flags

from runtime.errors import SettingsError
from scripts import flag_definitions, other_names

_HELP = {"help", "helpshort", "h", "?"}
_FULL_HELP = "helpfull"
_TRUTHS = {
    **dict.fromkeys(("true", "t", "1", "yes", "y", "on"), True),
    **dict.fromkeys(("false", "f", "0", "no", "n", "off"), False),
}
_EXPECTED = {"int": "expected a whole number", "float": "expected a number"}
_EXPECTED["bool"] = "expected true or false"
# What word processors and web pages make of a hyphen, and what Japanese input gives.
_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u30fc\uff0d"


def parse(argv: Sequence[str], *, names: Sequence[str] = ()) -> list[str]:
    """Reads the flags that are defined, for `absl.app.run`.

    Args:
        argv: The program and its words.
        names: What words may stand beside the flags, in order; those that need not be
            given in brackets.

    Returns:
        The program, and those words.

    Raises:
        SettingsError: A word belongs to no flag, there is no such flag, or a value is
            of another kind; all of these in one error.
    """
    try:
        words = flags.FLAGS.read_flags_from_files(list(argv[1:]))
        reading = _Reading(words, names=names)
        if problems := list(reading.problems()):
            raise SettingsError(*problems, "--help lists the flags.")
        found: list[str] = flags.FLAGS([argv[0], *words])
    except flags.Error as error:
        raise SettingsError(str(error).removeprefix("ERROR:: ")) from error
    return found


def show_help(argv: Sequence[str]) -> bool:
    """Prints the flags of the script, if the command line asks for them.

    Args:
        argv: The program and its words.

    Returns:
        Whether it does.
    """
    names = {word.lstrip("-") for word in argv[1:] if word.startswith("-")}
    if _FULL_HELP in names:
        app.usage(writeto_stdout=True)
    elif names & _HELP:
        _show_own_flags()
    return bool(names & {*_HELP, _FULL_HELP})


def _show_own_flags() -> None:
    print((sys.modules["__main__"].__doc__ or "").strip())
    for heading in flag_definitions.by_heading():
        print(flags.FLAGS.module_help(heading))
    print("\n--helpfull lists those of absl, too, such as --flagfile=FILE.")


def peek(argv: Sequence[str], **defaults: str | None) -> dict[str, str | None]:
    """The values of some flags, which decide what other flags there are.

    Args:
        argv: The program and its words.
        defaults: Name of a flag -> its value where it is not given.

    Raises:
        SettingsError: A value is missing.
    """
    early = flags.FlagValues()  # type: ignore[no-untyped-call]
    for name, default in defaults.items():
        flags.DEFINE_string(name, default, "", flag_values=early)
    try:
        early(list(argv), known_only=True)
    except flags.Error as error:
        raise SettingsError(str(error)) from error
    return {name: early[name].value for name in defaults}


class _Reading:
    """One way through the words of a command line.

    Args:
        words: What follows the program.
        names: As for `parse`.
    """

    def __init__(self, words: Sequence[str], *, names: Sequence[str]) -> None:
        self._rest = collections.deque(words)
        self._named = collections.deque(names)
        self._before = ""
        self._tolerated = {
            name
            for word in words
            if word.startswith("--undefok=")
            for name in word.partition("=")[2].split(",")
        }

    def problems(self) -> Iterator[str]:
        """A sentence for each word that cannot be meant so."""
        while self._rest:
            word = self._rest.popleft()
            if word.startswith("-") and len(word) > 1 and word != "--":
                yield from self._flag(word)
                self._before = word
            elif self._named:
                self._named.popleft()
            else:
                yield self._leftover([word, *self._further_words()])
        for name in self._named:
            if not name.startswith("["):
                yield f"{name} is missing: name it beside the flags."

    def _flag(self, word: str) -> Iterator[str]:
        """Takes a flag, and the next word where that is its value."""
        name, equals, value = word[2 if word.startswith("--") else 1 :].partition("=")
        flag = _find(name)
        if flag is None and name not in {"flagfile", "undefok"}:
            if not equals and self._rest and not self._rest[0].startswith("-"):
                self._rest.popleft()  # its value, most likely
            if name not in self._tolerated:
                yield _unknown(name)
        elif flag is not None and flag.boolean:
            if equals:
                yield from _wrong_value(flag, name, value)
        elif equals or (self._rest and not _is_known_flag(self._rest[0])):
            value = value if equals else self._rest.popleft()
            if flag is not None:
                yield from _wrong_value(flag, name, value)
        else:
            yield f"--{name}: its value is missing. Write --{name}=VALUE."

    def _further_words(self) -> list[str]:
        """Takes the words up to the next flag."""
        found = []
        while self._rest and not self._rest[0].startswith("-"):
            found.append(self._rest.popleft())
        return found

    def _leftover(self, words: Sequence[str]) -> str:
        shown = " ".join(words)
        return f"{shown}: no flag takes this. {self._advice(words)}"

    def _advice(self, words: Sequence[str]) -> str:
        first = words[0]
        name = first.lstrip(_DASHES).partition("=")[0]
        if first[0] in _DASHES:
            return f"Its dash is none of the keyboard's: write --{name}."
        if name in _own_names():
            return f"A flag begins with two hyphens: write --{first}."
        before, _, value = self._before.lstrip("-").partition("=")
        flag = _find(before)
        if flag is None:
            return "A value follows its flag, as in --output_dir=VALUE."
        if flag.boolean and first.lower() in _TRUTHS:
            is_on = _TRUTHS[first.lower()]
            return f"Write --{before}={is_on} or --{'' if is_on else 'no'}{before}."
        if isinstance(flag.parser, flags.ListParser):
            return f"Several values have commas between: --{before}=ONE,OTHER."
        return f'A value with spaces stands in quotes: --{before}="{value} {first}".'


def _find(name: str) -> flags.Flag[Any] | None:
    if name in flags.FLAGS:
        return flags.FLAGS[name]
    plain = name.removeprefix("no")
    if plain != name and plain in flags.FLAGS and flags.FLAGS[plain].boolean:
        return flags.FLAGS[plain]
    return None


def _is_known_flag(word: str) -> bool:
    return word.startswith("--") and _find(word[2:].partition("=")[0]) is not None


def _wrong_value(flag: flags.Flag[Any], name: str, value: str) -> Iterator[str]:
    try:
        flag.parser.parse(value)
    except (TypeError, ValueError) as error:
        wanted = _EXPECTED.get(flag.parser.flag_type(), str(error))
        yield f"--{name}={value}: {wanted}."


def _unknown(name: str) -> str:
    advice = other_names.advice(name, known=_own_names())
    return f"There is no flag --{name}. {advice}".rstrip()


def _own_names() -> set[str]:
    """The flags of the script, those of absl left out; switches also with `no`."""
    own = [flag for found in flag_definitions.by_heading().values() for flag in found]
    negated = {f"no{flag.name}" for flag in own if flag.boolean}
    return {flag.name for flag in own} | negated
