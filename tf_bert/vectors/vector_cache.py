"""Vectors of texts on disk, found by what the texts are.

A folder holds files of the form `<digest>.safetensors`, each the vectors of some texts,
their keys, who made them, and a checksum. A file is complete or absent, and its name is
a hash of its keys: writers never meet. What is read is looked at where it lies on the
disk, so that a cache may be larger than memory.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence

import google_crc32c
import numpy as np

from processors.batches.features import Features
from processors.batches.token_dataset import offsets_of, ranges
from runtime import storage
from runtime.errors import CheckpointError, DataError, SettingsError
from runtime.files import safetensors_file
from runtime.files.safetensors_file import SafetensorsFile

_SUFFIX = ".safetensors"
_KEY_BYTES = 16
_KEY = np.dtype(f"S{_KEY_BYTES}")
_BLOCK_BYTES = 1 << 24

UNKNOWN = -1
"""The place of a text that a cache has not."""


def key_of(features: Features) -> bytes:
    """What tells an example from all others: a hash of its tokens and segments."""
    digest = hashlib.sha256(features.input_ids.astype("<i4").tobytes())
    digest.update(features.segment_ids.astype("<i4").tobytes())
    return digest.digest()[:_KEY_BYTES]


@dataclasses.dataclass(frozen=True, eq=False)
class VectorPart:
    """The vectors of some texts, in memory or on the disk.

    Attributes:
        keys: `[texts]`, each of 16 bytes.
        vectors: `[texts, ...]`; or, where texts have several, all of them one after the
            other.
        offsets: Where those of each text begin, then the end, int64 `[texts + 1]`; None
            where each has one.
    """

    keys: np.ndarray
    vectors: np.ndarray
    offsets: np.ndarray | None

    @classmethod
    def of(cls, keys: Sequence[bytes], vectors: Sequence[np.ndarray]) -> VectorPart:
        """The part of some texts whose vectors `[..., width]` have one last axis."""
        names = np.array(keys, _KEY)
        if len({each.shape for each in vectors}) == 1:
            return cls(names, np.stack(vectors), None)
        lengths = [len(each) for each in vectors]
        return cls(names, np.concatenate(vectors), offsets_of(lengths))

    def checksum(self) -> int:
        """CRC-32C of the vectors and of where they are."""
        found = _checksum(self.vectors, after=0)
        return found if self.offsets is None else _checksum(self.offsets, after=found)

    def one(self, place: int) -> np.ndarray:
        """The vectors of a text."""
        if self.offsets is None:
            found: np.ndarray = self.vectors[place]
        else:
            found = self.vectors[self.offsets[place] : self.offsets[place + 1]]
        return found

    def lengths(self, places: np.ndarray) -> np.ndarray:
        """How many vectors texts have, int64."""
        if self.offsets is None:
            return np.full(len(places), self.vectors[0].shape[0])
        found: np.ndarray = np.diff(self.offsets)[places]
        return found

    def several(self, places: np.ndarray) -> np.ndarray:
        """The vectors of some texts, one text after the other `[vectors, width]`."""
        if self.offsets is None:
            return self.vectors[places].reshape(-1, self.vectors.shape[-1])
        rows = ranges(self.offsets[places], lengths=self.lengths(places))
        found: np.ndarray = self.vectors[rows]
        return found


class VectorCache:
    """The vectors that one model has made.

    Args:
        folder: Of this model's vectors alone; None keeps them in memory.
        made_by: What the model is, by name; files of another are refused.
        dtype: float16 or float32, in which new vectors are kept.

    Raises:
        DataError: A file in it is damaged.
        SettingsError: A file in it is of another model.
    """

    def __init__(
        self,
        folder: str | None,
        *,
        made_by: Mapping[str, str] | None = None,
        dtype: str = "float32",
    ) -> None:
        self._folder = folder
        self._made_by = dict(made_by or {})
        self._dtype = np.dtype(dtype)
        self._parts = list(self._read_all()) if folder else []
        self._index()

    def get(self, key: bytes) -> np.ndarray | None:
        """The vectors of a text; None where it is not known."""
        [place] = self.find([key])
        if place == UNKNOWN:
            return None
        part, row = self._locate(np.array([place]))
        return self._parts[part[0]].one(row[0])

    def find(self, keys: Sequence[bytes]) -> np.ndarray:
        """The places of texts, int64; `UNKNOWN` where one is not known."""
        wanted = np.array(keys, _KEY)
        if not len(self._keys):
            return np.full(len(wanted), UNKNOWN)
        found = np.searchsorted(self._keys, wanted)
        found[found == len(self._keys)] = 0
        is_there = self._keys[found] == wanted
        return np.where(is_there, self._places[found], UNKNOWN)

    def lengths(self, places: np.ndarray) -> np.ndarray:
        """How many vectors texts have.

        Args:
            places: From `find`, none unknown.
        """
        found = np.empty(len(places), np.int64)
        for part, mine, rows in self._by_part(places):
            found[mine] = part.lengths(rows)
        return found

    def vectors(self, places: np.ndarray) -> np.ndarray:
        """The vectors of texts, one text after the other: float32 `[vectors, width]`.

        Args:
            places: From `find`, none unknown.
        """
        lengths = self.lengths(places)
        starts = offsets_of(lengths)
        found = np.empty((starts[-1], self.width), np.float32)
        for part, mine, rows in self._by_part(places):
            target = ranges(starts[:-1][mine], lengths=lengths[mine])
            found[target] = part.several(rows)
        return found

    @property
    def width(self) -> int:
        """Numbers in a vector; 0 where there is none yet."""
        return self._parts[0].vectors.shape[-1] if self._parts else 0

    @property
    def size(self) -> int:
        """Bytes of all vectors."""
        return sum(part.vectors.nbytes for part in self._parts)

    def add(self, vectors: Mapping[bytes, np.ndarray]) -> None:
        """Keeps new vectors.

        Args:
            vectors: Keys to arrays of one shape, or of one but for their first axis.

        Raises:
            DataError: There are numbers that cannot be kept so.
        """
        if not vectors:
            return
        made = VectorPart.of(list(vectors), list(vectors.values()))
        part = dataclasses.replace(made, vectors=self._rounded(made.vectors))
        if self._folder:
            self._write(part)
        self._parts.append(part)
        self._index()

    def _rounded(self, vectors: np.ndarray) -> np.ndarray:
        with np.errstate(over="ignore"):
            rounded = vectors.astype(self._dtype)
        if not np.isfinite(rounded).all():
            largest = np.abs(vectors).max()
            raise DataError(
                f"expected vectors of numbers that {self._dtype} holds, got {largest}."
                " Keep them as float32, or look for weights that are no numbers."
            )
        return rounded

    # -- files ------------------------------------------------------------------------

    def _write(self, part: VectorPart) -> None:
        keys = np.frombuffer(part.keys.tobytes(), np.uint8).reshape(-1, _KEY_BYTES)
        about = json.dumps(self._made_by, sort_keys=True).encode()
        tensors = {
            "keys": keys,
            "vectors": part.vectors,
            "checksum": np.array([part.checksum()], np.uint32),
            "made_by": np.frombuffer(about, np.uint8),
        }
        if part.offsets is not None:
            tensors["offsets"] = part.offsets
        path = storage.join(str(self._folder), _name_of(keys))
        with storage.open_write(path) as file:
            safetensors_file.write(file, tensors)

    def _read_all(self) -> Iterator[VectorPart]:
        folder = str(self._folder)
        names = storage.list_dir(folder) if storage.is_dir(folder) else []
        for name in names:
            if name.endswith(_SUFFIX):
                yield self._read(storage.join(folder, name))

    def _read(self, path: str) -> VectorPart:
        try:
            file = SafetensorsFile(path)
            part = _sound(file, path=path)
            about = file.read("made_by").tobytes() if _has(file, "made_by") else b"{}"
            made_by = json.loads(about)
        except (CheckpointError, KeyError, ValueError) as error:
            raise DataError(
                f"expected vectors that were kept here: {error}. Delete the file.",
                path=path,
            ) from error
        self._refuse_other(made_by, path=path)
        return part

    def _refuse_other(self, made_by: Mapping[str, str], *, path: str) -> None:
        if not made_by or made_by == self._made_by:
            return
        names = sorted({*made_by, *self._made_by})
        differing = [
            f"{name}: {made_by.get(name)} there, {self._made_by.get(name)} here."
            for name in names
            if made_by.get(name) != self._made_by.get(name)
        ]
        raise SettingsError(
            f"{path} has the vectors of another encoder. Name another --cache_dir, or"
            " delete the folder's files:",
            *differing,
        )

    # -- places -----------------------------------------------------------------------

    def _index(self) -> None:
        """Sorts the keys of all parts; of those that stand twice the first counts."""
        sizes = [len(part.keys) for part in self._parts]
        self._starts = offsets_of(sizes)
        keys = [part.keys for part in self._parts]
        joined = np.concatenate(keys) if keys else np.empty(0, _KEY)
        self._keys, self._places = np.unique(joined, return_index=True)

    def _locate(self, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The part of each place, and its row there."""
        parts = np.searchsorted(self._starts, places, side="right") - 1
        return parts, places - self._starts[parts]

    def _by_part(
        self, places: np.ndarray
    ) -> Iterator[tuple[VectorPart, np.ndarray, np.ndarray]]:
        """Each part that has some of the places: which of them, and their rows."""
        parts, rows = self._locate(places)
        for number in np.unique(parts):
            mine = np.flatnonzero(parts == number)
            yield self._parts[number], mine, rows[mine]


