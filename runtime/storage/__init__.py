"""Every path touch of the toolkit: read, write, list and delete files by their path.

Paths are plain strings, of a disk or `gs://bucket/name`. A write is whole or absent:
no reader and no crash ever meets half a file. Every failure is a StorageError that
names the path and the reason.

base.py             what a storage can do, a disk or a bucket
local.py            files on disks
bucket.py           objects in buckets
lock.py             a lock on a folder of a bucket
file_lock.py        the system's locks on open files
bucket_client.py    the client, and what its errors mean
bucket_requests.py  requests repeated until they succeed or cannot
append_object.py    objects that grow
download_cache.py   files on their way from or to a bucket
scratch_file.py     what would take too much memory
write_check.py      whether a run can write where it is to
"""

from __future__ import annotations

import functools
import os
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, BinaryIO

from runtime.errors import DataError, StorageError, StorageReason
from runtime.storage import bucket_client, local
from runtime.storage.base import AppendFile, Lock, Stat, Storage
from runtime.storage.bucket import BucketStorage
from runtime.storage.bucket_requests import SCHEME
from runtime.storage.local import LocalLock, LocalStorage
from runtime.storage.lock import BucketLock, LeaseTimes

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_BUFFER_BYTES = 1 << 20
_LOCAL = LocalStorage()

temporary_dir = local.temporary_dir


# Names -------------------------------------------------------------------------------


def is_remote(path: str) -> bool:
    """Returns whether `path` is one of a bucket."""
    return path.startswith(SCHEME)


def join(path: str, *names: str) -> str:
    """Returns `path` followed by `names`, one separator between each."""
    return os.path.join(path, *names)


def resolve(path: str, *, folder: str) -> str:
    """Returns where `path` leads: below `folder`, unless it says by itself where.

    Args:
        path: A relative path; or one that is absolute, of a bucket, or starts with `~`.
        folder: What relative paths are below.
    """
    if is_remote(path):
        return path
    return join(folder, os.path.expanduser(path))


def is_relative(path: str) -> bool:
    """Returns whether `resolve` puts `path` below a folder."""
    return not (is_remote(path) or os.path.isabs(os.path.expanduser(path)))


def user_cache(*names: str) -> str:
    """A folder of this user for what can be made again."""
    return os.path.join(os.path.expanduser("~"), ".cache", "tf-bert-toolkit", *names)


def expand_user(path: str) -> str:
    """Returns a path with the home folder in place of `~` or `~user` at its start.

    Args:
        path: Any path; one that starts otherwise is returned as it is.

    Raises:
        StorageError: There is no such user, or the home folder is not known.
    """
    expanded = os.path.expanduser(path)
    if expanded.startswith("~"):
        user = path.partition("/")[0]
        raise StorageError(
            f"{user} is no user with a home folder here; a file that is really called "
            f"so is ./{user}",
            reason=StorageReason.MISSING,
        )
    return expanded


def basename(path: str) -> str:
    """Returns the last name of `path`; a trailing separator does not count."""
    return os.path.basename(path.rstrip("/"))


def dirname(path: str) -> str:
    """Returns `path` without its last name; "" for a bare name."""
    return os.path.dirname(path.rstrip("/") or path)


def inside(folder: str, name: str, *, root: str | None = None) -> str:
    """Returns the path of a file that a folder from strangers should hold.

    Args:
        folder: The folder; it may itself be a link.
        name: The file below it, as a file of strangers may call it.
        root: Where links in the folder may lead to; by default the folder.

    Raises:
        StorageError: The name, or a link under that name, leads elsewhere.
    """
    parts = name.replace("\\", "/").split("/")
    if ".." in parts or not all(parts) or "\0" in name or ":" in parts[0]:
        raise StorageError(
            f"Cannot use {name!r} of {folder}: expected the name of a file in it."
        )
    path = join(folder, *parts)
    if "://" not in folder and not _is_below(path, root or folder):
        raise StorageError(
            f"Cannot use {path}: it is a link to {os.path.realpath(path)}, which is "
            f"not below {root or folder}. Copy the file itself to this place."
        )
    return path


# Questions ---------------------------------------------------------------------------


def stat(path: str) -> Stat | None:
    """Returns size and version of the file; None where there is no such file."""
    return _of(path).stat(path)


def exists(path: str) -> bool:
    """Returns whether `path` is there; a StorageError when it could not be asked."""
    return stat(path) is not None or is_dir(path)


def is_dir(path: str) -> bool:
    """Returns whether `path` is a directory; in a bucket, a prefix of objects."""
    return _of(path).is_dir(path)


def size(path: str) -> int:
    """Returns the length of the file in bytes.

    Raises:
        StorageError: there is no such file.
    """
    found = stat(path)
    if found is None:
        raise StorageError(
            f"Cannot read {path}: does not exist.", reason=StorageReason.MISSING
        )
    return found.size


def checksum(path: str) -> int:
    """Returns the CRC32C of a file's bytes; that of an object without reading it.

    Raises:
        StorageError: there is no such file.
    """
    return _of(path).checksum(path)


def list_dir(path: str) -> list[str]:
    """Returns the sorted names in the directory, without unfinished writes.

    An empty directory of a bucket and a missing one are the same: no names.
    """
    return _of(path).list_dir(path)


