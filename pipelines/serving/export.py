"""A trained model in the formats of other programs, each read back before it counts."""

from __future__ import annotations

import logging
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent import futures
from concurrent.futures.process import BrokenProcessPool
from typing import Any

import numpy as np

from pipelines.serving import export_formats
from pipelines.serving.answer import Input
from pipelines.serving.export_formats import Export, Written
from pipelines.serving.export_settings import ExportFormat, ExportSettings
from pipelines.serving.predictor import example_of
from pipelines.serving.served import Served
from processors.batches.features import TokenCounts
from runtime import storage
from runtime.errors import CompilationError, SettingsError, ToolkitError
from runtime.exports import read_back
from runtime.exports.row_inputs import INPUTS
from runtime.files import json_file
from runtime.training import run_record

FILE = "export.json"
"""What was exported, and how its answers compare; written last."""

TOLERANCE = 1e-5  # absolute, of probabilities in float32

_READERS = {
    ExportFormat.SAVEDMODEL: "read_saved_model_tf",
    ExportFormat.STABLEHLO: "read_stablehlo_jax",
    ExportFormat.ONNX: "read_onnx",
    ExportFormat.LITERT: "read_litert",
}

# What every kind of tokenizer has to do with, and rows of several lengths.
_PROBES = (
    "吾輩は猫である。名前はまだ無い。",
    "メロスは激怒した。必ず、かの邪智暴虐の王を除かなければならぬと決意した。",
    "Ｅコマース事業の取扱開始や、当社独自技術を活用したｶﾞﾗｽの営業力強化",
    "Hello, World! It's 3.14 Über naïve café",
    "w1 hot cold wet",
    "東京都 千代田区　一丁目\t１番１号",
    "😀 ～ … “quoted” [SEP] ㍿ ①",
    "走れ",
    "あ" * 300,
    "",
)

_log = logging.getLogger(__name__)


def run(settings: ExportSettings, served_of: Callable[..., Served]) -> dict[str, Any]:
    """Exports a model.

    Each format is written in a process of its own, in a folder aside, and read in
    another that cannot import the toolkit. Only where all of them answer as the model
    does is anything in the output folder.

    Args:
        settings: What to export.
        served_of: Gives the model; the processes call it, too, so it is a function of a
            module.

    Returns:
        What export.json says.

    Raises:
        SettingsError: The output folder holds something, or a format cannot be had of
            this model, or its packages are not installed; all of these in one error.
        CompilationError: An export answers otherwise than the model.
        StorageError: The disk is full, say; the output folder is gone then.
    """
    _refuse_full(str(settings.output))
    served = served_of(str(settings.model), labels=settings.labels)
    export = Export(served_of, path=str(settings.model), labels=settings.labels)
    probes = probes_of(served)
    expected = _apart(export_formats.answers, export, probes)
    with storage.temporary_dir() as folder:
        written = dict(_written(settings.formats, export, served, folder=folder))
        formats = {
            kind.value: _checked(kind, each, served, probes, expected, folder=folder)
            for kind, each in written.items()
        }
        about = {**_about(served), "formats": formats}
        json_file.write_object(storage.join(folder, FILE), about)
        _publish(folder, str(settings.output))
    return about


def probes_of(served: Served) -> list[Input]:
    """The texts, or pairs, that a model is compared on; each is one row."""
    if served.reading.in_windows:
        most = served.reading.max_seq_length
        found = served.features(map(example_of, _PROBES), TokenCounts())
        sizes = [len(each.input_ids) for each in found]
        return [p for p, size in zip(_PROBES, sizes, strict=True) if size <= most]
    if not served.pairs:
        return list(_PROBES)
    seconds = (*_PROBES[3:-1], *_PROBES[:4])
    return list(zip(_PROBES, seconds, strict=True))


def _refuse_full(folder: str) -> None:
    if storage.exists(folder) and (
        not storage.is_dir(folder) or storage.list_dir(folder)
    ):
        raise SettingsError(
            f"--output={folder} is there and not empty. Name a new folder."
        )


