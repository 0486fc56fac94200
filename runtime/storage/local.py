"""Files on disks that this machine has mounted.

A write goes to a temporary beside the target, reaches the disk, and takes the target's
name in one step, so that no reader and no crash ever meets half a file. The temporary
is locked while its writer lives; what a killed one has left is thereby known.
"""

from __future__ import annotations

import contextlib
import errno
import glob as globbing
import io
import os
import re
import shutil
import stat
import tempfile
import uuid
from collections.abc import Iterator, Set
from typing import TYPE_CHECKING, BinaryIO

import google_crc32c

from runtime.errors import StorageError, StorageReason
from runtime.storage import file_lock
from runtime.storage.base import AppendFile, Lock, Stat, Storage

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

_BUFFER_BYTES = 1 << 20
_TEMPORARY = re.compile(r"\..*\.[0-9a-f]{32}\.partial")

_WORDS = {
    errno.ENOENT: "does not exist",
    errno.EACCES: "permission denied",
    errno.EPERM: "operation not permitted",
    errno.EISDIR: "is a directory, not a file",
    errno.ENOTDIR: "a part of the path is a file, not a directory",
    errno.EEXIST: "is in the way: it exists already",
    errno.ENOTEMPTY: "the directory is not empty",
    errno.ENOSPC: "no space left on the disk",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "larger than files may be here (`ulimit -f`, or the file system)",
    errno.EROFS: "the file system is read-only",
    errno.ENAMETOOLONG: "the name is too long",
}
_REASONS = {
    errno.ENOENT: StorageReason.MISSING,
    errno.ENOTDIR: StorageReason.MISSING,
    errno.EEXIST: StorageReason.EXISTS,
    errno.EACCES: StorageReason.NOT_ALLOWED,
    errno.EPERM: StorageReason.NOT_ALLOWED,
    errno.EROFS: StorageReason.NOT_ALLOWED,
    errno.ENOSPC: StorageReason.DISK_FULL,
    errno.EDQUOT: StorageReason.QUOTA,
    errno.EFBIG: StorageReason.QUOTA,
    errno.EIO: StorageReason.NO_ANSWER,
    errno.ESTALE: StorageReason.NO_ANSWER,
    errno.ETIMEDOUT: StorageReason.NO_ANSWER,
}

_NOT_EMPTY_OR_NONE = {errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT, errno.ENOTDIR}

# Folders of some network and FUSE mounts (a mounted Google Drive, for one) cannot be
# synchronised; the rename itself has happened by then.
_FOLDER_SYNC_UNSUPPORTED = {errno.EINVAL, errno.ENOTSUP, errno.EBADF}


class LocalStorage(Storage):
    """Files on disks; see `Storage`.

    What can be read only once, such as a pipe, is kept in memory when it was read.
    """

    def __init__(self) -> None:
        self._read_once: dict[str, bytes] = {}

    def stat(self, path: str) -> Stat | None:
        """Returns size and version of what is at `path`; see `Storage.stat`."""
        found = _stat(path)
        if found is None or stat.S_ISDIR(found.st_mode):
            return None
        version = f"{found.st_ino}-{found.st_mtime_ns}-{found.st_size}"
        return Stat(size=found.st_size, version=version)

    def checksum(self, path: str) -> int:
        """Returns the CRC32C of a file, all of which is read."""
        found = 0
        with self.open_read(path) as file:
            while block := file.read(_BUFFER_BYTES):
                found = google_crc32c.extend(found, block)
        return found

    def is_dir(self, path: str) -> bool:
        """Returns whether `path` is a directory."""
        found = _stat(path)
        return found is not None and stat.S_ISDIR(found.st_mode)

    def list_dir(self, path: str) -> list[str]:
        """Returns the sorted names in the directory; see `Storage.list_dir`."""
        with _named_failure("list", path):
            names = os.listdir(path)
        return sorted(name for name in names if not is_temporary(name))

    def glob(self, pattern: str) -> list[str]:
        """Returns the sorted paths that match; see `Storage.glob`."""
        return sorted(globbing.glob(pattern, recursive=True))

    def open_read(self, path: str) -> BinaryIO:
        """Opens a file for streaming reads; see `Storage.open_read`."""
        if path not in self._read_once:
            file = io.BufferedReader(_NamedFile(path, "rb"), _BUFFER_BYTES)
            if file.seekable():
                return file
            with file:
                self._read_once[path] = file.read()
        return io.BytesIO(self._read_once[path])

    @contextlib.contextmanager
    def open_write(self, path: str) -> Iterator[BinaryIO]:
        """Opens a file for whole-or-absent writing; makes its parents.

        Yields:
            The file. See `Storage.open_write`.
        """
        target = os.path.realpath(path)
        _refuse_special(path, found=_stat(target))
        self.make_dirs(os.path.dirname(target))
        with _temporary_beside(target, shown_path=path) as temporary:
            with io.BufferedWriter(
                _NamedFile(temporary, "wb", path), _BUFFER_BYTES
            ) as file:
                yield file
                file.flush()
                with _named_failure("write", path):
                    os.fsync(file.fileno())
            with _named_failure("write", path):
                os.replace(temporary, target)
                _sync_folder(os.path.dirname(target))

    def open_append(self, path: str) -> AppendFile:
        """Opens a file to add to its end; makes it and its parents where missing."""
        self.make_dirs(os.path.dirname(os.path.abspath(path)))
        return _Growing(path)

    def make_dirs(self, path: str) -> None:
        """Makes the directory and its parents; fine when it is there."""
        with _named_failure("make the directory", path):
            os.makedirs(path, exist_ok=True)  # noqa: TID251 - storage's own call

    def delete(self, path: str) -> None:
        """Deletes one file."""
        with _named_failure("delete", path):
            os.remove(path)

    def delete_tree(self, path: str) -> None:
        """Deletes a directory and all it holds."""
        with _named_failure("delete", path):
            shutil.rmtree(path)

    def delete_empty_dir(self, path: str) -> None:
        """Deletes a directory that holds nothing; see `Storage.delete_empty_dir`."""
        with _named_failure("delete", path), _passed_over(_NOT_EMPTY_OR_NONE):
            os.rmdir(path)

    def delete_abandoned(self, path: str) -> list[str]:
        """Deletes what killed writes have left; see `Storage.delete_abandoned`."""
        deleted = []
        for folder, _, names in os.walk(path, topdown=False):
            files = [os.path.join(folder, name) for name in names if is_temporary(name)]
            gone = [file for file in files if _delete_if_abandoned(file)]
            if gone and folder != path:
                self.delete_empty_dir(folder)  # made for that write alone
            deleted += gone
        return sorted(deleted)

    def free_bytes(self, path: str) -> int | None:
        """Returns what the user may still write on the disk that `path` is to be on."""
        existing = os.path.abspath(path)
        while not os.path.lexists(existing):
            existing = os.path.dirname(existing)
        with _named_failure("ask for the free space at", path):
            return shutil.disk_usage(existing).free


