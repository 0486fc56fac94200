"""How a script meets its user: plain log lines, and errors as sentences."""

from __future__ import annotations

import functools
import logging
import os
import sys
from collections.abc import Callable, Sequence

from absl import app
from absl import logging as absl_logging

from runtime.errors import RunStoppedError, ToolkitError
from runtime.training import stop_request
from scripts import command_line, recipes


def run(
    main: Callable[[Sequence[str]], int | None],
    *,
    define_flags: Callable[[], None] = lambda: None,
    words: Sequence[str] = (),
) -> None:
    """Parses flags, runs `main` and exits: 0, or 1 after an error in one sentence.

    A run that was asked to stop exits with 75: the same command goes on. `--help` needs
    nothing but the flags.

    Args:
        main: Called with the program, and its words; may return an exit code.
        define_flags: Called before the flags are parsed.
        words: What the words beside the flags are; see `command_line.parse`.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # before tensorflow loads

    def guarded(argv: Sequence[str]) -> int:
        _log_plainly()
        return _exit_code(lambda: main(argv))

    arguments: list[str] = []

    def prepare() -> None:
        define_flags()
        arguments.extend(recipes.expand(sys.argv))

    if failure := _exit_code(prepare):
        sys.exit(failure)
    parse = functools.partial(_parse, words=words)
    app.run(guarded, argv=arguments, flags_parser=parse)


def _parse(argv: list[str], *, words: Sequence[str]) -> list[str]:
    if command_line.show_help(argv):
        sys.exit(0)
    program: list[str] = []
    if failure := _exit_code(
        lambda: program.extend(command_line.parse(argv, names=words))
    ):
        sys.exit(failure)
    return program


def _exit_code(work: Callable[[], int | None]) -> int:
    try:
        with stop_request.of_command():
            return work() or 0
    except RunStoppedError as stopped:
        print(stopped, file=sys.stderr)
        return stopped.EXIT_CODE
    except ToolkitError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.EXIT_CODE


def _log_plainly() -> None:
    absl_logging.use_absl_handler()
    absl_logging.set_verbosity(absl_logging.INFO)
    absl_logging.get_absl_handler().setFormatter(logging.Formatter("%(message)s"))