def glob(pattern: str) -> list[str]:
    """Returns the sorted paths that match; `**` crosses directories."""
    return _of(pattern).glob(pattern)


def free_bytes(path: str) -> int | None:
    """Returns the space left for files at `path`; None where there is no limit."""
    return _of(path).free_bytes(path)


def link_target(path: str) -> str | None:
    """Returns what a link of the local disk says, None where there is no such link."""
    return local.link_target(path)


# Reading -----------------------------------------------------------------------------


def open_read(path: str) -> BinaryIO:
    """Opens a file for reading, seekable; use it in a `with` statement.

    An object of a bucket is fetched whole and checked first, to memory or, when it is
    large, to the local disk.
    """
    return _of(path).open_read(path)


def read_bytes(path: str) -> bytes:
    """Returns the whole file."""
    with open_read(path) as file:
        return file.read()


def read_text(path: str, encoding: str = "utf-8") -> str:
    r"""Returns the whole file as text, with `\r\n` and `\r` kept as they are.

    A byte order mark, which editors of Windows put at the start, is no text.

    Raises:
        DataError: the bytes are not text in that encoding; names the first wrong one.
    """
    try:
        return read_bytes(path).decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise DataError(
            f"expected {encoding} text, found the byte {error.object[error.start]:#04x}"
            f" ({error.reason}). Say which encoding the file has, or convert it.",
            path=path,
            offset=error.start,
        ) from error


# Writing -----------------------------------------------------------------------------


def open_write(path: str) -> AbstractContextManager[BinaryIO]:
    """Opens a file for streaming, whole-or-absent writing; makes its parents.

    The file appears under its name, replacing an earlier one, when the `with` block
    ends well. When it ends by an exception nothing has changed.
    """
    return _of(path).open_write(path)


def open_append(path: str) -> AppendFile:
    """Opens a file to add to its end; makes it and its parents where missing.

    Use it in a `with` statement. On a disk, bytes are there for other readers after
    `flush()`. An object of a bucket is uploaded anew, at a `flush()` some time after
    the last. `sync()` makes sure of it on both.
    """
    return _of(path).open_append(path)


def write_bytes(path: str, data: ReadableBuffer) -> None:
    """Writes the whole file or nothing."""
    with open_write(path) as file:
        file.write(data)


def write_text(path: str, text: str) -> None:
    r"""Writes the whole file or nothing, as UTF-8 with `\n` as given."""
    write_bytes(path, text.encode("utf-8"))


# Arranging ---------------------------------------------------------------------------


def make_dirs(path: str) -> None:
    """Makes the directory and its parents; fine when it is there."""
    _of(path).make_dirs(path)


def delete(path: str) -> None:
    """Deletes one file."""
    _of(path).delete(path)


def delete_tree(path: str) -> None:
    """Deletes a directory and all it holds."""
    _of(path).delete_tree(path)


def delete_empty_dir(path: str) -> None:
    """Deletes a directory if it is there and holds nothing."""
    _of(path).delete_empty_dir(path)


def delete_abandoned(path: str) -> list[str]:
    """Deletes what writes into a directory have left whose process was killed.

    What a living process writes stays.

    Args:
        path: A directory; those below it are looked through too, but for links.

    Returns:
        What was deleted.
    """
    return _of(path).delete_abandoned(path)


def copy(source: str, target: str) -> None:
    """Copies one file, whole or absent; within buckets without fetching it."""
    if is_remote(source) and is_remote(target):
        _bucket_storage().copy(source, target)
        return
    with open_read(source) as reader, open_write(target) as writer:
        shutil.copyfileobj(reader, writer, _BUFFER_BYTES)


# Locks -------------------------------------------------------------------------------


def lock(
    path: str,
    *,
    content: bytes,
    is_dead: Callable[[bytes], bool],
    lease_times: LeaseTimes | None = None,
) -> Lock:
    """Makes a file that one process at a time holds.

    On a disk the system frees it when the process ends, however it ends. In a bucket
    the holder renews it, and it is free when that stops; see `runtime.storage.lock`.

    Args:
        path: The file; `release` deletes it.
        content: What it holds; different for every holder.
        is_dead: Tells from another's content whether that one is known to be gone.
        lease_times: How often a lock in a bucket is renewed.

    Raises:
        StorageError: Another process holds it: reason EXISTS. There are no locks there:
            reason UNSUPPORTED.
    """
    if is_remote(path):
        return BucketLock(
            path,
            content=content,
            storage=_bucket_storage(),
            is_dead=is_dead,
            lease_times=lease_times or LeaseTimes(),
        )
    return LocalLock(path, content=content)


# Inside ------------------------------------------------------------------------------


def _of(path: str) -> Storage:
    return _bucket_storage() if is_remote(path) else _LOCAL


def _bucket_storage() -> BucketStorage:
    # The client takes the address of an emulator once, when it is made.
    return _bucket_storage_at(os.environ.get("STORAGE_EMULATOR_HOST"))


@functools.lru_cache(maxsize=1)
def _bucket_storage_at(emulator: str | None) -> BucketStorage:
    del emulator
    return BucketStorage(bucket_client.make_client())


def _is_below(path: str, folder: str) -> bool:
    top = os.path.join(os.path.realpath(folder), "")
    return os.path.realpath(path).startswith(top)
