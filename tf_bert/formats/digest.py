"""What tells weights to start from apart by their content, wherever they lie."""

from __future__ import annotations

import json
from collections.abc import Sequence

import google_crc32c

from runtime import checkpoints, storage
from runtime.files.tensor_bundle import TensorBundle
from runtime.job import InitialCheckpoint
from tf_bert.formats import bundled, find
from tf_bert.formats.names import Kind

_BLOCK_BYTES = 8 << 20
_WEIGHTS = (".safetensors", ".weights.h5")


def initial_checkpoint(path: str | None) -> InitialCheckpoint | None:
    """What a run records of the weights that it was told to start from.

    Args:
        path: As for `find.open_source`; weights that are no longer there have no
            digest.
    """
    if not path:
        return None
    place = bundled.resolve(path)
    is_there = storage.exists(place) or storage.exists(f"{place}.index")
    return InitialCheckpoint(path=path, digest=of(path) if is_there else None)


def of(path: str) -> str:
    """Returns what other weights would change.

    Where the format has checksums, they are read and nothing else; a file without is
    read whole.

    Args:
        path: As for `find.open_source`.

    Raises:
        CheckpointError: Nothing that can be read lies there.
    """
    kind, place = find.locate(path)
    if kind is Kind.NATIVE:
        return checkpoints.weights_digest(place)
    parts: Sequence[object]
    if kind is Kind.TF1:
        parts = TensorBundle(place).checksums()
    else:
        names = [name for name in storage.list_dir(place) if name.endswith(_WEIGHTS)]
        parts = [(name, _crc32c(storage.join(place, name))) for name in names]
    found = google_crc32c.value(json.dumps(parts).encode())
    return f"crc32c {found:08x} of {kind.value}"


def _crc32c(path: str) -> int:
    found = 0
    with storage.open_read(path) as file:
        while block := file.read(_BLOCK_BYTES):
            found = google_crc32c.extend(found, block)
    return found
