"""Objects that grow: a bucket replaces objects and does not add to them."""

from __future__ import annotations

import contextlib
import io
import time
from typing import TYPE_CHECKING, BinaryIO, Protocol

from runtime.storage.base import AppendFile, Stat
from runtime.storage.download_cache import spooled

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_BUFFER_BYTES = 1 << 20


class _Home(Protocol):
    """What of a bucket is needed here."""

    def stat(self, path: str) -> Stat | None: ...

    def open_read(self, path: str) -> BinaryIO: ...

    def upload(self, path: str, file: BinaryIO, *, replaces: str | None) -> Stat: ...


class GrowingObject(AppendFile):
    """An object that is added to, by uploading it whole from time to time.

    What was added is in the bucket after `sync`, at `close`, and at a `flush` that
    comes long enough after the last upload: `between_flushes`, and ten times what that
    upload took.

    Args:
        path: The object; what it holds already stays at the front.
        storage: Where it lies.
        between_flushes: Seconds.
    """

    def __init__(self, path: str, *, storage: _Home, between_flushes: float) -> None:
        self._storage, self._path, self._pause = storage, path, between_flushes
        self._changed, self._due = False, 0.0
        self._closing = contextlib.ExitStack()
        self._content = self._closing.enter_context(spooled(path))
        self._version = "0"
        if found := storage.stat(path):
            self._version = found.version
            with storage.open_read(path) as file:
                while block := file.read(_BUFFER_BYTES):
                    self._content.write(block)

    def writable(self) -> bool:
        """Returns True."""
        return True

    def write(self, data: ReadableBuffer, /) -> int:
        """Adds bytes."""
        self._content.seek(0, io.SEEK_END)
        self._changed = True
        return self._content.write(data)

    def flush(self) -> None:
        """Uploads, if it is long enough ago."""
        if self._changed and time.monotonic() >= self._due:
            self.sync()

    def sync(self) -> None:
        """Uploads what was added."""
        if not self._changed:
            return
        start = time.monotonic()
        sent = self._storage.upload(self._path, self._content, replaces=self._version)
        self._version, self._changed = sent.version, False
        end = time.monotonic()
        self._due = end + max(self._pause, 10 * (end - start))

    def close(self) -> None:
        """Uploads what was added, and ends."""
        if self.closed:
            return
        try:
            self.sync()
        finally:
            self._changed = False
            super().close()
            self._closing.close()
