"""An export, read in a fresh process that cannot import the toolkit."""

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

_START = (
    "import runpy, sys; sys.modules.update(dict.fromkeys({ours!r}));"
    "runpy.run_path({path!r}, run_name='__main__')"
)


def read(reader: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """What a reader answers.

    Args:
        reader: Name of its module beside this one.
        request: A JSON value: `folder`, `rows` by name, `texts` by name.

    Returns:
        Probabilities by `ids` and, where texts were asked, `texts`.

    Raises:
        CompilationError: The export cannot be read; says what the reader said.
    """
    path = storage.join(storage.dirname(__file__), f"{reader}.py")
    done = subprocess.run(
        [sys.executable, "-I", "-c", _START.format(ours=OURS, path=path)],
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
