"""A lock on a folder of a bucket: an object that its holder renews.

A bucket frees nothing when a process dies. The holder therefore uploads the object
anew every few seconds; who finds it unchanged for long enough may replace it. No clock
of another machine is read: the waiting one watches the object's generation. A holder
that could not renew it for nearly as long, because it was suspended or cut off, counts
on it no more.
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

# Linux' monotonic clock stands still while the machine is suspended; others' do not.
_CLOCK: int | None = getattr(time, "CLOCK_BOOTTIME", None)

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class LeaseTimes:
    """Seconds of a lock in a bucket.

    Attributes:
        renewal: Between two renewals by the holder.
        stale: How long a lock must stay unrenewed to be taken over.
        look: Between two looks of one who waits.
    """

    renewal: float = 15
    stale: float = 60
    look: float = 5

    @property
    def trusted(self) -> float:
        """How long the holder counts on a renewal: the rest is for what it writes."""
        return 0.75 * self.stale


class BucketLock(Lock):
    """Holds an object that others look for.

    Args:
        path: The object.
        content: What it holds; different for every holder.
        storage: Where it lies.
        is_dead: Tells from another's content whether that one is known to be gone.
        lease_times: How often it is renewed.

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
        lease_times: LeaseTimes,
    ) -> None:
        self._path, self._content, self._storage = path, content, storage
        self._lease_times = lease_times
        self._lost: StorageError | None = None
        self._turn = threading.Lock()  # of the two threads that renew it
        self._renewed = _now()
        self._version = self._acquire(is_dead).version
        self._ending = threading.Event()
        self._renewing = threading.Thread(
            target=self._renew_for_ever, name="lock", daemon=True
        )
        self._renewing.start()

    def check(self) -> None:
        """Refuses to go on where another process has the lock, or may have it.

        A lock that was not renewed in time is renewed first, as patiently as anything
        is written; nobody has taken it over then.

        Raises:
            StorageError: Another process has it, reason EXISTS; or it could not be
                renewed, reason NO_ANSWER.
        """
        for _ in range(2):  # the first may itself take as long
            if self._age() > self._lease_times.trusted:
                self._renew()
        if self._lost is not None:
            raise self._lost
        if (age := self._age()) > self._lease_times.trusted:
            raise StorageError(
                f"Cannot go on writing beside {self._path}: this lock was last renewed "
                f"{age:.0f} s ago, and after {self._lease_times.stale:g} s another run "
                "may have taken it over. Start the same command again, which goes on "
                "from the last checkpoint.",
                reason=StorageReason.NO_ANSWER,
            )

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
        while True:
            held = self._storage.stat(self._path)
            if held is not None and not self._is_left(is_dead):
                held = self._watch(held)
            self._renewed = _now()
            try:
                return self._upload(replaces=held.version if held else "0")
            except StorageError as error:
                if error.reason is not StorageReason.CHANGED:
                    raise
                if self._storage.stat(self._path) is not None:
                    raise self._taken() from error
            # Its holder has ended between the two questions.

    def _is_left(self, is_dead: Callable[[bytes], bool]) -> bool:
        """Whether the holder is known to be gone, or has just let go.

        Raises:
            StorageError: It could not be asked.
        """
        try:
            with self._storage.open_read(self._path) as file:
                return is_dead(file.read())
        except StorageError as error:
            if error.reason is not StorageReason.MISSING:
                raise
            return True

    def _watch(self, held: Stat) -> Stat | None:
        """Waits until the object stayed unrenewed long enough, or is deleted.

        Returns:
            What is to be replaced; None where nothing is left.

        Raises:
            StorageError: Its holder renews it: reason EXISTS.
        """
        _log.info("Waiting whether %s is still renewed by its holder.", self._path)
        end = time.monotonic() + self._lease_times.stale
        while (found := self._storage.stat(self._path)) is not None:
            if found != held:
                raise self._taken()
            if time.monotonic() >= end:
                break
            time.sleep(self._lease_times.look)
        return found

    def _renew_for_ever(self) -> None:
        while self._lost is None and not self._ending.wait(self._lease_times.renewal):
            self._renew()

    def _renew(self) -> None:
        with self._turn:
            if self._lost is not None:
                return
            start = _now()  # at the earliest from here on it is unrenewed for others
            try:
                self._version = self._upload(replaces=self._version).version
            except StorageError as error:
                _log.warning("%s", error)
                if error.reason is StorageReason.CHANGED:
                    self._lost = self._taken()
                return
            self._renewed = start

    def _age(self) -> float:
        return _now() - self._renewed

    def _upload(self, *, replaces: str) -> Stat:
        return self._storage.upload(
            self._path, io.BytesIO(self._content), replaces=replaces
        )

    def _taken(self) -> StorageError:
        return StorageError(
            f"Cannot lock {self._path}: another process holds it.",
            reason=StorageReason.EXISTS,
        )


def _now() -> float:
    """Seconds that nobody sets, and that pass while the machine sleeps, where known."""
    return time.clock_gettime(_CLOCK) if _CLOCK is not None else time.monotonic()
