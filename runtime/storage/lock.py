"""A lock on a folder of a bucket: an object that its holder renews.

A bucket frees nothing when a process dies. The holder therefore uploads the object
anew every few seconds; who finds it unchanged for long enough may replace it. No clock
of another machine is read: the waiting one watches the object's generation.
"""

from __future__ import annotations

import dataclasses
import io
import logging
import threading
import time
from collections.abc import Callable

from runtime.errors import StorageError, StorageReason
from runtime.storage.base import Lock, Stat
from runtime.storage.bucket import BucketStorage

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Rhythm:
    """Seconds of a lock in a bucket.

    Attributes:
        renewal: Between two renewals by the holder.
        stale: How long a lock must stay unrenewed to be taken over.
        look: Between two looks of one who waits.
    """

    renewal: float = 15
    stale: float = 60
    look: float = 5


class BucketLock(Lock):
    """Holds an object that others look for.

    Args:
        path: The object.
        content: What it holds; different for every holder.
        storage: Where it lies.
        is_dead: Tells from another's content whether that one is known to be gone.
        rhythm: How often it is renewed.

    Raises:
        StorageError: Another process holds it, reason EXISTS; or another failure.
    """

    def __init__(
        self,
        path: str,
        *,
        content: bytes,
        storage: BucketStorage,
        is_dead: Callable[[bytes], bool],
        rhythm: Rhythm,
    ) -> None:
        self._path, self._content, self._storage = path, content, storage
        self._rhythm = rhythm
        self._lost: StorageError | None = None
        self._version = self._acquire(is_dead).version
        self._ending = threading.Event()
        self._renewing = threading.Thread(target=self._renew, name="lock", daemon=True)
        self._renewing.start()

    def check(self) -> None:
        """Raises a StorageError if another process has taken the lock over."""
        if self._lost is not None:
            raise self._lost

    def release(self) -> None:
        """Deletes the object, if it is still ours."""
        self._ending.set()
        self._renewing.join()
        if self._lost is None:
            self._storage.delete(self._path, version=self._version)

    def _acquire(self, is_dead: Callable[[bytes], bool]) -> Stat:
        """Makes the object, or replaces one that nobody renews.

        Raises:
            StorageError: Its holder renews it, or another was faster: reason EXISTS.
        """
        held = self._storage.stat(self._path)
        if held is not None and not is_dead(self._holder()):
            held = self._watch(held)
        try:
            return self._upload(replaces=held.version if held else "0")
        except StorageError as error:
            if error.reason is not StorageReason.CHANGED:
                raise
            raise self._taken() from error

    def _watch(self, held: Stat) -> Stat | None:
        """Waits until the object stayed unrenewed long enough, or is deleted.

        Returns:
            What is to be replaced; None where nothing is left.

        Raises:
            StorageError: Its holder renews it: reason EXISTS.
        """
        _log.info("Waiting whether %s is still renewed by its holder.", self._path)
        end = time.monotonic() + self._rhythm.stale
        while (found := self._storage.stat(self._path)) is not None:
            if found != held:
                raise self._taken()
            if time.monotonic() >= end:
                break
            time.sleep(self._rhythm.look)
        return found

    def _renew(self) -> None:
        while not self._ending.wait(self._rhythm.renewal):
            try:
                self._version = self._upload(replaces=self._version).version
            except StorageError as error:
                _log.warning("%s", error)
                if error.reason is StorageReason.CHANGED:
                    self._lost = self._taken()
                    return

    def _upload(self, *, replaces: str) -> Stat:
        return self._storage.upload(
            self._path, io.BytesIO(self._content), replaces=replaces
        )

    def _holder(self) -> bytes:
        with self._storage.open_read(self._path) as file:
            return file.read()

    def _taken(self) -> StorageError:
        return StorageError(
            f"Cannot lock {self._path}: another process holds it.",
            reason=StorageReason.EXISTS,
        )
