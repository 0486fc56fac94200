"""Checkpoints that are complete or absent, in a format that cannot execute code.

One checkpoint is one folder:

    step-00000500/
      weights.safetensors     every variable of the model, by its path
      optimizer.safetensors   the optimiser's slots, `<variable>/adam_m` and so on
      state.json              step, seed, fingerprints: what the run needs to go on
      manifest.json           name, size and SHA-256 of the others; written last

A folder without a valid manifest does not exist for any reader here. Saving a step
again writes the new files beside the old ones, under `weights.2.safetensors` and so
on, and the one write of the manifest changes over: at every moment the folder holds a
complete checkpoint.

Source: https://huggingface.co/docs/safetensors/index (the file format).
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import safetensors.numpy

from runtime import storage
from runtime.errors import CheckpointError, SettingsError, StorageError

DIRECTORY = "checkpoints"
"""The folder under a run's output directory that holds the `step-*` folders."""

_FORMAT = 1
_MANIFEST = "manifest.json"
_STEP_FOLDER = re.compile(r"step-(\d{8,})")
_WEIGHTS, _SLOTS, _STATE = "weights", "optimizer", "state"
_NAMES = (
    {
        _WEIGHTS: "weights.safetensors",
        _SLOTS: "optimizer.safetensors",
        _STATE: "state.json",
    },
    {
        _WEIGHTS: "weights.2.safetensors",
        _SLOTS: "optimizer.2.safetensors",
        _STATE: "state.2.json",
    },
)
_OUR_FILES = frozenset(name for names in _NAMES for name in names.values())


@dataclasses.dataclass(frozen=True, slots=True)
class Checkpoint:
    """What one checkpoint folder holds.

    Attributes:
        step: Number of updates done.
        weights: Variable path -> value, in the shape and dtype it was saved with.
        slots: `<variable path>/<slot>` -> value of the optimiser.
        state: The run's JSON object.
    """

    step: int
    weights: dict[str, np.ndarray]
    slots: dict[str, np.ndarray]
    state: dict[str, Any]


def save(
    directory: str,
    *,
    step: int,
    weights: Mapping[str, np.ndarray],
    slots: Mapping[str, np.ndarray],
    state: Mapping[str, Any],
) -> str:
    """Writes a checkpoint; one of the same step is replaced.

    Args:
        directory: The folder that holds the `step-*` folders.
        step: Number of updates done.
        weights: Variable path -> value.
        slots: `<variable path>/<slot>` -> value of the optimiser.
        state: A JSON object.

    Returns:
        The checkpoint's folder. A failed or interrupted save leaves no checkpoint, or
        the earlier one of that step.
    """
    folder = _folder(directory, step)
    contents = {
        _WEIGHTS: _tensor_bytes(weights),
        _SLOTS: _tensor_bytes(slots),
        _STATE: _json_bytes(dict(state)),
    }
    names = _free_names(folder)
    entries = {}
    for role, content in contents.items():
        storage.write_bytes(storage.join(folder, names[role]), content)
        entries[role] = _Entry.of(content, name=names[role])
    _Manifest(step=step, entries=entries).write(folder)
    _erase(folder, names=_OUR_FILES - set(names.values()))
    return folder


def list_steps(directory: str) -> list[int]:
    """Returns the steps of the complete checkpoints, ascending."""
    return [
        step
        for step in _all_steps(directory)
        if _Manifest.read(_folder(directory, step)) is not None
    ]


def latest(directory: str) -> str | None:
    """Returns the folder of the newest complete checkpoint, or None."""
    steps = list_steps(directory)
    return _folder(directory, steps[-1]) if steps else None


def load(folder: str) -> Checkpoint:
    """Reads one checkpoint and verifies every file against the manifest.

    Raises:
        CheckpointError: the folder holds no complete checkpoint, or a file in it is
            missing or damaged; names that file.
    """
    manifest = _Manifest.read(folder)
    if manifest is None:
        raise CheckpointError(
            f"{folder} is no complete checkpoint: expected a valid {_MANIFEST} in it."
            " Name a folder such as checkpoints/step-00000500 whose save has ended."
        )
    return Checkpoint(
        step=manifest.step,
        weights=_tensors(manifest, folder=folder, role=_WEIGHTS),
        slots=_tensors(manifest, folder=folder, role=_SLOTS),
        state=json.loads(manifest.content(folder, role=_STATE)),
    )


def prune(directory: str, *, keep: int) -> None:
    """Deletes all but the newest `keep` complete checkpoints.

    What interrupted saves have left behind before the newest complete checkpoint goes
    too. Only files that `save` writes are deleted: a folder with another file in it
    stays, and so does that file.

    Raises:
        SettingsError: `keep` is below 1.
    """
    if keep < 1:
        raise SettingsError(f"At least 1 checkpoint must be kept, not {keep}.")
    kept = list_steps(directory)[-keep:]
    for step in _all_steps(directory):
        if kept and step < kept[-1] and step not in kept:
            _erase_checkpoint(_folder(directory, step))


