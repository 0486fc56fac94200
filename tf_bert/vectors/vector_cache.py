"""Vectors of examples on disk, found by what the examples are.

A folder holds files of the form `<digest>.safetensors`, each the vectors of some
examples and their keys. A file's name is a hash of its keys: writers never meet.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError

from processors.batches.features import Features
from runtime import storage
from runtime.errors import DataError

_SUFFIX = ".safetensors"
_KEY_BYTES = 16


def key_of(features: Features) -> bytes:
    """What tells an example from all others: a hash of its tokens and segments."""
    digest = hashlib.sha256(features.input_ids.astype("<i4").tobytes())
    digest.update(features.segment_ids.astype("<i4").tobytes())
    return digest.digest()[:_KEY_BYTES]


class VectorCache:
    """The vectors that one model has made.

    Args:
        folder: Of this model's vectors alone.

    Raises:
        DataError: A file in it is damaged.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._vectors: dict[bytes, np.ndarray] = {}
        names = storage.list_dir(folder) if storage.is_dir(folder) else []
        for name in names:
            if name.endswith(_SUFFIX):
                self._vectors |= _read(storage.join(folder, name))

    def get(self, key: bytes) -> np.ndarray | None:
        """The vector of an example; None where it is not known."""
        return self._vectors.get(key)

    def add(self, vectors: Mapping[bytes, np.ndarray]) -> None:
        """Keeps new vectors.

        Args:
            vectors: Keys to arrays of one shape.
        """
        if not vectors:
            return
        keys = np.frombuffer(b"".join(vectors), np.uint8).reshape(-1, _KEY_BYTES)
        content = safetensors.numpy.save(
            {"keys": keys, "vectors": np.stack(list(vectors.values()))}
        )
        name = hashlib.sha256(keys.tobytes()).hexdigest()[:32]
        storage.write_bytes(storage.join(self._folder, name + _SUFFIX), content)
        self._vectors |= vectors


def _read(path: str) -> dict[bytes, np.ndarray]:
    try:
        found = safetensors.numpy.load(storage.read_bytes(path))
        keys, vectors = found["keys"], found["vectors"]
    except (SafetensorError, KeyError, ValueError) as error:
        raise DataError(
            f"expected vectors that were kept here: {error}. Delete the file.",
            path=path,
        ) from error
    return {key.tobytes(): row for key, row in zip(keys, vectors, strict=True)}
