"""Checkpoints that are complete or absent, in a format that cannot execute code.

One checkpoint is one folder:

    step-00000500/
      weights.safetensors     every variable of the model, by its path
      optimizer.safetensors   the optimiser's slots, `<variable>/adam_m` and so on
      state.json              seed, fingerprints: what the run needs to go on
      manifest.json           name, size and CRC32C of the others; written last

A folder without a valid manifest does not exist for any reader here. Saving a step
again writes the new files beside the old ones, under `weights.2.safetensors` and so
on, and the one write of the manifest changes over: at every moment the folder holds a
complete checkpoint. While a save is under way the folder holds `unfinished.json` too,
so that what an interrupted one leaves is known for ours.

Source: https://huggingface.co/docs/safetensors/index (the file format).
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO

import numpy as np

from runtime import storage
from runtime.checkpoints import checkpoint_manifest
from runtime.checkpoints.checkpoint_manifest import (
    NAMES,
    OUR_FILES,
    SLOTS,
    STATE,
    WEIGHTS,
    Manifest,
    json_bytes,
    write_file,
)
from runtime.errors import CheckpointError
from runtime.files import safetensors_file
from runtime.files.safetensors_file import SafetensorsFile, Tensors

DIRECTORY = "checkpoints"
"""The folder under a run's output directory that holds the `step-*` folders."""

EVALUATIONS = "evaluations"
"""In a checkpoint's state: what the evaluations of its run have come to."""

_UNFINISHED = "unfinished.json"
_STEP_FOLDER = re.compile(r"step-(\d{8,})")

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, slots=True)
class Checkpoint:
    """What one checkpoint folder holds; its tensors stay in their files till asked for.

    Attributes:
        step: Number of updates done.
        weights: Variable path -> value, in the shape and dtype it was saved with.
        slots: `<variable path>/<slot>` -> value of the optimiser; empty where it was
            opened without them.
        state: The run's JSON object.
        metrics: How good it is, by the metric's name.
    """

    step: int
    weights: Tensors
    slots: Tensors | Mapping[str, np.ndarray]
    state: dict[str, Any]
    metrics: Mapping[str, float]

    def close(self) -> None:
        """Lets go of its files, which may be deleted then."""
        for tensors in (self.weights, self.slots):
            if isinstance(tensors, Tensors):
                tensors.close()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Best:
    """Which checkpoint a run chose, and why.

    Attributes:
        step: Updates done.
        by: Name of the score.
        score: Its value there.
    """

    step: int
    by: str
    score: float


def save(
    directory: str,
    *,
    step: int,
    weights: Mapping[str, np.ndarray],
    slots: Mapping[str, np.ndarray],
    state: Mapping[str, Any],
    metrics: Mapping[str, float] | None = None,
    before_manifest: Callable[[], None] = lambda: None,
) -> str:
    """Writes a checkpoint; one of the same step is replaced.

    Args:
        directory: The folder that holds the `step-*` folders.
        step: Number of updates done.
        weights: Variable path -> value.
        slots: `<variable path>/<slot>` -> value of the optimiser.
        state: A JSON object.
        metrics: How good it is, by the metric's name.
        before_manifest: Called when all but the manifest is written; what it raises
            ends the save.

    Returns:
        The checkpoint's folder. A failed or interrupted save leaves no checkpoint, or
        the earlier one of that step.
    """
    folder = _folder(directory, step)
    names = _free_names(folder)
    _mark_unfinished(folder, step=step)
    contents: dict[str, Callable[[BinaryIO], object]] = {
        WEIGHTS: lambda file: safetensors_file.write(file, weights),
        SLOTS: lambda file: safetensors_file.write(file, slots),
        STATE: lambda file: file.write(json_bytes(state)),
    }
    entries = {
        role: write_file(folder, name=names[role], write=write)
        for role, write in contents.items()
    }
    before_manifest()
    Manifest(step=step, metrics=metrics or {}, entries=entries).write(folder)
    _erase(folder, names=[*OUR_FILES - set(names.values()), _UNFINISHED])
    return folder


def size_of(shapes: Mapping[str, Sequence[int]]) -> int:
    """Returns about how many bytes a checkpoint takes.

    Args:
        shapes: Shape of every weight by name; each has two slots, all in float32.
    """
    return 3 * 4 * sum(map(math.prod, shapes.values()))


def is_weights_file(path: str) -> bool:
    """Whether a file is one of those in which a `step-*` folder holds its weights."""
    folder = storage.basename(storage.dirname(path))
    is_step = _STEP_FOLDER.fullmatch(folder) is not None
    return is_step and storage.basename(path) in {each[WEIGHTS] for each in NAMES}