def _sound(file: SafetensorsFile, *, path: str) -> VectorPart:
    """The part of a file, once it is known to be as it was written.

    Raises:
        ValueError: It is not.
    """
    keys, vectors = file.read("keys"), file.map("vectors")
    if keys.shape[1:] != (_KEY_BYTES,) or storage.basename(path) != _name_of(keys):
        raise ValueError("its name is not that of its keys")
    offsets = file.read("offsets") if _has(file, "offsets") else None
    part = VectorPart(np.frombuffer(keys.tobytes(), _KEY), vectors, offsets)
    if _has(file, "checksum") and file.read("checksum")[0] != part.checksum():
        raise ValueError("its checksum is another")
    texts = len(vectors) if offsets is None else len(offsets) - 1
    if texts != len(keys):
        raise ValueError(f"{len(keys)} keys and vectors of {texts} texts")
    return part


def _has(file: SafetensorsFile, name: str) -> bool:
    return name in file.shapes()


def _name_of(keys: np.ndarray) -> str:
    return hashlib.sha256(keys.tobytes()).hexdigest()[:32] + _SUFFIX


def _checksum(numbers: np.ndarray, *, after: int) -> int:
    """CRC-32C of bytes, of which few are held at a time."""
    flat = numbers.reshape(-1).view(np.uint8)
    found = after
    for start in range(0, len(flat), _BLOCK_BYTES):
        block = flat[start : start + _BLOCK_BYTES]
        found = google_crc32c.extend(found, block.tobytes())
    return found