@contextlib.contextmanager
def temporary_dir() -> Iterator[str]:
    """Makes an empty directory on the local disk, for as long as the `with` block.

    Yields:
        Its path.
    """
    with _named_failure("make a directory in", tempfile.gettempdir()):
        folder = tempfile.TemporaryDirectory()
    with folder as path:
        yield path


def link_target(path: str) -> str | None:
    """Returns what a link says, None where there is no such link."""
    with _named_failure("look at", path):
        try:
            return os.readlink(path)
        except FileNotFoundError:
            return None


def is_temporary(name: str) -> bool:
    """Returns whether a name is one of an unfinished write."""
    return _TEMPORARY.fullmatch(name) is not None


# Locks -------------------------------------------------------------------------------


class LocalLock(Lock):
    """A file that one process at a time holds; the system frees it when that ends.

    Args:
        path: The file; it is made, and deleted by `release`.
        content: What it holds for people and other processes to read.

    Raises:
        StorageError: Another process holds it: reason EXISTS. This file system has no
            locks: reason UNSUPPORTED.
    """

    def __init__(self, path: str, *, content: bytes) -> None:
        self._path = path
        with _named_failure("lock", path):
            self._descriptor = _locked(path)
            os.truncate(self._descriptor, 0)
            os.write(self._descriptor, content)

    def check(self) -> None:
        """Does nothing: the system takes no lock away."""

    def release(self) -> None:
        """Deletes the file and lets others lock."""
        with _named_failure("delete", self._path), contextlib.ExitStack() as stack:
            stack.callback(os.close, self._descriptor)
            os.remove(self._path)


def _locked(path: str) -> int:
    """Returns the descriptor of the file at `path`, locked.

    Raises:
        OSError: It cannot be opened, or not be locked.
    """
    while True:
        # Its holder may delete the folder too, where the run wrote nothing into it.
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)  # noqa: TID251 - ours
        with contextlib.ExitStack() as stack:
            try:
                descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
            except FileNotFoundError:
                continue
            stack.callback(os.close, descriptor)
            outcome, held = file_lock.take(descriptor), os.fstat(descriptor)
            found = _stat(path)
            # A file that its holder deleted meanwhile locks nobody out.
            is_there = found is not None and os.path.samestat(held, found)
            if is_there and outcome is file_lock.Outcome.TAKEN:
                stack.pop_all()
                return descriptor
        _refuse(outcome, path=path, is_new=not held.st_size)


