"""HDF5 files of weights, as Keras writes them, read without trusting them.

HDF5 can do more than hold numbers: point at other files, claim arrays that are not
there, unpack a few bytes to a terabyte. Only plain arrays that lie whole in the file
are read here.

Source: https://docs.hdfgroup.org/hdf5/ (datasets and links); keras, saving_lib.py.
"""

from __future__ import annotations

import contextlib
import io
import weakref
from collections.abc import Iterator, Mapping
from typing import Any

import ml_dtypes
import numpy as np

from runtime import storage
from runtime.errors import CheckpointError, StorageError


class Hdf5File:
    """One file, open for reading until nobody holds it.

    Args:
        path: The file, local or gs://.

    Raises:
        CheckpointError: It is no HDF5 file, or an array in it is not a plain one.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._stream = storage.open_read(path)
        weakref.finalize(self, self._stream.close)
        with self._opened() as file:
            file.visititems(self._note)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Returns the shape of every array by its name."""
        return dict(self._shapes)

    def read(self, name: str) -> np.ndarray:
        """Reads one array.

        Args:
            name: One of `shapes()`.

        Returns:
            The stored shape and type; bfloat16 comes as float32, which holds each of
            its values exactly.
        """
        with self._opened() as file:
            values = np.asarray(file[name])
        if _is_bfloat16(values):
            return values.view(ml_dtypes.bfloat16).astype(np.float32)
        return values

    @contextlib.contextmanager
    def _opened(self) -> Iterator[Any]:
        import h5py  # Keras' own requirement; only this format needs it

        try:
            with h5py.File(self._stream, "r") as file:
                yield file
        except StorageError:
            raise
        except (OSError, RuntimeError, KeyError, ValueError) as error:
            raise CheckpointError(
                f"{self.path}: expected an HDF5 file of weights: {error}"
            ) from error

    def _note(self, name: str, item: Any) -> None:
        if not hasattr(item, "shape"):  # a group
            return
        if problem := _problem(item):
            raise CheckpointError(f"{self.path}: {name}: {problem}")
        self._shapes[name] = tuple(item.shape)


def file_bytes(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Returns an HDF5 file that holds these arrays.

    Args:
        arrays: Path in the file -> value; groups are made where a path needs them.
    """
    import h5py  # Keras' own requirement; only this format needs it

    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        for name, value in arrays.items():
            file[name] = value
    return content.getvalue()


def _problem(item: Any) -> str | None:
    """What is wrong with an array, before any of its numbers are asked for."""
    if item.is_virtual or item.external:
        return "its numbers lie in another file, which is not followed"
    if item.dtype.kind not in "fiub" and not _is_bfloat16(item):
        return f"expected numbers, found the type {item.dtype}"
    if item.shape is None or item.chunks is not None:
        return "expected a plain array, found one in chunks or none"
    held, needed = item.id.get_storage_size(), item.size * item.dtype.itemsize
    if held != needed:
        return f"shape {item.shape} takes {needed} bytes, but the file holds {held}"
    return None


def _is_bfloat16(item: Any) -> bool:
    """Whether these are the raw pairs of bytes that Keras writes for bfloat16."""
    return bool(item.dtype == np.dtype("V2"))
