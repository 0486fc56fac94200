"""Whether a run can write where it is to: permissions, and space on a disk."""

from __future__ import annotations

import logging
import uuid

from runtime import storage
from runtime.errors import StorageError, StorageReason

_log = logging.getLogger(__name__)

_CONTENT = b"written by doctor.py; may be deleted\n"


def probe_writable(path: str) -> None:
    """Creates, reads, lists and deletes a small file, as a run does.

    Args:
        path: A folder or `gs://bucket/folder`.

    Raises:
        StorageError: One of them fails.
    """
    name = f"doctor-{uuid.uuid4().hex}.txt"
    file = storage.join(path, name)
    storage.write_bytes(file, _CONTENT)
    try:
        if storage.read_bytes(file) != _CONTENT:
            raise StorageError(f"{file} does not hold what was written to it.")
        if name not in storage.list_dir(path):
            raise StorageError(f"{path} does not list {name}, which is in it.")
    finally:
        storage.delete(file)


def refuse_small_space(path: str, *, checkpoint_bytes: int, count: int) -> None:
    """Refuses a disk that cannot hold one checkpoint; warns where not all fit.

    Args:
        path: The folder of the checkpoints.
        checkpoint_bytes: Size of one.
        count: How many there will be at most, with the one being written.

    Raises:
        StorageError: Not even one fits.
    """
    free = storage.free_bytes(path)
    if free is None:
        return
    needed = f"a checkpoint takes {_readable(checkpoint_bytes)}"
    if free < checkpoint_bytes:
        raise StorageError(
            f"The disk of {path} is too full: {needed}, {_readable(free)} are free."
            " Make space, or choose another --output_dir.",
            reason=StorageReason.DISK_FULL,
        )
    if free < count * checkpoint_bytes:
        _log.warning(
            "The disk of %s may fill up: %s, %s are free, and up to %d are there at a"
            " time. Lower --keep_checkpoints or make space.",
            path,
            needed,
            _readable(free),
            count,
        )


def _readable(size: int) -> str:
    return f"{size / 1e9:.2f} GB" if size >= 1e7 else f"{size / 1e6:.2f} MB"
