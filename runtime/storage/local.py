"""Files on disks that this machine has mounted.

A write goes to a temporary beside the target, reaches the disk, and takes the target's
name in one step, so that no reader and no crash ever meets half a file.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import glob as globbing
import io
import os
import shutil
import stat
import tempfile
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO

from runtime.errors import StorageError, StorageReason
from runtime.storage.base import AppendFile, Lock, Stat, Storage

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

_BUFFER_BYTES = 1 << 20
_TEMPORARY = ".partial"

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

# Folders of some network and FUSE mounts (a mounted Google Drive, for one) cannot be
# synchronised; the rename itself has happened by then.
_FOLDER_SYNC_UNSUPPORTED = {errno.EINVAL, errno.ENOTSUP, errno.EBADF}

_LOCK_UNSUPPORTED = {errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.ENOLCK}


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
        temporary = _temporary_beside(target)
        try:
            with io.BufferedWriter(
                _NamedFile(temporary, "xb", path), _BUFFER_BYTES
            ) as file:
                yield file
                file.flush()
                with _named_failure("write", path):
                    os.fsync(file.fileno())
            with _named_failure("write", path):
                os.replace(temporary, target)
                _sync_folder(os.path.dirname(target))
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.remove(temporary)

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

    def free_bytes(self, path: str) -> int | None:
        """Returns what the user may still write on the disk that `path` is to be on."""
        existing = os.path.abspath(path)
        while not os.path.lexists(existing):
            existing = os.path.dirname(existing)
        with _named_failure("ask for the free space at", path):
            found = os.statvfs(existing)
        return found.f_bavail * found.f_frsize


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


def delete_partial(path: str) -> None:
    """Deletes the temporaries of a file that killed writes have left."""
    folder, name = os.path.split(os.path.realpath(path))
    pattern = f".{globbing.escape(name[:40])}.{'[0-9a-f]' * 32}{_TEMPORARY}"
    for temporary in globbing.glob(os.path.join(globbing.escape(folder), pattern)):
        with _named_failure("delete", temporary):
            os.remove(temporary)


def is_temporary(name: str) -> bool:
    """Returns whether a name is one of an unfinished write."""
    return name.startswith(".") and name.endswith(_TEMPORARY)


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
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            _take(descriptor, path=path)
            # A file that its holder deleted meanwhile locks nobody out.
            if os.path.exists(path) and os.path.samestat(  # noqa: TID251 - as above
                os.fstat(descriptor), os.stat(path)
            ):
                return descriptor
        except OSError:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _take(descriptor: int, *, path: str) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise StorageError(
            f"Cannot lock {path}: another process holds it.",
            reason=StorageReason.EXISTS,
        ) from error
    except OSError as error:
        if error.errno not in _LOCK_UNSUPPORTED:
            raise
        raise StorageError(
            f"Cannot lock {path}: its file system has no locks.",
            reason=StorageReason.UNSUPPORTED,
        ) from error


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


def _temporary_beside(target: str) -> str:
    folder, name = os.path.split(target)
    # Cut short, because a name that just fits its 255 bytes must still fit with more.
    return os.path.join(folder, f".{name[:40]}.{uuid.uuid4().hex}{_TEMPORARY}")


def _sync_folder(folder: str) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _FOLDER_SYNC_UNSUPPORTED:
            raise
    finally:
        os.close(descriptor)
