"""The manifest that makes a folder a checkpoint: its files, with their checksums."""

from __future__ import annotations

import dataclasses
import io
import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import google_crc32c
import numpy as np

from runtime import storage
from runtime.errors import CheckpointError, StorageError, StorageReason

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

FILE = "manifest.json"
WEIGHTS, SLOTS, STATE = "weights", "optimizer", "state"
NAMES = (
    {
        WEIGHTS: "weights.safetensors",
        SLOTS: "optimizer.safetensors",
        STATE: "state.json",
    },
    {
        WEIGHTS: "weights.2.safetensors",
        SLOTS: "optimizer.2.safetensors",
        STATE: "state.2.json",
    },
)
"""Two sets of names: a checkpoint that replaces one of its step takes the other."""

OUR_FILES = frozenset(name for names in NAMES for name in names.values())

_FORMAT = 2
_LONGEST_MANIFEST = 1 << 20  # bytes; ours have under 1000
_CHECKED_AT_ONCE = 8 << 20  # bytes that a checksum takes in


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """One file of a checkpoint: its name, its length in bytes and its CRC32C."""

    name: str
    size: int
    crc32c: str


@dataclasses.dataclass(frozen=True, slots=True)
class Manifest:
    """What makes a folder a checkpoint.

    Attributes:
        step: Number of updates done.
        metrics: How good the checkpoint is, by the metric's name.
        entries: The files, by what they hold.
    """

    step: int
    metrics: Mapping[str, float]
    entries: Mapping[str, Entry]

    def write(self, folder: str) -> None:
        """Makes the folder a checkpoint."""
        files = {role: dataclasses.asdict(each) for role, each in self.entries.items()}
        content = {
            "format": _FORMAT,
            "step": self.step,
            "metrics": self.metrics,
            "files": files,
        }
        whole = {**content, "crc32c": _checksum(json_bytes(content))}
        storage.write_bytes(storage.join(folder, FILE), json_bytes(whole))

    @classmethod
    def read(cls, folder: str) -> Manifest | None:
        """Returns the folder's manifest; None where there is no valid one.

        Raises:
            CheckpointError: it is written in another format.
            StorageError: it could not be asked.
        """
        path = storage.join(folder, FILE)
        found = storage.stat(path)
        if found is None or found.size > _LONGEST_MANIFEST:
            return None
        try:
            content = json.loads(storage.read_bytes(path))
            version = content["format"]
            if version == _FORMAT:
                return cls._parse(content)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None
        raise CheckpointError(
            f"{path} is written in format {version}, this version reads {_FORMAT}."
            " Use the version that wrote it, or choose another --output_dir."
        )

    @classmethod
    def _parse(cls, content: Mapping[str, Any]) -> Manifest:
        """Returns the manifest that a JSON object is.

        Raises:
            KeyError: It is none.
            TypeError: It is none.
            ValueError: It is none.
        """
        rest = {name: value for name, value in content.items() if name != "crc32c"}
        if content["crc32c"] != _checksum(json_bytes(rest)):
            raise ValueError("its own checksum is wrong")
        files, step = content["files"], content["step"]
        metrics = {name: float(x) for name, x in content["metrics"].items()}
        if not isinstance(files, dict) or not isinstance(step, int):
            raise TypeError(f"files: {files!r}, step: {step!r}")
        entries = {role: Entry(**files[role]) for role in (WEIGHTS, SLOTS, STATE)}
        if any(entry.name not in OUR_FILES for entry in entries.values()):
            raise ValueError(f"unknown file names in {files!r}")
        return cls(step=step, metrics=metrics, entries=entries)

    def open(self, folder: str, *, role: str) -> BinaryIO:
        """Opens one file, at its start, once all of it is known to be as it was saved.

        Raises:
            CheckpointError: the file is missing or not the one that was saved.
            StorageError: it could not be asked.
        """
        expected = self.entries[role]
        path = storage.join(folder, expected.name)
        advice = "Delete that folder to go on from the checkpoint before it."
        try:
            file = storage.open_read(path)
        except StorageError as error:
            if error.reason in {StorageReason.MISSING, StorageReason.DAMAGED}:
                raise CheckpointError(f"{error} {advice}") from error
            raise
        size, crc32c = _measured(file, expected=expected.size)
        if (size, crc32c) != (expected.size, expected.crc32c):
            file.close()
            raise CheckpointError(
                f"{path} is damaged: expected {expected.size} bytes with the CRC32C"
                f" {expected.crc32c}, found {size} bytes"
                f"{f' with {crc32c}' if crc32c else ''}. {advice}"
            )
        return file


class _Summing:
    """Passes what is written on to a file, and sums it up.

    Attributes:
        size: Bytes so far.
        crc32c: Checksum of them.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size = self.crc32c = 0

    def write(self, data: ReadableBuffer) -> int:
        whole = np.frombuffer(memoryview(data), np.uint8)
        whole.flags.writeable = False  # google_crc32c takes nothing that may change
        for start in range(0, len(whole), _CHECKED_AT_ONCE):
            block = whole[start : start + _CHECKED_AT_ONCE]
            self.crc32c = google_crc32c.extend(self.crc32c, block)
            self._file.write(block.data)
        self.size += len(whole)
        return len(whole)


def write_file(folder: str, *, name: str, write: Callable[[BinaryIO], object]) -> Entry:
    """Writes one file of a checkpoint.

    Args:
        folder: The checkpoint's.
        name: The file's.
        write: Writes what it holds.
    """
    with storage.open_write(storage.join(folder, name)) as file:
        summing = _Summing(file)
        write(cast(BinaryIO, summing))
    return Entry(name=name, size=summing.size, crc32c=f"{summing.crc32c:08x}")


def _measured(file: BinaryIO, *, expected: int) -> tuple[int, str]:
    """Size and checksum of a file, which stands at its start again.

    One of another size than expected is not read; its checksum is "".
    """
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    if size != expected:
        return size, ""
    crc32c = 0
    while block := file.read(_CHECKED_AT_ONCE):
        crc32c = google_crc32c.extend(crc32c, block)
    file.seek(0)
    return size, f"{crc32c:08x}"


def _checksum(content: bytes) -> str:
    return f"{google_crc32c.value(content):08x}"


def json_bytes(content: Mapping[str, object]) -> bytes:
    """Returns a JSON file; equal content gives equal bytes."""
    return (json.dumps(content, indent=2, sort_keys=True) + "\n").encode("utf-8")
