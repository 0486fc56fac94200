"""Where answers go: to standard output, or to a file that is gone on with."""

from __future__ import annotations

import abc
import itertools
import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any, BinaryIO

from runtime import storage
from runtime.errors import SettingsError
from runtime.files import json_file
from runtime.storage.base import AppendFile

_UNFINISHED = ".unfinished"

_log = logging.getLogger(__name__)


class Sink(abc.ABC):
    """Takes lines, a chunk at a time.

    Attributes:
        done: Lines that it has already.
    """

    done: int = 0

    @abc.abstractmethod
    def write(self, lines: Iterable[bytes]) -> None:
        """Takes the lines of a chunk; other readers have them when it returns."""


class Stream(Sink):
    """Standard output.

    Args:
        raw: Without a buffer, in which a reader that has gone would leave lines that
            are written once more when the process ends.
    """

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw

    def write(self, lines: Iterable[bytes]) -> None:
        """See base class.

        Raises:
            BrokenPipeError: The reader has gone.
        """
        left = memoryview(b"".join(lines))
        while left:
            left = left[self._raw.write(left) :]


class _Resumed(Sink):
    """The unfinished file."""

    def __init__(self, file: AppendFile, *, done: int) -> None:
        self._file = file
        self.done = done

    def write(self, lines: Iterable[bytes]) -> None:
        """See base class."""
        self._file.write(b"".join(lines))
        self._file.flush()


def open_stream(raw: BinaryIO) -> AbstractContextManager[Sink]:
    """Opens standard output; see `Stream`."""

    @contextmanager
    def opened() -> Iterator[Sink]:
        yield Stream(raw)

    return opened()


@contextmanager
def open_file(path: str, *, identity: Mapping[str, Any], chunk: int) -> Iterator[Sink]:
    """Opens a file that has its name when all is written.

    Until then the lines are in `PATH.unfinished`. Where such a file was left, it is
    gone on with: after the last whole chunk, so that the batches are those of a work
    that nothing ended.

    Args:
        path: The file.
        identity: What decides the lines, as JSON values; an unfinished file of others
            is begun anew.
        chunk: Lines that are written together.

    Yields:
        The sink.

    Raises:
        SettingsError: It is a folder.
    """
    if storage.is_dir(path):
        raise SettingsError(f"--output={path} is a folder. Name a file.")
    part, about = f"{path}{_UNFINISHED}", f"{path}{_UNFINISHED}.json"
    done = 0
    if storage.exists(part) and storage.exists(about):
        if json_file.read_object(about) == identity:
            done = _keep_whole_chunks(part, chunk=chunk)
            _log.info("Going on with %s after %d answers.", part, done)
        else:
            _log.info("%s is of another prediction: it is begun anew.", part)
    if not done:
        storage.write_bytes(part, b"")
        json_file.write_object(about, identity)
    with storage.open_append(part) as file:
        yield _Resumed(file, done=done)
        file.sync()
    storage.copy(part, path)
    for each in (part, about):
        storage.delete(each)


def _keep_whole_chunks(path: str, *, chunk: int) -> int:
    """Drops what follows the last whole chunk; returns the lines that stay."""
    with storage.open_read(path) as file:
        whole = sum(line.endswith(b"\n") for line in file)
    kept = whole // chunk * chunk
    with storage.open_read(path) as file, storage.open_write(path) as new:
        new.writelines(itertools.islice(file, kept))
    return kept
