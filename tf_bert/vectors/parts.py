"""Vectors that were made so far, beside the file that they are for.

A part is a safetensors file of a folder, complete or absent: an extraction that was
stopped goes on after the last.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator

import numpy as np

from runtime import storage
from runtime.files import safetensors_file
from runtime.files.safetensors_file import SafetensorsFile

_SUFFIX = ".safetensors"


@dataclasses.dataclass(frozen=True)
class VectorPart:
    """The vectors of some texts that follow each other.

    Attributes:
        vectors: float32, of all tokens of the texts one after the other `[tokens,
            layers, hidden]`, or one a text, `[texts, layers, hidden]` or `[texts,
            hidden]`.
        lengths: Tokens read of each text, int64 `[texts]`.
        input_ids: Their ids, int32 `[tokens]`.
        whole_lengths: Tokens of each text before any were cut off, int64 `[texts]`.
    """

    vectors: np.ndarray
    lengths: np.ndarray
    input_ids: np.ndarray
    whole_lengths: np.ndarray


class VectorParts:
    """The parts of one extraction, in order.

    Args:
        folder: Where they lie; see `unfinished_work.open_folder`.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        # A file in a bucket is fetched when it is opened: once for all its attributes.
        self._open = functools.lru_cache(maxsize=1)(SafetensorsFile)
        self._count = 0
        while storage.exists(self._path(self._count)):
            self._count += 1

    def __len__(self) -> int:
        return self._count

    def arrays(self, name: str) -> Iterator[np.ndarray]:
        """Reads an attribute of each `VectorPart`, one at a time.

        Raises:
            CheckpointError: A part is damaged.
        """
        for number in range(self._count):
            yield self._open(self._path(number)).read(name)

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of an attribute of all parts one after the other.

        Raises:
            CheckpointError: A part is damaged.
        """
        shapes = [
            self._open(self._path(number)).shapes()[name]
            for number in range(self._count)
        ]
        return (sum(shape[0] for shape in shapes), *shapes[0][1:])

    def add(self, part: VectorPart) -> None:
        """Keeps the next part."""
        arrays = {
            field.name: np.ascontiguousarray(getattr(part, field.name))
            for field in dataclasses.fields(part)
        }
        with storage.open_write(self._path(self._count)) as file:
            safetensors_file.write(file, arrays)
        self._count += 1

    def _path(self, number: int) -> str:
        return storage.join(self._folder, f"{number:08d}{_SUFFIX}")
