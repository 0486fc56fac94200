"""What a run writes down about itself: run.json, metrics.jsonl, TensorBoard events."""

from __future__ import annotations

import importlib.metadata
import json
import logging
import math
import operator
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from runtime import storage
from runtime.errors import DataError
from runtime.files import json_file
from runtime.files.tensorboard_events import EventFile
from runtime.storage.base import AppendFile

RUN_FILE = "run.json"
METRICS_FILE = "metrics.jsonl"

_PACKAGES = (
    "tf-bert-toolkit",
    "keras",
    "numpy",
    "tensorflow",
    "tensorflow-cpu",
    "tensorflow-tpu",
    "jax",
    "jaxlib",
    "libtpu",
    "safetensors",
    "sentencepiece",
    "scikit-learn",
)

_log = logging.getLogger(__name__)


def versions() -> dict[str, str]:
    """Returns the version of python and of each package that is installed.

    Nothing is imported for it: a backend that is not in use stays out of the process.
    """
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def read(output_dir: str) -> dict[str, Any]:
    """Returns settings and fingerprints of the run recorded in a folder, if any.

    Raises:
        DataError: run.json is not one of ours.
    """
    path = storage.join(output_dir, RUN_FILE)
    if not storage.exists(path):
        return {}
    try:
        content = json.loads(storage.read_bytes(path))
        return content["settings"] | content["fingerprints"]
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(
            "expected the JSON record of a run. Choose another --output_dir, or"
            " delete the file if you are sure that the checkpoints fit.",
            path=path,
        ) from error


class RunRecord:
    """The record of one run in its output directory, to be closed.

    Args:
        output_dir: The run's folder.
        clock: Seconds since 1970, for TensorBoard.
    """

    def __init__(
        self, output_dir: str, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._output_dir = output_dir
        self._metrics_path = storage.join(output_dir, METRICS_FILE)
        self._metrics: AppendFile | None = None
        self._events = EventFile(output_dir, clock=clock)

    def write(
        self,
        *,
        settings: Mapping[str, object],
        fingerprints: Mapping[str, object],
        command_line: Sequence[str],
    ) -> None:
        """Writes run.json, replacing an earlier one.

        A run that only evaluates or predicts leaves the training run's record alone.

        Args:
            settings: The run's settings by name; JSON values.
            fingerprints: What identifies its data and its tokenizer; JSON values.
            command_line: The program and its arguments.
        """
        content = {
            "command_line": list(command_line),
            "fingerprints": dict(fingerprints),
            "settings": dict(settings),
            "versions": versions(),
        }
        json_file.write_object(storage.join(self._output_dir, RUN_FILE), content)

    def log(self, step: int, metrics: Mapping[str, float | np.number[Any]]) -> None:
        """Adds one line to metrics.jsonl and one event for TensorBoard, both flushed.

        Args:
            step: Number of updates done.
            metrics: Name -> value. A value that is not finite is `null` in the line,
                because JSON knows neither NaN nor infinity.
        """
        if self._metrics is None:
            self._keep_lines(self._whole_lines())
            self._metrics = storage.open_append(self._metrics_path)
        self._metrics.write(_line(step, metrics))
        self._metrics.flush()
        values = {name: plain_number(value) for name, value in metrics.items()}
        self._events.scalars(values, step=step)

    def log_result(self, step: int, metrics: Mapping[str, float]) -> None:
        """Logs what was measured of the weights of a step.

        It takes the place of what was measured of the same before, so that a run that
        was killed after that has the lines of one that was not. The same once more is
        no news: nothing is written.

        Args:
            step: Number of updates done.
            metrics: As for `log`.
        """
        self._close_metrics()
        new = _line(step, metrics)
        lines = self._whole_lines()
        if new in lines:
            return
        names = {"step", *metrics}
        kept = [
            line
            for line, at in zip(lines, self.metrics(), strict=True)
            if at["step"] != step or at.keys() != names
        ]
        self._keep_lines(kept)
        self.log(step, metrics)

    def sync(self) -> None:
        """Returns when all that was logged would survive the end of this machine."""
        if self._metrics is not None:
            self._metrics.sync()
        self._events.sync()

    def rewind(self, step: int) -> None:
        """Drops what was logged after `step`; call it before going on from there.

        A run that starts anew in a used directory rewinds to -1.
        """
        self._close_metrics()
        lines = self._whole_lines()
        steps = [each["step"] for each in self.metrics()]
        kept = [line for line, at in zip(lines, steps, strict=True) if at <= step]
        self._keep_lines(kept)
        if len(kept) < len(lines):
            self._events.forget_from(step + 1)

    def metrics(self) -> list[dict[str, float]]:
        """Returns the lines of metrics.jsonl as logged; its `null` is NaN here."""
        return [
            _parsed(line, path=self._metrics_path, number=number)
            for number, line in enumerate(self._whole_lines(), start=1)
        ]

    def close(self) -> None:
        """Closes the files; a later `log` opens them again."""
        self._close_metrics()
        self._events.close()

    def _whole_lines(self) -> list[bytes]:
        """Returns the lines of metrics.jsonl without one that a crash cut short."""
        if not storage.exists(self._metrics_path):
            return []
        content = storage.read_bytes(self._metrics_path)
        return content[: content.rfind(b"\n") + 1].splitlines(keepends=True)

    def _keep_lines(self, lines: Sequence[bytes]) -> None:
        path, content = self._metrics_path, b"".join(lines)
        if storage.exists(path) and storage.size(path) != len(content):
            storage.write_bytes(path, content)

    def _close_metrics(self) -> None:
        if self._metrics is not None:
            self._metrics.close()
            self._metrics = None


def _line(step: int, metrics: Mapping[str, float | np.number[Any]]) -> bytes:
    values = {name: _finite(plain_number(value)) for name, value in metrics.items()}
    return json.dumps({"step": step} | values).encode() + b"\n"


def plain_number(value: float | np.number[Any]) -> float:
    """Returns a Python number; a float32 as the shortest decimal that means it."""
    if isinstance(value, np.number):
        return int(value) if isinstance(value, np.integer) else float(str(value))
    return value


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _parsed(line: bytes, *, path: str, number: int) -> dict[str, float]:
    """Returns one line of metrics.jsonl.

    Raises:
        DataError: it is not a JSON object with a whole step.
    """
    try:
        content = json.loads(line)
        content["step"] = operator.index(content["step"])
        return {name: math.nan if x is None else x for name, x in content.items()}
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(
            'expected a JSON object with a whole "step". Delete the line or the file.',
            path=path,
            line=number,
        ) from error
