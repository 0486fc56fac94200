"""A trained model in the formats of other programs, each read back before it counts."""

from __future__ import annotations

import logging
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent import futures
from concurrent.futures.process import BrokenProcessPool
from typing import Any

import numpy as np

from pipelines.exporting import check, probes, refusals, writers
from pipelines.exporting.probes import Probes
from pipelines.exporting.settings import ExportFormat, ExportSettings
from pipelines.exporting.writers import Export, Written
from pipelines.serving.served import Served
from runtime import storage
from runtime.errors import CompilationError, SettingsError, ToolkitError
from runtime.exports.row_inputs import INPUTS
from runtime.files import json_file
from runtime.training import run_record

FILE = "export.json"
"""What was exported, and how its answers compare; written last."""

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
        SettingsError: The output folder holds something, or formats cannot be had of
            this model or here; all of these in one error.
        CompilationError: An export answers otherwise than the model.
        StorageError: The disk is full, say; the output folder is gone then.
    """
    refusals.refuse_full(str(settings.output))
    served = served_of(str(settings.model), labels=settings.labels)
    refusals.refuse(settings.formats, served)
    export = Export(served_of, path=str(settings.model), labels=settings.labels)
    texts = probes.texts_of(served)
    asked = Probes(texts, np.array(_apart(writers.answers, export, texts)))
    with storage.temporary_dir() as folder:
        written = dict(_written(settings.formats, export, served, folder=folder))
        formats = {
            kind.value: check.check(
                kind,
                each,
                asked,
                served=served,
                folder=storage.join(folder, kind.value),
            )
            for kind, each in written.items()
        }
        about = {**_about(served), "formats": formats}
        json_file.write_object(storage.join(folder, FILE), about)
        _publish(folder, str(settings.output))
    return about


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
                yield kind, writers.write_hugging_face(served, place)
            else:
                yield kind, _apart(writers.write, export, kind, place)
        except ToolkitError as error:
            problems.append(f"--formats={kind.value}: {error}")
    if problems:
        raise SettingsError(*problems, "Nothing was written.")


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
