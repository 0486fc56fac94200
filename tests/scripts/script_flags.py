"""Asks every script for its flags, each in a child of one process.

Run as a program it prints a JSON object: script -> what `--help` left behind. The table
of the flags that are frozen is written by

    python -m tests.scripts.script_flags --table
"""

import contextlib
import importlib
import io
import json
import os
import runpy
import sys

from scripts import flag_definitions
from tests.scripts.conftest import scripts

HEAVY = {"tensorflow", "jax", "keras", "sklearn.linear_model"}


def ask(path, *options):
    """Exit code, output, flags and modules after `path options`."""
    sys.argv = [path, *options]
    output = io.StringIO()
    code = None
    with contextlib.redirect_stdout(output):
        try:
            runpy.run_path(path, run_name="__main__")
        except SystemExit as end:
            code = end.code
    return {
        "code": code,
        "output": output.getvalue(),
        "loaded": sorted(HEAVY & set(sys.modules)),
        "flags": {
            flag.name: {
                "help": flag.help,
                "default": flag.default_as_str,
                "type": type(flag.parser).__name__,
            }
            for found in flag_definitions.by_heading().values()
            for flag in found
        },
    }


def in_child(path, *options):
    """The same, and this process stays as it is."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        with os.fdopen(writing, "w", encoding="utf-8") as file:
            json.dump(ask(path, *options), file)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as file:
        found = json.load(file)
    os.waitpid(child, 0)
    return found


def table(found):
    """The flags of each script and their defaults, a line each."""
    return "".join(
        f"{path} --{name}={'' if flag['default'] is None else flag['default']}\n"
        for path, of_script in found.items()
        if path.startswith("scripts/")
        for name, flag in sorted(of_script["flags"].items())
    )


def ask_all(paths):
    for path in paths:  # what they import is imported once
        importlib.import_module(path.removesuffix(".py").replace("/", "."))
    found = {path: in_child(path, "--help") for path in paths}
    found["--helpfull"] = in_child(paths[0], "--helpfull")
    found["lstm_classifier"] = in_child(
        "scripts/tpu_check.py", "--pipeline=lstm_classifier", "--help"
    )
    return found


def main(words):
    if words == ["--table"]:
        with open("tests/scripts/flags.txt", "w", encoding="utf-8") as file:
            file.write(table(ask_all(scripts())))
    else:
        json.dump(ask_all(words), sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1:])
