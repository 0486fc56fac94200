"""Every path touch of the toolkit: read, write, list and delete files by their path.

Paths are plain strings. A write is whole or absent: it goes to a temporary beside the
target, reaches the disk, and takes the target's name in one step, so that no reader
and no crash ever meets half a file. Every failure is a StorageError that names the
path and the reason. This version reads and writes local paths only.
"""

from __future__ import annotations

import contextlib
import errno
import glob as globbing
import io
import os
import shutil
import stat
import tempfile
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO

from runtime.errors import DataError, StorageError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

_BUFFER_BYTES = 1 << 20
_TEMPORARY = ".partial"

_REASONS = {
    errno.ENOENT: "does not exist",
    errno.EACCES: "permission denied",
    errno.EPERM: "operation not permitted",
    errno.EISDIR: "is a directory, not a file",
    errno.ENOTDIR: "a part of the path is a file, not a directory",
    errno.EEXIST: "is in the way: it exists already",
    errno.ENOTEMPTY: "the directory is not empty",
    errno.ENOSPC: "no space left on the disk",
    errno.EDQUOT: "the disk quota is used up",
    errno.EROFS: "the file system is read-only",
    errno.ENAMETOOLONG: "the name is too long",
}

# Folders of some network and FUSE mounts (a mounted Google Drive, for one) cannot be
# synchronised; the rename itself has happened by then.
_FOLDER_SYNC_UNSUPPORTED = {errno.EINVAL, errno.ENOTSUP, errno.EBADF}


# Names -------------------------------------------------------------------------------


def join(path: str, *names: str) -> str:
    """Returns `path` followed by `names`, one separator between each."""
    return os.path.join(path, *names)


def user_cache(*names: str) -> str:
    """A folder of this user for what can be made again."""
    return os.path.join(os.path.expanduser("~"), ".cache", "tf-bert-toolkit", *names)


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


def exists(path: str) -> bool:
    """Returns whether `path` is there; a StorageError when it could not be asked."""
    return _mode(path) is not None


def is_dir(path: str) -> bool:
    """Returns whether `path` is a directory."""
    mode = _mode(path)
    return mode is not None and stat.S_ISDIR(mode)


def size(path: str) -> int:
    """Returns the length of the file in bytes."""
    with _named_failure("read", path):
        return os.stat(_local(path)).st_size


def list_dir(path: str) -> list[str]:
    """Returns the sorted names in the directory, without unfinished writes."""
    with _named_failure("list", path):
        names = os.listdir(_local(path))
    return sorted(name for name in names if not _is_temporary(name))


def glob(pattern: str) -> list[str]:
    """Returns the sorted paths that match; `**` crosses directories."""
    return sorted(globbing.glob(_local(pattern), recursive=True))


# Reading -----------------------------------------------------------------------------


def open_read(path: str) -> BinaryIO:
    """Opens a file for streaming reads; use it in a `with` statement."""
    return io.BufferedReader(_NamedFile(path, "rb"), _BUFFER_BYTES)


def read_bytes(path: str) -> bytes:
    """Returns the whole file."""
    with open_read(path) as file:
        return file.read()


def read_text(path: str, encoding: str = "utf-8") -> str:
    r"""Returns the whole file as text, with `\r\n` and `\r` kept as they are.

    Raises:
        DataError: the bytes are not text in that encoding; names the first wrong one.
    """
    try:
        return read_bytes(path).decode(encoding)
    except UnicodeDecodeError as error:
        raise DataError(
            f"expected {encoding} text, found the byte {error.object[error.start]:#04x}"
            f" ({error.reason}). Say which encoding the file has, or convert it.",
            path=path,
            offset=error.start,
        ) from error


# Writing -----------------------------------------------------------------------------


@contextlib.contextmanager
def open_write(path: str) -> Iterator[BinaryIO]:
    """Opens a file for streaming, whole-or-absent writing; makes its parents.

    The file appears under its name, replacing an earlier one, when the `with` block
    ends well. When it ends by an exception nothing has changed.
    """
    target = os.path.realpath(_local(path))
    _refuse_special(path, mode=_mode(target))
    make_dirs(os.path.dirname(target))
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


def open_append(path: str) -> BinaryIO:
    """Opens a file to add to its end; makes it and its parents where missing.

    Use it in a `with` statement. Bytes are there for other readers after `flush()`.
    """
    make_dirs(os.path.dirname(os.path.abspath(_local(path))))
    return io.BufferedWriter(_NamedFile(path, "ab"), _BUFFER_BYTES)


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
    with _named_failure("make the directory", path):
        os.makedirs(_local(path), exist_ok=True)  # noqa: TID251 - storage's own call


def delete(path: str) -> None:
    """Deletes one file."""
    with _named_failure("delete", path):
        os.remove(_local(path))


def delete_tree(path: str) -> None:
    """Deletes a directory and all it holds."""
    with _named_failure("delete", path):
        shutil.rmtree(_local(path))


def copy(source: str, target: str) -> None:
    """Copies one file, whole or absent."""
    with open_read(source) as reader, open_write(target) as writer:
        shutil.copyfileobj(reader, writer, _BUFFER_BYTES)


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
            super().__init__(_local(path), mode)

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        with _named_failure(self._doing, self._shown_path):
            return super().readinto(buffer)

    def readall(self) -> bytes:
        with _named_failure(self._doing, self._shown_path):
            return super().readall()

    def write(self, data: ReadableBuffer, /) -> int:
        with _named_failure(self._doing, self._shown_path):
            return super().write(data)


@contextlib.contextmanager
def _named_failure(doing: str, path: str) -> Iterator[None]:
    try:
        yield
    except StorageError:
        raise
    except OSError as error:
        reason = _REASONS.get(error.errno or 0) or error.strerror or str(error)
        raise StorageError(f"Cannot {doing} {path}: {reason}.") from error


def _local(path: str) -> str:
    if path.startswith("gs://"):
        raise StorageError(
            f"Cannot use {path}: this version reads and writes local paths only."
        )
    return path


def _is_below(path: str, folder: str) -> bool:
    top = os.path.join(os.path.realpath(folder), "")
    return os.path.realpath(path).startswith(top)


def _mode(path: str) -> int | None:
    with _named_failure("look at", path):
        try:
            return os.stat(_local(path)).st_mode
        except (FileNotFoundError, NotADirectoryError):
            return None


def _refuse_special(path: str, *, mode: int | None) -> None:
    """Keeps a write from replacing a directory or a device such as /dev/null.

    Raises:
        StorageError: there is such a thing at `path`.
    """
    if mode is not None and not stat.S_ISREG(mode):
        raise StorageError(f"Cannot write {path}: it is there and no regular file.")


def _temporary_beside(target: str) -> str:
    folder, name = os.path.split(target)
    # Cut short, because a name that just fits its 255 bytes must still fit with more.
    return os.path.join(folder, f".{name[:40]}.{uuid.uuid4().hex}{_TEMPORARY}")


def _is_temporary(name: str) -> bool:
    return name.startswith(".") and name.endswith(_TEMPORARY)


def _sync_folder(folder: str) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _FOLDER_SYNC_UNSUPPORTED:
            raise
    finally:
        os.close(descriptor)
