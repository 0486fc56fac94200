"""Requests to buckets: repeated until they succeed or cannot, and not too often.

Every request made here may be repeated: it only asks, or it names the generation that
it changes, so that its repetition changes nothing more.
"""

from __future__ import annotations

import base64
import dataclasses
import functools
import random
import threading
import time
from collections.abc import Callable
from typing import Any, BinaryIO, TypeVar

import google_crc32c

from runtime.errors import StorageError, StorageReason
from runtime.storage import bucket_client
from runtime.storage.bucket_client import Failure

SCHEME = "gs://"

_BUFFER_BYTES = 1 << 20

_Result = TypeVar("_Result")

_TOLD = {
    StorageReason.NOT_ALLOWED: "not allowed: ",
    StorageReason.UNKNOWN_CALLER: "the credentials were not accepted: ",
    StorageReason.NO_ANSWER: "could not ask: ",
    StorageReason.CHANGED: "another program has changed it meanwhile: ",
}


@dataclasses.dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How long is waited for what, in seconds.

    Attributes:
        request: For the next bytes of an answer.
        patience: For a request to succeed, all its repetitions together.
        first_delay: Before the first repetition, on average; it doubles each time.
        longest_delay: Before any repetition, on average.
        between_writes: Least time between two writes of one object.
            Source: https://cloud.google.com/storage/quotas#objects
        between_flushes: Least time between two uploads of an object that grows.
    """

    request: float = 60
    patience: float = 300
    first_delay: float = 1
    longest_delay: float = 32
    between_writes: float = 1
    between_flushes: float = 30


@dataclasses.dataclass(frozen=True, slots=True)
class Place:
    """A bucket and the name of an object in it, "" for the bucket itself."""

    bucket: str
    name: str

    @classmethod
    def of(cls, path: str) -> Place:
        """Takes `gs://bucket/name` apart.

        Raises:
            StorageError: it names no bucket.
        """
        bucket, _, name = path.removeprefix(SCHEME).partition("/")
        if not bucket:
            raise StorageError(f"Cannot use {path!r}: expected gs://BUCKET/NAME.")
        return cls(bucket, name)

    @property
    def prefix(self) -> str:
        """What the names in this directory begin with."""
        return f"{self.name.rstrip('/')}/" if self.name else ""


@dataclasses.dataclass(frozen=True, slots=True)
class StoredObject:
    """What a bucket tells of an object.

    Attributes:
        generation: Its version; 0 is that there is no such object.
        size: Bytes.
        crc32c: Checksum of them, as the bucket writes it.
    """

    generation: int = 0
    size: int = 0
    crc32c: str = ""

    @classmethod
    def of(cls, blob: Any) -> StoredObject:
        """Reads what a request has filled into a `google.cloud.storage.Blob`."""
        return cls(int(blob.generation), int(blob.size), str(blob.crc32c))

    def holds(self, other: StoredObject) -> bool:
        """Whether the content is the same."""
        return (self.size, self.crc32c) == (other.size, other.crc32c)


def measure(file: BinaryIO) -> StoredObject:
    """Returns what a bucket should tell of a file's content, generation aside."""
    file.seek(0)
    crc32c, size = 0, 0
    while block := file.read(_BUFFER_BYTES):
        crc32c, size = google_crc32c.extend(crc32c, block), size + len(block)
    encoded = base64.b64encode(crc32c.to_bytes(4, "big")).decode()
    return StoredObject(size=size, crc32c=encoded)


