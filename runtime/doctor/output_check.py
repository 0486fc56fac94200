"""Whether a run can create, read, list and delete files where it is to write."""

from __future__ import annotations

from runtime.doctor import bucket_check
from runtime.doctor.diagnosis import Finding, Verdict
from runtime.errors import StorageError
from runtime.storage import write_check

_CHECK = "output_dir"


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
        write_check.probe_writable(path)
    except StorageError as error:
        return Finding(
            check=_CHECK,
            verdict=Verdict.PROBLEM,
            found=str(error),
            remedy="Choose another --output_dir, or make this one writable to you.",
        )
    found = f"{path}: files can be created, read, listed and deleted"
    return Finding(check=_CHECK, verdict=Verdict.OK, found=found)
