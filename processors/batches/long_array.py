"""Numbers that come part by part: in memory while they are few, else on the disk."""

from __future__ import annotations

import numpy as np

from runtime.storage.scratch_file import ScratchFile

MOST_IN_MEMORY = 64 << 20
"""Bytes of one array; a larger one lies on the local disk."""


class LongArray:
    """Numbers that are to be one array.

    A large one is a mapped file: the system holds of it in memory what is looked at, as
    long as nobody else needs the room.

    Args:
        dtype: Their type.
    """

    def __init__(self, dtype: np.typing.DTypeLike) -> None:
        self._dtype = np.dtype(dtype)
        self._held = [np.empty(0, self._dtype)]
        self._bytes = 0
        self._file: ScratchFile | None = None

    def extend(self, values: np.ndarray) -> None:
        """Adds numbers, which are not to be changed any more.

        Args:
            values: Of a type of the same kind, [any].

        Raises:
            StorageError: The disk has no space for them.
        """
        self._held.append(values.astype(self._dtype, casting="same_kind", copy=False))
        self._bytes += self._held[-1].nbytes
        if self._bytes > MOST_IN_MEMORY:
            self._write()

    def array(self) -> np.ndarray:
        """All numbers, [total]; read-only where they lie on the disk."""
        if self._file is None:
            return np.concatenate(self._held)
        return np.frombuffer(self._file.map(), self._dtype)

    def _write(self) -> None:
        self._file = self._file or ScratchFile()
        for values in self._held:
            self._file.append(np.ascontiguousarray(values).view(np.uint8).data)
        self._held.clear()
