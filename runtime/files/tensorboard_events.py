"""TensorBoard scalar events, written without tensorflow.

Source: tensorflow/core/util/event.proto and tensorflow/core/framework/summary.proto
(field numbers); the file itself is a row of TFRecord frames.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Mapping

import numpy as np

from runtime import storage
from runtime.files.protobuf import field_bytes, field_double, field_float, field_varint
from runtime.files.tfrecord import frame
from runtime.storage.base import AppendFile

_FILE_VERSION = b"brain.Event:2"

# Event
_WALL_TIME, _STEP, _VERSION, _SUMMARY, _SESSION_LOG = 1, 2, 3, 5, 7
# Summary, Summary.Value, SessionLog
_VALUE, _TAG, _SIMPLE_VALUE, _STATUS = 1, 1, 2, 1
_STATUS_START = 1


class EventFile:
    """One `events.out.tfevents.*` file, made at the first event.

    Args:
        directory: Where the file goes; what TensorBoard's --logdir names.
        clock: Seconds since 1970.
    """

    def __init__(
        self, directory: str, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._directory = directory
        self._clock = clock
        self._file: AppendFile | None = None

    def scalars(self, values: Mapping[str, float], *, step: int) -> None:
        """Adds one event with each value under its tag; the file is flushed."""
        summary = b"".join(
            field_bytes(_VALUE, _scalar(tag, value)) for tag, value in values.items()
        )
        self._add(field_varint(_STEP, step) + field_bytes(_SUMMARY, summary))

    def forget_from(self, step: int) -> None:
        """Makes TensorBoard drop what earlier files say of `step` and after it.

        A run that goes on from a checkpoint writes those steps a second time.
        Source: tensorboard/backend/event_processing/event_accumulator.py,
        _MaybePurgeOrphanedData.
        """
        start = field_varint(_STATUS, _STATUS_START)
        self._add(field_varint(_STEP, step) + field_bytes(_SESSION_LOG, start))

    def sync(self) -> None:
        """Returns when all events would survive the end of this machine."""
        if self._file is not None:
            self._file.sync()

    def close(self) -> None:
        """Closes the file, if one was made."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _add(self, event: bytes) -> None:
        if self._file is None:
            self._file = storage.open_append(self._path())
            self._file.write(self._record(field_bytes(_VERSION, _FILE_VERSION)))
        self._file.write(self._record(event))
        self._file.flush()

    def _path(self) -> str:
        seconds, host = int(self._clock()), socket.gethostname()
        name = f"events.out.tfevents.{seconds:010d}.{host}.{os.getpid()}"
        return storage.join(self._directory, name)

    def _record(self, event: bytes) -> bytes:
        return frame(field_double(_WALL_TIME, self._clock()) + event)


def _scalar(tag: str, value: float) -> bytes:
    with np.errstate(over="ignore"):  # above float32's range: infinity, as it reads
        shortened = float(np.float32(value))
    return field_bytes(_TAG, tag.encode()) + field_float(_SIMPLE_VALUE, shortened)