class Requests:
    """Sends requests with one client.

    Args:
        client: A `google.cloud.storage.Client`.
        limits: How long is waited for what.
    """

    def __init__(self, client: Any, *, limits: RetryPolicy) -> None:
        self.limits = limits
        self._client = client
        self._last_writes: dict[str, float] = {}
        self._lock = threading.Lock()

    def blob(self, path: str, *, generation: int | None = None) -> Any:
        """Returns a `google.cloud.storage.Blob`; nothing is asked."""
        place = Place.of(path)
        bucket = self._client.bucket(place.bucket)
        return bucket.blob(place.name, generation=generation)

    def ask(self, doing: str, path: str, request: Callable[[], _Result]) -> _Result:
        """Sends a request that changes nothing until it succeeds or cannot.

        Args:
            doing: What is done with the path, for errors.
            path: The object or directory.
            request: Sends it once.

        Returns:
            What `request` returns.

        Raises:
            StorageError: It failed, and would again; or patience is over.
        """
        start, tries, delay = time.monotonic(), 0, self.limits.first_delay
        catchable = bucket_client.catchable()
        while True:
            tries += 1
            try:
                return request()
            except catchable as error:
                found = bucket_client.failure(error)
            pause = random.uniform(0.5, 1.5) * delay
            spent = time.monotonic() - start
            if not found.passes or spent + pause > self.limits.patience:
                # Not chained: the client's own words may hold the key of an upload.
                often = f" ({tries} tries in {spent:.0f} s)" if tries > 1 else ""
                raise StorageError(
                    _sentence(doing, path, found=found, often=often),
                    reason=found.reason,
                )
            time.sleep(pause)
            delay = min(2 * delay, self.limits.longest_delay)

    def change(self, doing: str, path: str, request: Callable[[], _Result]) -> _Result:
        """Sends a request that writes or deletes an object; see `ask`.

        Each time it waits until the object may be written again.
        """

        def paced() -> _Result:
            self._await_turn(path)
            try:
                return request()
            finally:
                self._note_write(path)

        return self.ask(doing, path, paced)

    def find(self, path: str) -> StoredObject:
        """Asks for an object's generation, size and checksum.

        Raises:
            StorageError: There is no such bucket, or it could not be asked.
        """
        blob = self.blob(path)

        def reload() -> None:
            blob.reload(timeout=self.limits.request, retry=None)

        try:
            self.ask("look at", path, reload)
        except StorageError as error:
            if error.reason is not StorageReason.MISSING:
                raise
            return StoredObject()
        if blob.content_encoding == "gzip":
            raise StorageError(
                f"Cannot use {path}: it is stored compressed (Content-Encoding: gzip)."
                " Copy it there again with `gcloud storage cp` without -Z and -J."
            )
        return StoredObject.of(blob)

    def names(
        self,
        path: str,
        *,
        prefix: str,
        delimiter: str | None = None,
        max_results: int | None = None,
    ) -> list[str]:
        """Asks for the names of objects in the bucket of `path`.

        Args:
            path: What is listed, for errors.
            prefix: What the names begin with.
            delimiter: Where names are cut, so that what lies deeper counts once.
            max_results: Most names that are asked for.

        Returns:
            The names, and those that were cut.
        """

        def list_blobs() -> list[str]:
            found = self._client.list_blobs(
                Place.of(path).bucket,
                prefix=prefix or None,
                delimiter=delimiter,
                max_results=max_results,
                fields="items(name),prefixes,nextPageToken",
                timeout=self.limits.request,
                retry=None,
            )
            return [*(blob.name for blob in found), *found.prefixes]

        return self.ask("list", path, list_blobs)

    @functools.cached_property
    def repeat_parts(self) -> Any:
        """How the client repeats one part of a large upload."""
        from google.cloud.storage.retry import DEFAULT_RETRY

        limits = self.limits
        delays = {"initial": limits.first_delay, "maximum": limits.longest_delay}
        return DEFAULT_RETRY.with_delay(**delays).with_timeout(limits.patience)

    def _await_turn(self, path: str) -> None:
        with self._lock:
            last = self._last_writes.get(path)
        if last is not None:
            time.sleep(max(0.0, last + self.limits.between_writes - time.monotonic()))

    def _note_write(self, path: str) -> None:
        now = time.monotonic()
        recent = now - self.limits.between_writes
        with self._lock:
            kept = {p: at for p, at in self._last_writes.items() if at > recent}
            self._last_writes = kept | {path: now}


def _sentence(doing: str, path: str, *, found: Failure, often: str) -> str:
    told = _TOLD.get(found.reason, "")
    advice = bucket_client.remedy(found, bucket=Place.of(path).bucket)
    return f"Cannot {doing} {path}: {told}{found.words}{often}. {advice}".rstrip()
