"""Objects in buckets of Google Cloud Storage, by `gs://bucket/name`.

An object appears whole when its upload ends. Every change names the generation that it
replaces, so a request whose acknowledgement got lost can be repeated: the repetition
finds the generation changed, and size and checksum tell whether by the first. What is
read is checked against the checksum that the bucket keeps.

There are no directories: a directory is what the names of objects begin with.
"""

from __future__ import annotations

import base64
import contextlib
import fnmatch
import functools
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO

from runtime.errors import StorageError, StorageReason
from runtime.storage.append_object import GrowingObject
from runtime.storage.base import AppendFile, Stat, Storage
from runtime.storage.bucket_client import DamagedError
from runtime.storage.bucket_requests import (
    SCHEME,
    Place,
    Requests,
    RetryPolicy,
    StoredObject,
    measure,
)
from runtime.storage.download_cache import MOST_IN_MEMORY, LocalCopies, spooled
from runtime.storage.local import is_temporary

_SENT_IN_PARTS = 8 << 20  # from here on the client sends parts, and repeats single ones
_MAGIC = re.compile(r"[*?[]")


class BucketStorage(Storage):
    """Objects in buckets; see `Storage`.

    Args:
        client: A `google.cloud.storage.Client`.
        limits: How long is waited for what.
    """

    def __init__(self, client: Any, *, limits: RetryPolicy | None = None) -> None:
        self._limits = limits or RetryPolicy()
        self._requests = Requests(client, limits=self._limits)
        self._copies = LocalCopies()

    # -- questions --------------------------------------------------------------------

    def stat(self, path: str) -> Stat | None:
        """Returns size and generation of an object; see `Storage.stat`."""
        if not Place.of(path).name:
            return None
        found = self._requests.find(path)
        return _stat(found) if found.generation else None

    def checksum(self, path: str) -> int:
        """Returns the CRC32C of an object, as the bucket keeps it.

        Raises:
            StorageError: There is no such object.
        """
        found = self._requests.find(path)
        if not found.generation:
            raise StorageError(
                f"Cannot read {path}: does not exist.", reason=StorageReason.MISSING
            )
        return int.from_bytes(base64.b64decode(found.crc32c), "big")

    def is_dir(self, path: str) -> bool:
        """Returns whether objects' names begin with `path/`."""
        place = Place.of(path)
        names = self._requests.names(path, prefix=place.prefix, max_results=1)
        return bool(names) or not place.name

    def list_dir(self, path: str) -> list[str]:
        """Returns the sorted names below `path`, without what lies deeper.

        An empty directory and none are the same in a bucket: no names.
        """
        prefix = Place.of(path).prefix
        names = self._requests.names(path, prefix=prefix, delimiter="/")
        inside = {name.removeprefix(prefix).rstrip("/") for name in names}
        return sorted(name for name in inside if name and not is_temporary(name))

    def glob(self, pattern: str) -> list[str]:
        """Returns the sorted paths of objects that match; see `Storage.glob`."""
        place = Place.of(pattern)
        names = self._requests.names(pattern, prefix=_MAGIC.split(place.name)[0])
        parts = place.name.split("/")
        return sorted(
            f"{SCHEME}{place.bucket}/{name}"
            for name in names
            if _matches(name.split("/"), parts)
        )

    def free_bytes(self, path: str) -> int | None:
        """Returns None: a bucket has no end."""
        del path
        return None

    # -- reading ----------------------------------------------------------------------

    def open_read(self, path: str) -> BinaryIO:
        """Opens what the object holds now, fetched and checked; see `Storage`."""
        found = self._existing(path, doing="read")
        if found.size <= MOST_IN_MEMORY:
            content = io.BytesIO()
            self._fetch(path, content, found=found)
            return content
        return self._copies.open(
            f"{path}#{found.generation}",
            fill=lambda file: self._fetch(path, file, found=found),
        )

    def _fetch(self, path: str, file: BinaryIO, *, found: StoredObject) -> None:
        """Writes an object's bytes into an empty file and goes back to its start."""
        blob = self._requests.blob(path, generation=found.generation)

        def fetch_the_rest() -> None:
            start = file.seek(0, io.SEEK_END)
            if start < found.size:
                blob.download_to_file(
                    file,
                    start=start or None,
                    raw_download=True,
                    checksum=None,  # of a part there is none; all is checked below
                    timeout=self._limits.request,
                    retry=None,
                )
            if not measure(file).holds(found):
                file.seek(0)
                file.truncate()
                raise DamagedError

        self._requests.ask("read", path, fetch_the_rest)
        file.seek(0)

    # -- writing ----------------------------------------------------------------------

    @contextlib.contextmanager
    def open_write(self, path: str) -> Iterator[BinaryIO]:
        """Opens a file that is uploaded when the block ends well.

        Yields:
            The file. See `Storage.open_write`.
        """
        with spooled(path) as file:
            yield file
            self.upload(path, file)

    def upload(self, path: str, file: BinaryIO, *, replaces: str | None = None) -> Stat:
        """Makes an object hold what the file holds.

        Args:
            path: The object.
            file: A seekable file.
            replaces: The version that it must have till now, "0" for none; by default
                whichever it has.

        Returns:
            What the object is then.

        Raises:
            StorageError: It has another version, reason CHANGED; or another failure.
        """
        if not Place.of(path).name:
            raise StorageError(f"Cannot write {path}: it is a bucket, not a file.")
        content = measure(file)
        before = int(replaces or self._requests.find(path).generation)
        send = functools.partial(self._send, path, file, content=content, before=before)
        try:
            sent = self._requests.change("write", path, send)
        except StorageError as error:
            sent = self._own(path, error, content=content, before=before)
        return _stat(sent)

    def _send(
        self, path: str, file: BinaryIO, *, content: StoredObject, before: int
    ) -> StoredObject:
        """Uploads once.

        Raises:
            StorageError: The bucket has taken something else.
        """
        file.seek(0)
        blob = self._requests.blob(path)
        limits = {"if_generation_match": before, "timeout": self._limits.request}
        if content.size <= _SENT_IN_PARTS:
            blob.upload_from_file(
                file, size=content.size, checksum="crc32c", retry=None, **limits
            )
        else:
            self._send_parts(blob, file, content=content, limits=limits)
        sent = StoredObject.of(blob)
        if not sent.holds(content):
            raise StorageError(
                f"{path} is damaged: expected {content.size} bytes with the CRC32C "
                f"{content.crc32c}, the bucket holds {sent.size} with {sent.crc32c}.",
                reason=StorageReason.DAMAGED,
            )
        return sent

    def _send_parts(
        self,
        blob: Any,
        file: BinaryIO,
        *,
        content: StoredObject,
        limits: Mapping[str, Any],
    ) -> None:
        """Uploads a large object.

        Raises:
            ConnectionError: It has to begin anew.
        """
        try:
            blob.upload_from_file(
                file,
                size=content.size,
                # With it the server refuses what differs. Left to compare by itself,
                # the client deletes the object, and with it the one before.
                crc32c_checksum_value=content.crc32c,
                checksum=None,
                retry=self._requests.repeat_parts,
                **limits,
            )
        except ValueError as error:
            # google-cloud-storage 3.17.1 does not send the rest again of a part of
            # which a bucket has kept the beginning only.
            raise ConnectionError(f"an upload in parts broke off: {error}") from error

    def _own(
        self, path: str, error: StorageError, *, content: StoredObject, before: int
    ) -> StoredObject:
        """Returns the object that an upload made whose acknowledgement got lost.

        Raises:
            StorageError: `error`, where it is another's.
        """
        if error.reason is StorageReason.CHANGED:
            found = self._requests.find(path)
            if found.generation != before and found.holds(content):
                return found
        raise error

    def open_append(self, path: str) -> AppendFile:
        """Opens an object to add to its end; see `GrowingObject`."""
        pause = self._limits.between_flushes
        return GrowingObject(path, storage=self, between_flushes=pause)

    # -- arranging --------------------------------------------------------------------

    def make_dirs(self, path: str) -> None:
        """Does nothing: a bucket needs no directories."""

    def delete(self, path: str, *, version: str | None = None) -> None:
        """Deletes one object.

        Args:
            path: The object.
            version: The version that it must have; by default whichever it has.

        Raises:
            StorageError: It is missing, or another failure.
        """
        found = version or self._existing(path, doing="delete").generation
        blob = self._requests.blob(path)

        def delete() -> None:
            blob.delete(
                if_generation_match=int(found),
                timeout=self._limits.request,
                retry=None,
            )

        try:
            self._requests.change("delete", path, delete)
        except StorageError as error:
            # Gone since it was found: by an attempt whose acknowledgement got lost.
            if error.reason is not StorageReason.MISSING:
                raise

    def delete_tree(self, path: str) -> None:
        """Deletes all objects whose names begin with `path/`.

        Raises:
            StorageError: There are none, or another failure.
        """
        place = Place.of(path)
        names = self._requests.names(path, prefix=place.prefix)
        if not names:
            raise StorageError(
                f"Cannot delete {path}: does not exist.", reason=StorageReason.MISSING
            )
        for name in names:
            self.delete(f"{SCHEME}{place.bucket}/{name}")

    def delete_empty_dir(self, path: str) -> None:
        """Does nothing: a bucket has no directories."""

    def delete_abandoned(self, path: str) -> list[str]:
        """Returns nothing: of an upload that broke off no object is seen."""
        del path
        return []

    def copy(self, source: str, target: str) -> None:
        """Copies one object within the buckets, without fetching it."""
        found = self._existing(source, doing="copy")
        before = self._requests.find(target).generation
        limits = {"timeout": self._limits.request, "retry": None}
        new, old = self._requests.blob(target), self._requests.blob(source)
        conditions = {
            "if_generation_match": before,
            "if_source_generation_match": found.generation,
        }

        def rewrite() -> StoredObject:
            token, _, _ = new.rewrite(old, **conditions, **limits)
            while token is not None:  # a large object goes in several requests
                token, _, _ = new.rewrite(old, token=token, **conditions, **limits)
            return StoredObject.of(new)

        try:
            self._requests.change("write", target, rewrite)
        except StorageError as error:
            self._own(target, error, content=found, before=before)

    def _existing(self, path: str, *, doing: str) -> StoredObject:
        """Returns what is known of an object.

        Raises:
            StorageError: There is none.
        """
        found = self._requests.find(path) if Place.of(path).name else StoredObject()
        if not found.generation:
            raise StorageError(
                f"Cannot {doing} {path}: does not exist.", reason=StorageReason.MISSING
            )
        return found


def _stat(found: StoredObject) -> Stat:
    return Stat(size=found.size, version=str(found.generation))


def _matches(names: Sequence[str], patterns: Sequence[str]) -> bool:
    """Whether the parts of a name match those of a pattern."""
    if not patterns:
        return not names
    if patterns[0] == "**":
        deeper = bool(names) and _matches(names[1:], patterns)
        return deeper or _matches(names, patterns[1:])
    if not names or not fnmatch.fnmatchcase(names[0], patterns[0]):
        return False
    return _matches(names[1:], patterns[1:])