def delete_all(directory: str) -> None:
    """Deletes every checkpoint, and nothing that `save` did not write."""
    for step in _all_steps(directory):
        _erase_checkpoint(_folder(directory, step))


@dataclasses.dataclass(frozen=True, slots=True)
class _Entry:
    """One file of a checkpoint: its name, its length in bytes and its SHA-256."""

    name: str
    size: int
    sha256: str

    @classmethod
    def of(cls, content: bytes, *, name: str) -> _Entry:
        digest = hashlib.sha256(content).hexdigest()
        return cls(name=name, size=len(content), sha256=digest)


@dataclasses.dataclass(frozen=True, slots=True)
class _Manifest:
    """What makes a folder a checkpoint."""

    step: int
    entries: dict[str, _Entry]

    def write(self, folder: str) -> None:
        files = {role: dataclasses.asdict(each) for role, each in self.entries.items()}
        content = _json_bytes({"format": _FORMAT, "step": self.step, "files": files})
        storage.write_bytes(storage.join(folder, _MANIFEST), content)

    @classmethod
    def read(cls, folder: str) -> _Manifest | None:
        """Returns the folder's manifest; None where there is no valid one.

        Raises:
            CheckpointError: it is written in another format.
        """
        path = storage.join(folder, _MANIFEST)
        if not storage.exists(path):
            return None
        try:
            content = json.loads(storage.read_bytes(path))
            version = content["format"]
            if version == _FORMAT:
                return cls._parse(content)
        except (ValueError, KeyError, TypeError):
            return None
        raise CheckpointError(
            f"{path} is written in format {version}, this version reads {_FORMAT}."
            " Update the toolkit, or choose another --output_dir."
        )

    @classmethod
    def _parse(cls, content: Mapping[str, object]) -> _Manifest:
        files = content["files"]
        step = content["step"]
        if not isinstance(files, dict) or not isinstance(step, int):
            raise TypeError(f"files: {files!r}, step: {step!r}")
        entries = {role: _Entry(**files[role]) for role in (_WEIGHTS, _SLOTS, _STATE)}
        if any(entry.name not in _OUR_FILES for entry in entries.values()):
            raise ValueError(f"unknown file names in {files!r}")
        return cls(step=step, entries=entries)

    def content(self, folder: str, *, role: str) -> bytes:
        """Returns the bytes of one file.

        Raises:
            CheckpointError: the file is missing or not the one that was saved.
        """
        expected = self.entries[role]
        path = storage.join(folder, expected.name)
        advice = "Delete that folder to go on from the checkpoint before it."
        try:
            content = storage.read_bytes(path)
        except StorageError as error:
            raise CheckpointError(f"{error} {advice}") from error
        found = _Entry.of(content, name=expected.name)
        if found != expected:
            raise CheckpointError(
                f"{path} is damaged: expected {expected.size} bytes with SHA-256"
                f" {expected.sha256}, found {found.size} bytes with {found.sha256}."
                f" {advice}"
            )
        return content


def _folder(directory: str, step: int) -> str:
    return storage.join(directory, f"step-{step:08d}")


def _all_steps(directory: str) -> list[int]:
    """Returns the steps that have a folder, complete or not, ascending."""
    if not storage.exists(directory):
        return []
    matches = map(_STEP_FOLDER.fullmatch, storage.list_dir(directory))
    return sorted(int(match[1]) for match in matches if match)


def _free_names(folder: str) -> dict[str, str]:
    """Returns the file names that the checkpoint in `folder` does not use."""
    manifest = _Manifest.read(folder)
    first, second = _NAMES
    if manifest is None or manifest.entries[_WEIGHTS].name != first[_WEIGHTS]:
        return first
    return second


def _erase_checkpoint(folder: str) -> None:
    # The manifest goes first: from then on the folder does not exist for any reader.
    _erase(folder, names=[_MANIFEST])
    _erase(folder, names=_OUR_FILES)
    if not storage.list_dir(folder):
        storage.delete_tree(folder)


def _erase(folder: str, *, names: Iterable[str]) -> None:
    for name in names:
        path = storage.join(folder, name)
        if storage.exists(path):
            storage.delete(path)


def _tensor_bytes(tensors: Mapping[str, np.ndarray]) -> bytes:
    # safetensors writes the buffer as it lies: a transposed view would come back wrong.
    contiguous = {name: np.asarray(value, order="C") for name, value in tensors.items()}
    return safetensors.numpy.save(contiguous)


def _tensors(manifest: _Manifest, *, folder: str, role: str) -> dict[str, np.ndarray]:
    return safetensors.numpy.load(manifest.content(folder, role=role))


def _json_bytes(content: Mapping[str, object]) -> bytes:
    return (json.dumps(content, indent=2, sort_keys=True) + "\n").encode("utf-8")
