"""What cannot be had of a model, or here, said before any work."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Sequence

from pipelines.exporting import graph
from pipelines.exporting.settings import ExportFormat
from pipelines.serving.served import Served
from runtime import storage
from runtime.errors import SettingsError

_NEEDED = {
    ExportFormat.SAVEDMODEL: ("tensorflow",),
    ExportFormat.STABLEHLO: ("jax",),
    ExportFormat.HUGGING_FACE: (),
    ExportFormat.ONNX: ("tensorflow", "tf2onnx", "onnxruntime"),
    ExportFormat.LITERT: ("tensorflow", "ai_edge_litert"),
}


def refuse_full(folder: str) -> None:
    """Refuses an output folder that holds something.

    Args:
        folder: What --output names.

    Raises:
        SettingsError: It does, or is a file.
    """
    if storage.exists(folder) and (
        not storage.is_dir(folder) or storage.list_dir(folder)
    ):
        raise SettingsError(
            f"--output={folder} is there and not empty. Name a new folder."
        )


def refuse(formats: Sequence[ExportFormat], served: Served) -> None:
    """Refuses formats that there are not of a model, or whose packages are not here.

    Args:
        formats: What is asked for.
        served: The model.

    Raises:
        SettingsError: Says of each why.
    """
    problems = [
        f"--formats={kind.value}: {problem}"
        for kind in formats
        for problem in _problems(kind, served)
    ]
    if problems:
        raise SettingsError(*problems, "Nothing was written.")


def _problems(kind: ExportFormat, served: Served) -> Iterator[str]:
    if kind is ExportFormat.HUGGING_FACE and served.write_hugging_face is None:
        yield f"transformers has no model of the kind {served.name}."
    missing = [name for name in _needed(kind, served) if not _is_installed(name)]
    if missing:
        yield (
            f"it needs {' and '.join(missing)}, not installed here. Run"
            " `pip install 'tf-bert-toolkit[export]'`, with [tensorflow], and with"
            " [jax] for stablehlo."
        )


def _needed(kind: ExportFormat, served: Served) -> tuple[str, ...]:
    reads_texts = kind is ExportFormat.SAVEDMODEL and graph.rows_and_notes(served)[0]
    return (*_NEEDED[kind], *(("tensorflow_text",) if reads_texts else ()))


def _is_installed(name: str) -> bool:
    return importlib.util.find_spec(name) is not None
