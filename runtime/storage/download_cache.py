"""What lies on the local disk on its way from or to a bucket."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import BinaryIO, cast

from runtime.storage import scratch_file

MOST_IN_MEMORY = 16 << 20
"""Bytes of one object; a larger one goes to the local disk."""

_MOST_COPIES = 4  # large objects that are kept for when they are opened again


@contextlib.contextmanager
def spooled(path: str) -> Iterator[BinaryIO]:
    """Makes a temporary file, in memory while it is small.

    Args:
        path: Where its content is to go, for errors.

    Yields:
        The file, for reading and writing.
    """
    with (
        scratch_file.disk_full_is_told(path, folder=tempfile.gettempdir()),
        tempfile.SpooledTemporaryFile(MOST_IN_MEMORY) as file,
    ):
        yield cast(BinaryIO, file)


class LocalCopies:
    """Copies of large objects on the local disk, by path and generation.

    They are deleted when the program ends.
    """

    def __init__(self) -> None:
        self._folder: str | None = None
        self._files: dict[str, str] = {}
        self._lock = threading.Lock()

    def open(self, key: str, *, fill: Callable[[BinaryIO], None]) -> BinaryIO:
        """Opens the copy; `fill` writes it where there is none yet."""
        folder = tempfile.gettempdir()
        with self._lock, scratch_file.disk_full_is_told(key, folder=folder):
            return self._open(key, fill=fill)

    def _open(self, key: str, *, fill: Callable[[BinaryIO], None]) -> BinaryIO:
        if key not in self._files:
            if self._folder is None:
                self._folder = tempfile.mkdtemp()
                weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
            descriptor, path = tempfile.mkstemp(dir=self._folder)
            with open(descriptor, "w+b") as file:
                fill(file)
            self._files[key] = path
            while len(self._files) > _MOST_COPIES:
                # Who still reads it keeps reading; the name alone goes.
                os.remove(self._files.pop(next(iter(self._files))))
        return open(self._files[key], "rb")
