"""What a storage can do, whatever lies behind it: a disk or a bucket."""

from __future__ import annotations

import abc
import io
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import BinaryIO


@dataclass(frozen=True, slots=True)
class Stat:
    """What is known of a file without reading it.

    Attributes:
        size: Its length in bytes.
        version: Differs whenever the content was written anew: the generation of an
            object, the identity and time of a file on a disk.
    """

    size: int
    version: str


class AppendFile(io.BufferedIOBase):
    """A file that grows at its end."""

    @abc.abstractmethod
    def sync(self) -> None:
        """Returns when all that was written would survive the end of this machine."""


class Lock(abc.ABC):
    """Something that one process at a time holds."""

    @abc.abstractmethod
    def check(self) -> None:
        """Raises a StorageError, reason EXISTS, if another process has it by now."""

    @abc.abstractmethod
    def release(self) -> None:
        """Lets others hold it."""


class Storage(abc.ABC):
    """Reads, writes, lists and deletes by path; every failure is a StorageError.

    A write is whole or absent, and an error's `reason` tells "missing" from "not
    allowed" from "could not ask". `tests/runtime/test_storage.py` holds what
    every storage must fulfil.
    """

    @abc.abstractmethod
    def stat(self, path: str) -> Stat | None:
        """Returns what is known of the file; None where there is no such file."""

    @abc.abstractmethod
    def checksum(self, path: str) -> int:
        """Returns the CRC32C of the file's bytes."""

    @abc.abstractmethod
    def is_dir(self, path: str) -> bool:
        """Returns whether `path` is a directory; in a bucket, a prefix of objects."""

    @abc.abstractmethod
    def list_dir(self, path: str) -> list[str]:
        """Returns the sorted names in the directory, without unfinished writes."""

    @abc.abstractmethod
    def glob(self, pattern: str) -> list[str]:
        """Returns the sorted paths that match; `**` crosses directories."""

    @abc.abstractmethod
    def open_read(self, path: str) -> BinaryIO:
        """Opens a file for reading, seekable."""

    @abc.abstractmethod
    def open_write(self, path: str) -> AbstractContextManager[BinaryIO]:
        """Opens a file that appears whole when the `with` block ends well."""

    @abc.abstractmethod
    def open_append(self, path: str) -> AppendFile:
        """Opens a file to add to its end."""

    @abc.abstractmethod
    def make_dirs(self, path: str) -> None:
        """Makes the directory and its parents; a bucket needs none."""

    @abc.abstractmethod
    def delete(self, path: str) -> None:
        """Deletes one file."""

    @abc.abstractmethod
    def delete_tree(self, path: str) -> None:
        """Deletes a directory and all it holds."""

    @abc.abstractmethod
    def delete_empty_dir(self, path: str) -> None:
        """Deletes a directory if it is there and holds nothing; a bucket has none."""

    @abc.abstractmethod
    def delete_abandoned(self, path: str) -> list[str]:
        """Deletes what writes into a directory have left whose process was killed.

        What a living process writes stays, and what cannot be told.

        Args:
            path: A directory; those below it are looked through too, but for links.

        Returns:
            What was deleted.
        """

    @abc.abstractmethod
    def free_bytes(self, path: str) -> int | None:
        """Returns the space left for files at `path`; None where there is no limit."""
