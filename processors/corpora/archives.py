"""Corpora in the archive they are downloaded in: members are read, never unpacked.

Nothing is written to disk, so no member can place a file. A member that is no regular
file is passed over; sizes nobody's text has are refused before they are read.
"""

from __future__ import annotations

import gzip
import io
import lzma
import re
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO, BinaryIO, cast

from runtime import storage
from runtime.errors import DataError

_MEMBER_LIMIT = 16 << 20
_TOTAL_LIMIT = 1 << 30
_SKIP_BYTES = 1 << 20
_XZ, _GZIP = b"\xfd7zXZ\x00", b"\x1f\x8b"  # what such files begin with
_DAMAGE = (
    tarfile.TarError,
    gzip.BadGzipFile,
    lzma.LZMAError,
    zlib.error,
    EOFError,
    zipfile.BadZipFile,
)
# What zipfile says of passwords and of compression that it does not know.
_UNREADABLE_ZIP = (*_DAMAGE, RuntimeError)


def read_tar(path: str, *, name: re.Pattern[str]) -> Iterator[tuple[str, bytes]]:
    """Streams members of a tar archive, plain or compressed by gzip or xz.

    The archive is read to its end and checksum, so that a download that was cut short
    is an error and not a smaller corpus.

    Args:
        path: The archive.
        name: What the whole name of a member must match.

    Yields:
        Name and content of each regular file.

    Raises:
        DataError: the archive is damaged, or its files are unlikely large.
        StorageError: the archive cannot be read.
    """
    try:
        with storage.open_read(path) as file, _layer(file) as layer:
            with tarfile.open(fileobj=layer, mode="r|") as archive:
                yield from _files(archive, name=name, path=path)
            while layer.read(_SKIP_BYTES):
                pass
    except _DAMAGE as error:
        raise DataError(f"the archive is damaged: {error}", path=path) from error


def _layer(file: BinaryIO) -> BinaryIO:
    """The archive below whatever compression its first bytes show."""
    start = file.read(len(_XZ))
    file.seek(0)
    if start.startswith(_XZ):
        return cast(BinaryIO, lzma.open(file))
    return cast(BinaryIO, gzip.open(file)) if start.startswith(_GZIP) else file


def read_zip(path: str, *, name: re.Pattern[str]) -> Iterator[tuple[str, bytes]]:
    """Streams members of a `.zip` archive.

    Args:
        path: The archive, which is held in memory.
        name: What the whole name of a member must match.

    Yields:
        Name and content of each file.

    Raises:
        DataError: the archive is damaged, or its files are unlikely large.
        StorageError: the archive cannot be read.
    """
    total = storage.size(path)
    _refuse_large(total, total=total, name=path, path=path)
    try:
        with zipfile.ZipFile(io.BytesIO(storage.read_bytes(path))) as archive:
            for member in archive.infolist():
                if not member.is_dir() and name.fullmatch(member.filename):
                    size = member.file_size
                    total += size
                    _refuse_large(size, total=total, name=member.filename, path=path)
                    yield member.filename, archive.read(member)
    except _UNREADABLE_ZIP as error:
        raise DataError(f"the archive is damaged: {error}", path=path) from error


def _files(
    archive: tarfile.TarFile, *, name: re.Pattern[str], path: str
) -> Iterator[tuple[str, bytes]]:
    total = 0
    for member in archive:
        if not (member.isreg() and name.fullmatch(member.name)):
            continue
        total += member.size
        _refuse_large(member.size, total=total, name=member.name, path=path)
        content: IO[bytes] | None = archive.extractfile(member)
        if content is not None:
            yield member.name, content.read()


def _refuse_large(size: int, *, total: int, name: str, path: str) -> None:
    """Keeps a small archive from filling the memory.

    Raises:
        DataError: a file, or all together, are larger than anybody's text.
    """
    if size > _MEMBER_LIMIT or total > _TOTAL_LIMIT:
        raise DataError(
            f"{name} of {size} bytes makes {total}; expected at most {_MEMBER_LIMIT} a"
            f" file and {_TOTAL_LIMIT} in all",
            path=path,
        )