def _apart(function: Callable[..., Any], *arguments: Any) -> Any:
    """Calls a function in a process of its own, which has a backend of its own.

    Raises:
        CompilationError: The process has ended.
    """
    context = multiprocessing.get_context("spawn")
    with futures.ProcessPoolExecutor(1, mp_context=context) as pool:
        try:
            return pool.submit(function, *arguments).result()
        except BrokenProcessPool as error:
            raise CompilationError(
                "the process that was to do it has ended, of too little memory, say."
            ) from error


def _written(
    formats: Sequence[ExportFormat], export: Export, served: Served, *, folder: str
) -> Iterator[tuple[ExportFormat, Written]]:
    """Writes each format.

    Raises:
        SettingsError: Some cannot be had; says of each why.
    """
    problems = []
    for kind in formats:
        place = storage.join(folder, kind.value)
        storage.make_dirs(place)
        _log.info("Writing %s.", kind.value)
        try:
            if kind is ExportFormat.HUGGING_FACE:
                yield kind, _hugging_face(served, place)
            else:
                yield kind, _apart(export_formats.write, export, kind, place)
        except ToolkitError as error:
            problems.append(f"--formats={kind.value}: {error}")
    if problems:
        raise SettingsError(*problems, "Nothing was written.")


def _hugging_face(served: Served, folder: str) -> Written:
    if served.write_hugging_face is None:
        raise SettingsError(f"transformers has no model of the kind {served.name}.")
    return Written(notes=tuple(served.write_hugging_face(folder)))


def _checked(
    kind: ExportFormat,
    written: Written,
    served: Served,
    probes: Sequence[Input],
    expected: np.ndarray,
    *,
    folder: str,
) -> dict[str, Any]:
    """What export.json says of a format.

    Raises:
        CompilationError: It answers otherwise than the model.
    """
    said: dict[str, Any] = {"notes": list(written.notes), **written.about}
    if kind not in _READERS:
        return said
    request = {
        "folder": storage.join(folder, kind.value),
        "rows": export_formats.rows(served, probes, length=written.length),
        "texts": _texts(probes) if written.takes_texts else {},
    }
    found = read_back.read(_READERS[kind], request)
    differences = {
        name: float(np.abs(np.subtract(found[name], expected)).max())
        for name in ("ids", "texts")
        if name in found
    }
    worst = max(differences.values())
    if worst > TOLERANCE:
        raise CompilationError(
            f"{kind.value} answers otherwise than the model: by up to {worst:.2g}, and"
            f" {TOLERANCE:.0e} is allowed. Nothing was written."
        )
    _log.info("%s: read back, %d rows, %.1e apart.", kind.value, len(probes), worst)
    return {**said, "rows": len(probes), "largest_difference": differences}


def _texts(probes: Sequence[Input]) -> dict[str, list[str]]:
    if isinstance(probes[0], str):
        return {"text": [str(each) for each in probes]}
    return {"text": [p[0] for p in probes], "text_b": [p[1] for p in probes]}


def _about(served: Served) -> dict[str, Any]:
    reading = served.reading
    return {
        "model": served.path,
        "kind": served.name,
        "step": served.step,
        "labels": list(served.labels),
        "targets": served.targets.value,
        "thresholds": list(served.thresholds),
        "pairs": served.pairs,
        "inputs": list(INPUTS),
        "max_seq_length": reading.max_seq_length,
        "tokenizer": served.tokenizer.fingerprint(),
        "precision": "float32",
        "versions": run_record.versions(),
    }


def _publish(source: str, target: str) -> None:
    """Copies a folder, whole or not at all; export.json comes last.

    Raises:
        StorageError: It cannot be written; nothing of it is left then.
    """
    files = list(_files(source))
    files.sort(key=lambda name: name == FILE)
    try:
        for name in files:
            storage.copy(storage.join(source, name), storage.join(target, name))
    except BaseException:
        if storage.exists(target):
            storage.delete_tree(target)
        raise


def _files(folder: str, below: str = "") -> Iterator[str]:
    for name in storage.list_dir(storage.join(folder, below) if below else folder):
        path = storage.join(below, name) if below else name
        if storage.is_dir(storage.join(folder, path)):
            yield from _files(folder, path)
        else:
            yield path