def _refuse(outcome: file_lock.Outcome, *, path: str, is_new: bool) -> None:
    """Says why a lock was not taken; nothing where it is only to be tried again.

    Raises:
        StorageError: Another process holds it, or there are no locks.
    """
    if outcome is file_lock.Outcome.HELD:
        raise StorageError(
            f"Cannot lock {path}: another process holds it.",
            reason=StorageReason.EXISTS,
        )
    if outcome is file_lock.Outcome.UNSUPPORTED:
        if is_new:
            os.remove(path)
        raise StorageError(
            f"Cannot lock {path}: the system or its file system has no locks.",
            reason=StorageReason.UNSUPPORTED,
        )


# Inside ------------------------------------------------------------------------------


class _NamedFile(io.FileIO):
    """A local file whose every failure is a StorageError with the path the user gave.

    Args:
        path: The file to open.
        mode: As for `open`, binary.
        shown_path: The path to name in errors where it is not `path`.
    """

    def __init__(self, path: str, mode: str, shown_path: str | None = None) -> None:
        self._shown_path = shown_path or path
        self._doing = "read" if "r" in mode else "write"
        with _named_failure(self._doing, self._shown_path):
            super().__init__(path, mode)

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        with _named_failure(self._doing, self._shown_path):
            return super().readinto(buffer)

    def readall(self) -> bytes:
        with _named_failure(self._doing, self._shown_path):
            return super().readall()

    def write(self, data: ReadableBuffer, /) -> int:
        with _named_failure(self._doing, self._shown_path):
            return super().write(data)


class _Growing(io.BufferedWriter, AppendFile):
    """A local file that is added to; see `AppendFile`."""

    def __init__(self, path: str) -> None:
        super().__init__(_NamedFile(path, "ab"), _BUFFER_BYTES)
        self._path = path

    def sync(self) -> None:
        """Returns when all that was written is on the disk."""
        self.flush()
        with _named_failure("write", self._path):
            os.fsync(self.fileno())


@contextlib.contextmanager
def _named_failure(doing: str, path: str) -> Iterator[None]:
    try:
        yield
    except StorageError:
        raise
    except OSError as error:
        words = _WORDS.get(error.errno or 0) or error.strerror or str(error)
        raise StorageError(
            f"Cannot {doing} {path}: {words}.",
            reason=_REASONS.get(error.errno or 0, StorageReason.OTHER),
        ) from error


@contextlib.contextmanager
def _passed_over(errors: Set[int]) -> Iterator[None]:
    """Lets failures pass whose number is one of these.

    Raises:
        OSError: It has another.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in errors:
            raise


def _stat(path: str) -> os.stat_result | None:
    with _named_failure("look at", path):
        try:
            return os.stat(path)
        except (FileNotFoundError, NotADirectoryError):
            return None


def _refuse_special(path: str, *, found: os.stat_result | None) -> None:
    """Keeps a write from replacing a directory or a device such as /dev/null.

    Raises:
        StorageError: there is such a thing at `path`.
    """
    if found is not None and not stat.S_ISREG(found.st_mode):
        raise StorageError(
            f"Cannot write {path}: it is there and no regular file.",
            reason=StorageReason.EXISTS,
        )


@contextlib.contextmanager
def _temporary_beside(target: str, *, shown_path: str) -> Iterator[str]:
    """Makes an empty file that is locked for as long as the block, and gone after it.

    Args:
        target: The file beside which it is made.
        shown_path: The path to name in errors.

    Yields:
        Its path.
    """
    with contextlib.ExitStack() as stack:
        with _named_failure("write", shown_path):
            temporary, descriptor, outcome = _claimed_name(target)
        if outcome is file_lock.Outcome.UNSUPPORTED:
            os.close(descriptor)  # Windows renames no file that is open
        else:
            stack.callback(os.close, descriptor)
        try:
            yield temporary
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.remove(temporary)


def _claimed_name(target: str) -> tuple[str, int, file_lock.Outcome]:
    """Makes a file beside `target` and locks it, where there are locks."""
    folder, name = os.path.split(target)
    while True:
        # Cut short, because a name that just fits its 255 bytes must still fit with
        # more.
        unique = f".{name[:40]}.{uuid.uuid4().hex}.partial"
        temporary = os.path.join(folder, unique)
        descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        outcome = file_lock.take(descriptor)
        # It may have been deleted as abandoned before it was locked.
        if outcome is not file_lock.Outcome.HELD and os.path.lexists(temporary):
            return temporary, descriptor, outcome
        os.close(descriptor)


def _delete_if_abandoned(temporary: str) -> bool:
    """Deletes a temporary whose writer is dead, as its lock tells; says whether."""
    with contextlib.suppress(FileNotFoundError, PermissionError):
        descriptor = os.open(temporary, os.O_RDWR)
        try:
            if file_lock.take(descriptor) is file_lock.Outcome.TAKEN:
                os.remove(temporary)
                return True
        finally:
            os.close(descriptor)
    return False


def _sync_folder(folder: str) -> None:
    if os.name == "nt":  # opens no folders
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with _passed_over(_FOLDER_SYNC_UNSUPPORTED):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
