"""Whether an export, read where the toolkit is not, answers as the model does."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Mapping
from typing import Any

import numpy as np

from pipelines.exporting import probes
from pipelines.exporting.probes import Probes
from pipelines.exporting.settings import ExportFormat
from pipelines.exporting.writers import Written
from pipelines.serving.served import Served
from runtime.errors import CompilationError
from runtime.exports import read_back

TOLERANCE = 1e-5  # absolute, of probabilities in float32

READERS = {
    ExportFormat.SAVEDMODEL: "read_saved_model_tf",
    ExportFormat.STABLEHLO: "read_stablehlo_jax",
    ExportFormat.HUGGING_FACE: "read_hugging_face",
    ExportFormat.ONNX: "read_onnx",
    ExportFormat.LITERT: "read_litert",
}
_ELSEWHERE = ("torch", "transformers")  # no extra of ours brings them
_NOT_READ = f"Not read back: {' and '.join(_ELSEWHERE)} are not both installed here."

_log = logging.getLogger(__name__)


def check(
    kind: ExportFormat, written: Written, asked: Probes, *, served: Served, folder: str
) -> dict[str, Any]:
    """Reads an export back.

    Args:
        kind: The format.
        written: What was written.
        asked: Texts, and what the model answers.
        served: The model.
        folder: Of the export.

    Returns:
        What export.json says of it.

    Raises:
        CompilationError: It cannot be read, or answers otherwise than the model.
    """
    said: dict[str, Any] = {"notes": list(written.notes), **written.about}
    is_foreign = kind is ExportFormat.HUGGING_FACE
    if is_foreign and not all(map(importlib.util.find_spec, _ELSEWHERE)):
        return {**said, "notes": [*said["notes"], _NOT_READ]}
    asked = asked.where([written.reads_alike(text) for text in asked.texts])
    found = read_back.read(READERS[kind], _request(written, asked, served, folder))
    _refuse_labels(found, served, kind=kind)
    differences = _differences(found, asked)
    worst = max(differences.values())
    if not worst <= TOLERANCE:  # which no NaN is
        raise CompilationError(
            f"{kind.value} answers otherwise than the model: by up to {worst:.2g}, and"
            f" {TOLERANCE:.0e} is allowed. Nothing was written."
        )
    count = len(asked.texts)
    _log.info("%s: read back, %d texts, %.1e apart.", kind.value, count, worst)
    return {**said, "texts": count, "largest_difference": differences}


def _request(
    written: Written, asked: Probes, served: Served, folder: str
) -> dict[str, Any]:
    """All texts in one block, and the first by itself, in a shorter one."""
    return {
        "folder": folder,
        "blocks": [
            probes.block(served, texts) for texts in (asked.texts, asked.texts[:1])
        ],
        "texts": asked.by_name if written.takes_texts else {},
    }


def _refuse_labels(
    found: Mapping[str, Any], served: Served, *, kind: ExportFormat
) -> None:
    """Refuses an export that calls its outputs otherwise.

    Raises:
        CompilationError: It does.
    """
    labels = found.get("labels", list(served.labels))
    if labels != list(served.labels):
        raise CompilationError(
            f"{kind.value} has the labels {labels}, and the model"
            f" {list(served.labels)}. Nothing was written."
        )


def _differences(found: Mapping[str, Any], asked: Probes) -> dict[str, float]:
    expected = {
        "ids": np.concatenate([asked.values, asked.values[:1]]),
        "texts": asked.values,
    }
    return {
        name: float(np.abs(np.subtract(found[name], values)).max())
        for name, values in expected.items()
        if name in found
    }
