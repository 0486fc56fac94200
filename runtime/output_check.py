"""Whether a run can create, read, list and delete files where it is to write."""

from __future__ import annotations

import uuid

from runtime import bucket_check, storage
from runtime.diagnosis import Finding, Verdict
from runtime.errors import StorageError

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
        try_out(path)
    except StorageError as error:
        return Finding(
            check=_CHECK,
            verdict=Verdict.PROBLEM,
            found=str(error),
            remedy="Choose another --output_dir, or make this one writable to you.",
        )
    found = f"{path}: files can be created, read, listed and deleted"
    return Finding(check=_CHECK, verdict=Verdict.OK, found=found)


def try_out(path: str) -> None:
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
