"""Whether a run can create, read, list and delete files where it is to write."""

from __future__ import annotations

import logging
import uuid

from runtime import storage
from runtime.doctor import bucket_check
from runtime.doctor.diagnosis import Finding, Verdict
from runtime.errors import StorageError, StorageReason

_log = logging.getLogger(__name__)

_CHECK = "output_dir"
_CONTENT = b"written by doctor.py; may be deleted\n"


def check(path: str) -> list[Finding]:
    """Tries a small file out in a folder or a bucket.

    Args:
        path: Where a run is to write; a local folder is made, as a run would.

    Returns:
        What was found; the file is gone again.
    """
    if path.startswith("gs://"):
        return bucket_check.check(path)
    return [_folder(path)]


def _folder(path: str) -> Finding:
    try:
        probe_writable(path)
    except StorageError as error:
        return Finding(
            check=_CHECK,
            verdict=Verdict.PROBLEM,
            found=str(error),
            remedy="Choose another --output_dir, or make this one writable to you.",
        )
    found = f"{path}: files can be created, read, listed and deleted"
    return Finding(check=_CHECK, verdict=Verdict.OK, found=found)


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
