"""One run at a time in an output directory."""

from __future__ import annotations

import contextlib
import datetime
import json
import logging
import os
import socket
import uuid
from collections.abc import Iterator

from runtime import storage
from runtime.checkpoints import checkpoints
from runtime.errors import StorageError, StorageReason
from runtime.storage.base import Lock
from runtime.storage.lock import LeaseTimes

LOCK_FILE = "run.lock"

_BOOT = "/proc/sys/kernel/random/boot_id"  # differs after each start of a machine
_PID_NAMESPACE = "/proc/self/ns/pid"  # each container numbers its own processes

_log = logging.getLogger(__name__)


class NoLock(Lock):
    """Where locks do not work, nothing is held."""

    def check(self) -> None:
        """Does nothing."""

    def release(self) -> None:
        """Does nothing."""


@contextlib.contextmanager
def hold(folder: str, *, lease_times: LeaseTimes | None = None) -> Iterator[Lock]:
    """Keeps other runs out of a folder for as long as the `with` block.

    A lock that a killed run has left is taken over: on a disk at once, in a bucket too
    when it ran on this machine, else after a minute. What that run left half written is
    deleted.

    Args:
        folder: The output directory.
        lease_times: How often a lock in a bucket is renewed.

    Yields:
        The lock.

    Raises:
        StorageError: Another run is there, reason EXISTS; or another failure.
    """
    is_new = not storage.exists(folder)
    lock = _lock(folder, lease_times=lease_times)
    try:
        if not isinstance(lock, NoLock):
            _tidy(folder)
        yield lock
    finally:
        lock.release()
        if is_new:
            storage.delete_empty_dir(folder)  # the run wrote nothing


def _tidy(folder: str) -> None:
    """Deletes what killed runs left half written; holding the lock, no other lives."""
    directory = storage.join(folder, checkpoints.DIRECTORY)
    # Named by itself as well: it may be a link to another disk.
    deleted = storage.delete_abandoned(folder) + storage.delete_abandoned(directory)
    if deleted:
        _log.info("Deleted what a killed run left half written: %s", ", ".join(deleted))
    checkpoints.tidy(directory)


def _lock(folder: str, *, lease_times: LeaseTimes | None) -> Lock:
    path = storage.join(folder, LOCK_FILE)
    try:
        return storage.lock(
            path, content=_ourselves(), is_dead=_is_dead, lease_times=lease_times
        )
    except StorageError as error:
        if error.reason is StorageReason.UNSUPPORTED:
            _log.warning("%s Two runs there at a time would not be noticed.", error)
            return NoLock()
        if error.reason is not StorageReason.EXISTS:
            raise
        raise StorageError(
            f"{folder} is in use by {_who(path)}. Let that run end, or choose another"
            " --output_dir.",
            reason=StorageReason.EXISTS,
        ) from error


def _ourselves() -> bytes:
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    content = {
        **_place(),
        "pid": os.getpid(),
        "since": now,
        "token": uuid.uuid4().hex,
    }
    return (json.dumps(content, indent=2) + "\n").encode()


def _place() -> dict[str, str]:
    """Where a number means one process; a value is empty where it cannot be told."""
    return {
        "boot": storage.read_text(_BOOT).strip() if storage.exists(_BOOT) else "",
        "host": socket.gethostname(),
        "pid_namespace": storage.link_target(_PID_NAMESPACE) or "",
    }


def _is_dead(content: bytes) -> bool:
    """Whether the holder ran on this machine, in this container, and does no more."""
    holder, here = _parsed(content), _place()
    if not all(here.values()) or not here.items() <= holder.items():
        return False
    try:
        os.kill(int(str(holder.get("pid"))), 0)
    except (ProcessLookupError, OverflowError, ValueError):
        return True
    except PermissionError:
        return False
    return False


def _who(path: str) -> str:
    try:
        holder = _parsed(storage.read_bytes(path))
    except StorageError:  # it has just gone
        holder = {}
    if "pid" not in holder:
        return "another run"
    return (
        f"process {holder.get('pid')} on {holder.get('host')} since "
        f"{holder.get('since')}"
    )


def _parsed(content: bytes) -> dict[str, object]:
    try:
        holder = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return holder if isinstance(holder, dict) else {}
