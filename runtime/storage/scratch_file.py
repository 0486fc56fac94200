"""Files without a name on the local disk, for what would take too much memory.

The system deletes such a file once nobody has it open or mapped, however a program
ends. On many systems /tmp is memory, where nothing would be won: unless TMPDIR names
another folder, it lies in /var/tmp.

Source: systemd, file-hierarchy(7), on /var/tmp: "the place for larger files".
"""

from __future__ import annotations

import contextlib
import errno
import mmap
import os
import tempfile
import weakref
from collections.abc import Iterator
from typing import TYPE_CHECKING

from runtime.errors import StorageError, StorageReason

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_SMALL, _LARGE = "/tmp", "/var/tmp"
_WHAT = "data that are too large for the memory"


class ScratchFile:
    """A file that grows at its end, then is looked at."""

    def __init__(self) -> None:
        self._folder = _folder()
        self._file = tempfile.TemporaryFile(  # noqa: SIM115 - closed with its holder
            buffering=0, dir=self._folder
        )
        weakref.finalize(self, self._file.close)

    def append(self, data: ReadableBuffer) -> None:
        """Adds bytes.

        Args:
            data: Them, uint8 [any].

        Raises:
            StorageError: There is no space left.
        """
        with disk_full_is_told(_WHAT, folder=self._folder):
            rest = memoryview(data)
            while rest:
                rest = rest[self._file.write(rest) :]

    def map(self) -> mmap.mmap:
        """All its bytes, one at least, read-only; read as far as they are looked at."""
        return mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)


def _folder() -> str:
    found = tempfile.gettempdir()
    is_better = found == _SMALL and os.access(_LARGE, os.W_OK | os.X_OK)
    return _LARGE if is_better else found


@contextlib.contextmanager
def disk_full_is_told(what: str, *, folder: str) -> Iterator[None]:
    """Says what to do about a disk on which there is no space left.

    Args:
        what: What is to lie there for a while.
        folder: Where.

    Raises:
        StorageError: There is no space left.
        OSError: Something else went wrong.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
            raise
        raise StorageError(
            f"Cannot hold {what} in {folder}: {error.strerror}. Let TMPDIR name a"
            " folder with more space.",
            reason=StorageReason.DISK_FULL,
        ) from error