def list_steps(directory: str) -> list[int]:
    """Returns the steps of the complete checkpoints, ascending."""
    return [step for step, _ in read_manifests(directory)]


def read_manifests(directory: str) -> list[tuple[int, Manifest]]:
    """Returns step and manifest of each complete checkpoint, by step."""
    found = (
        (step, Manifest.read(_folder(directory, step))) for step in all_steps(directory)
    )
    return [(step, manifest) for step, manifest in found if manifest is not None]


def latest(directory: str) -> str | None:
    """Returns the folder of the newest complete checkpoint, or None."""
    return next((folder for folder, _ in _complete(directory)), None)


def best(directory: str) -> Best | None:
    """Says which checkpoint the run chose as its best; None where it chose none.

    Args:
        directory: The folder that holds the `step-*` folders.
    """
    for folder, manifest in _complete(directory):
        with contextlib.suppress(CheckpointError):  # `load_newest` names it
            return _best_by(_state(manifest, folder=folder))
    return None


def chosen(directory: str) -> str | None:
    """Returns the folder to use of a run: its best checkpoint's, else the newest's.

    Args:
        directory: The folder that holds the `step-*` folders.

    Returns:
        The folder; None where there is no complete checkpoint.
    """
    newest = None
    for folder, manifest in _complete(directory):
        newest = newest or folder
        with contextlib.suppress(CheckpointError):  # `load_newest` names it
            found = _best_by(_state(manifest, folder=folder))
            return newest if found is None else _folder(directory, found.step)
    return newest


def meant_by(path: str) -> str | None:
    """Returns the `step-*` folder that a path means: itself, or a run's to use.

    Args:
        path: Such a folder, its file of weights, the folder that holds such folders,
            or a run's output directory.
    """
    if is_weights_file(path):
        path = storage.dirname(path)
    if _STEP_FOLDER.fullmatch(storage.basename(path)):
        return path
    return chosen(path) or chosen(storage.join(path, DIRECTORY))


def read_state(folder: str) -> dict[str, Any]:
    """Reads a checkpoint's state alone.

    Raises:
        CheckpointError: as `load`.
        StorageError: it could not be asked.
    """
    return _state(_manifest(folder), folder=folder)


def weights_digest(folder: str) -> str:
    """Returns what the weights of another content would change; none are read.

    Raises:
        CheckpointError: as `load`.
        StorageError: it could not be asked.
    """
    entry = _manifest(folder).entries[WEIGHTS]
    return f"crc32c {entry.crc32c} of {entry.size} bytes"


def load(folder: str, *, with_slots: bool = True) -> Checkpoint:
    """Opens one checkpoint and verifies its files against the manifest.

    Args:
        folder: The `step-*` folder.
        with_slots: Whether the optimiser's slots, two thirds of it, are needed too;
            only training that goes on from there needs them.

    Raises:
        CheckpointError: the folder holds no complete checkpoint, or a file in it is
            missing or damaged; names that file.
        StorageError: it could not be asked.
    """
    manifest = _manifest(folder)
    return Checkpoint(
        step=manifest.step,
        weights=_tensors(manifest, folder=folder, role=WEIGHTS),
        slots=_tensors(manifest, folder=folder, role=SLOTS) if with_slots else {},
        state=_state(manifest, folder=folder),
        metrics=manifest.metrics,
    )


def load_newest(directory: str, *, with_slots: bool = True) -> Checkpoint | None:
    """Opens the newest checkpoint that is complete and undamaged.

    Newer ones that are not are named in the log.

    Args:
        directory: The folder that holds the `step-*` folders.
        with_slots: See `load`.

    Returns:
        The checkpoint; None where no save has ended here.

    Raises:
        CheckpointError: Every complete one is damaged, or of another format.
        StorageError: It could not be asked.
    """
    problems = []
    for step in reversed(all_steps(directory)):
        folder = _folder(directory, step)
        if not storage.exists(storage.join(folder, checkpoint_manifest.FILE)):
            _log.warning("%s is not complete: its save was interrupted.", folder)
            continue
        try:
            found = load(folder, with_slots=with_slots)
        except CheckpointError as error:
            _log.warning("%s", error)
            problems.append(str(error))
            continue
        if problems:
            _log.warning("Going back to %s.", folder)
        return found
    if problems:
        raise CheckpointError(
            f"{directory} holds no checkpoint that can be read. To start anew, use "
            "--resume=never or another --output_dir.\n" + "\n".join(problems)
        )
    return None


