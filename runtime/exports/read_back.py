"""An export, read in a fresh process that cannot import the toolkit.

A reader is a file beside this one with a function `answers`, from a request to
probabilities: `ids` for the rows of all blocks, `texts` where texts were asked, and
`labels` where the export has them.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from runtime import storage
from runtime.errors import CompilationError

OURS = ("lstm_pretrain", "pipelines", "processors", "runtime", "scripts", "tf_bert")
"""Packages that the process cannot import."""

_PROGRAM = """
import json, runpy, sys
sys.modules.update(dict.fromkeys({ours!r}))
answers = runpy.run_path({path!r})["answers"](json.load(sys.stdin))
print(json.dumps(answers))
"""


def read(reader: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """What a reader answers.

    Args:
        reader: Its name, without the ending.
        request: A JSON value: `folder`; `blocks`, each rows by name; `texts` by name.

    Returns:
        See above.

    Raises:
        CompilationError: The export cannot be read; says what the reader said.
    """
    path = storage.join(storage.dirname(__file__), f"{reader}.py")
    done = subprocess.run(
        [sys.executable, "-I", "-c", _PROGRAM.format(ours=OURS, path=path)],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["no word"]
        raise CompilationError(f"{reader} cannot read {request['folder']}: {last[0]}")
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer
