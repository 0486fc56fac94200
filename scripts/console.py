"""How a script meets its user: plain log lines, and errors as sentences."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Sequence

from absl import app
from absl import logging as absl_logging

from runtime.errors import ToolkitError


def run(main: Callable[[Sequence[str]], None]) -> None:
    """Parses flags, runs `main` and exits: 0, or 1 after an error in one sentence.

    Args:
        main: Called with what is left of the command line.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # before tensorflow loads

    def guarded(argv: Sequence[str]) -> int:
        _log_plainly()
        try:
            main(argv)
        except ToolkitError as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
        return 0

    app.run(guarded)


def _log_plainly() -> None:
    absl_logging.use_absl_handler()
    absl_logging.set_verbosity(absl_logging.INFO)
    absl_logging.get_absl_handler().setFormatter(logging.Formatter("%(message)s"))