def load_best(directory: str, *, with_slots: bool = False) -> Checkpoint | None:
    """Opens the checkpoint that the run chose as its best.

    Args:
        directory: The folder that holds the `step-*` folders.
        with_slots: See `load`.

    Returns:
        The checkpoint; None where the run chose none.

    Raises:
        CheckpointError: It is missing or damaged; no other one stands in for it.
        StorageError: It could not be asked.
    """
    found = best(directory)
    if found is None:
        return None
    return load(_folder(directory, found.step), with_slots=with_slots)


def delete_all(directory: str) -> None:
    """Deletes every checkpoint, and nothing that `save` did not write."""
    for step in all_steps(directory):
        delete(directory, step=step)


def delete(directory: str, *, step: int) -> None:
    """Deletes one checkpoint, or what its interrupted save has left.

    Only files that `save` writes are deleted, and of a folder without a manifest only
    where `save` left its mark: what another program puts there, a copy under way for
    one, stays.
    """
    folder = _folder(directory, step)
    unfinished = storage.join(folder, _UNFINISHED)
    if Manifest.read(folder) is None and not storage.exists(unfinished):
        return
    # The manifest goes first: from then on the folder does not exist for any reader.
    _mark_unfinished(folder, step=step)
    _erase(folder, names=[checkpoint_manifest.FILE])
    _erase(folder, names=[*OUR_FILES, _UNFINISHED])
    if storage.is_dir(folder) and not storage.list_dir(folder):
        storage.delete_tree(folder)


def tidy(directory: str) -> None:
    """Ends what interrupted saves and deletions have left.

    Of a complete checkpoint only the files go that it does not use. What another
    program puts there stays, as for `delete`.
    """
    for step in all_steps(directory):
        folder = _folder(directory, step)
        storage.delete_empty_dir(folder)
        if storage.stat(storage.join(folder, _UNFINISHED)) is None:
            continue
        manifest = Manifest.read(folder)
        if manifest is None:
            delete(directory, step=step)
        else:
            used = {entry.name for entry in manifest.entries.values()}
            _erase(folder, names=[*OUR_FILES - used, _UNFINISHED])


def all_steps(directory: str) -> list[int]:
    """Returns the steps that have a folder, complete or not, ascending."""
    if not storage.is_dir(directory):
        return []
    matches = map(_STEP_FOLDER.fullmatch, storage.list_dir(directory))
    return sorted(int(match[1]) for match in matches if match)


def _manifest(folder: str) -> Manifest:
    manifest = Manifest.read(folder)
    if manifest is None:
        raise CheckpointError(
            f"{folder} is no complete checkpoint: expected a valid"
            f" {checkpoint_manifest.FILE} in it, which is missing or damaged."
            " Name a folder such as checkpoints/step-00000500 whose save has ended."
        )
    return manifest


def _folder(directory: str, step: int) -> str:
    return storage.join(directory, f"step-{step:08d}")


def _complete(directory: str) -> Iterator[tuple[str, Manifest]]:
    """Folder and manifest of each complete checkpoint, newest first."""
    for step in reversed(all_steps(directory)):
        folder = _folder(directory, step)
        manifest = Manifest.read(folder)
        if manifest is not None:
            yield folder, manifest


def _best_by(state: Mapping[str, Any]) -> Best | None:
    found = state.get(EVALUATIONS, {})
    if found.get("best_step") is None:
        return None
    return Best(step=found["best_step"], by=found["best_by"], score=found["best_score"])


def _free_names(folder: str) -> dict[str, str]:
    """Returns the file names that the checkpoint in `folder` does not use."""
    manifest = Manifest.read(folder)
    first, second = NAMES
    if manifest is None or manifest.entries[WEIGHTS].name != first[WEIGHTS]:
        return first
    return second


def _mark_unfinished(folder: str, *, step: int) -> None:
    path = storage.join(folder, _UNFINISHED)
    storage.write_bytes(path, json_bytes({"step": step}))


def _erase(folder: str, *, names: Iterable[str]) -> None:
    there = set(storage.list_dir(folder))
    for name in names:
        if name in there:
            storage.delete(storage.join(folder, name))


def _tensors(manifest: Manifest, *, folder: str, role: str) -> Tensors:
    path = storage.join(folder, manifest.entries[role].name)
    return Tensors(SafetensorsFile(path, file=manifest.open(folder, role=role)))


def _state(manifest: Manifest, *, folder: str) -> dict[str, Any]:
    with manifest.open(folder, role=STATE) as file:
        content = file.read()
    try:
        state = json.loads(content)
        if isinstance(state, dict):
            return state
    except (ValueError, RecursionError):
        pass
    raise CheckpointError(
        f"{storage.join(folder, manifest.entries[STATE].name)}: expected a JSON"
        f" object, found {content[:40]!r}."
    )
