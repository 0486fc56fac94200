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
from runtime.errors import StorageError, StorageReason
from runtime.storage.base import Lock
from runtime.storage.lock import Rhythm

LOCK_FILE = "run.lock"

_BOOT = "/proc/sys/kernel/random/boot_id"  # differs after each start of a machine

_log = logging.getLogger(__name__)


class NoLock(Lock):
    """Where locks do not work, nothing is held."""

    def check(self) -> None:
        """Does nothing."""

    def release(self) -> None:
        """Does nothing."""


@contextlib.contextmanager
def hold(folder: str, *, rhythm: Rhythm | None = None) -> Iterator[Lock]:
    """Keeps other runs out of a folder for as long as the `with` block.

    A lock that a killed run has left is taken over: on a disk at once, in a bucket too
    when it ran on this machine, else after a minute.

    Args:
        folder: The output directory.
        rhythm: How often a lock in a bucket is renewed.

    Yields:
        The lock.

    Raises:
        StorageError: Another run is there, reason EXISTS; or another failure.
    """
    is_new = not storage.exists(folder)
    lock = _lock(folder, rhythm=rhythm)
    try:
        yield lock
    finally:
        lock.release()
        if is_new and storage.is_dir(folder) and not storage.list_dir(folder):
            storage.delete_tree(folder)  # the run wrote nothing


def _lock(folder: str, *, rhythm: Rhythm | None) -> Lock:
    path = storage.join(folder, LOCK_FILE)
    try:
        return storage.lock(path, content=_ourselves(), is_dead=_is_dead, rhythm=rhythm)
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
        "boot": _boot(),
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "since": now,
        "token": uuid.uuid4().hex,
    }
    return (json.dumps(content, indent=2) + "\n").encode()


def _boot() -> str:
    return storage.read_text(_BOOT).strip() if storage.exists(_BOOT) else ""


def _is_dead(content: bytes) -> bool:
    """Whether the holder ran on this machine and does no more."""
    holder = _parsed(content)
    here = (socket.gethostname(), _boot())
    if (holder.get("host"), holder.get("boot")) != here or not here[1]:
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
