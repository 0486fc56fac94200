"""What tells weights to start from apart by their content, wherever they lie."""

from __future__ import annotations

import json
from collections.abc import Sequence

import google_crc32c

from runtime import storage
from runtime.checkpoints import checkpoints
from runtime.files.tf_checkpoint import TensorBundle
from runtime.training.job import InitialCheckpoint
from tf_bert.formats import bundled, find
from tf_bert.formats.names import WeightsFormat
from tf_bert.formats.native import NativeSource
from tf_bert.formats.source import Source
from tf_bert.formats.tensorflow1 import TensorFlow1Source

_WEIGHTS = (".safetensors", ".weights.h5")


def initial_checkpoint(
    path: str | None, *, source: Source | None = None
) -> InitialCheckpoint | None:
    """What a run records of the weights that it was told to start from.

    Args:
        path: As for `find.open_source`; weights that are no longer there have no
            digest.
        source: The same, where they are open already.
    """
    if not path:
        return None
    if source is not None:
        return InitialCheckpoint(path=path, digest=of_source(source))
    place = bundled.resolve(path)
    is_there = storage.exists(place) or storage.exists(f"{place}.index")
    return InitialCheckpoint(path=path, digest=of(path) if is_there else None)


def of(path: str) -> str:
    """Returns what other weights would change.

    Where the format has checksums, they are read and nothing else. Of a file without
    them the storage is asked, which reads it whole on a disk and not at all in a
    bucket.

    Args:
        path: As for `find.open_source`.

    Raises:
        CheckpointError: Nothing that can be read lies there.
    """
    kind, place = find.locate(path)
    if kind is WeightsFormat.NATIVE:
        return checkpoints.weights_digest(place)
    if kind is WeightsFormat.TF1:
        return _joined(kind, TensorBundle(place).checksums())
    return _joined(kind, _of_files(place))


def of_source(source: Source) -> str:
    """Returns the same of weights that are open.

    Args:
        source: The weights.
    """
    if isinstance(source, NativeSource):
        return checkpoints.weights_digest(source.path)
    if isinstance(source, TensorFlow1Source):
        return _joined(source.kind, source.checksums())
    return _joined(source.kind, _of_files(source.folder))


def _of_files(folder: str) -> list[object]:
    names = [name for name in storage.list_dir(folder) if name.endswith(_WEIGHTS)]
    return [(name, storage.checksum(storage.join(folder, name))) for name in names]


def _joined(kind: WeightsFormat, parts: Sequence[object]) -> str:
    found = google_crc32c.value(json.dumps(parts).encode())
    return f"crc32c {found:08x} of {kind.value}"
