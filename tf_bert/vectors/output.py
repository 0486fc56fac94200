"""Vectors as a file: JSON lines of the original, or a numpy archive."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from typing import IO, Any

import numpy as np

from processors.batches.token_dataset import offsets_of
from processors.tokenization.base import Tokenizer
from runtime import storage
from tf_bert.vectors.parts import VectorParts
from tf_bert.vectors.settings import ExtractionSettings, Pooling

_ARCHIVE = ".npz"


def write(
    parts: VectorParts, *, settings: ExtractionSettings, tokenizer: Tokenizer
) -> None:
    """Writes the output file, holding one part at a time.

    Args:
        parts: All vectors.
        settings: Name the file, and what its vectors are of.
        tokenizer: Names tokens.
    """
    with storage.open_write(str(settings.output_file)) as file:
        if str(settings.output_file).endswith(_ARCHIVE):
            _write_archive(file, parts, settings=settings)
        else:
            _write_lines(file, parts, settings=settings, tokenizer=tokenizer)


def _write_lines(
    file: IO[bytes],
    parts: VectorParts,
    *,
    settings: ExtractionSettings,
    tokenizer: Tokenizer,
) -> None:
    """One JSON object a line, for tokens with the names of the original."""
    if settings.pooling is Pooling.LAYERS:
        contents = _of_tokens(parts, settings=settings, tokenizer=tokenizer)
    else:
        contents = _of_texts(parts, settings=settings)
    for number, content in enumerate(contents):
        line = json.dumps({"linex_index": number, **content}) + "\n"
        file.write(line.encode())


def _of_tokens(
    parts: VectorParts, *, settings: ExtractionSettings, tokenizer: Tokenizer
) -> Iterator[dict[str, Any]]:
    arrays = zip(
        *(parts.arrays(name) for name in ("vectors", "lengths", "input_ids")),
        strict=True,
    )
    for vectors, lengths, input_ids in arrays:
        tokens = tokenizer.convert_ids_to_tokens(input_ids.tolist())
        start = 0
        for stop in np.cumsum(lengths):
            named = zip(tokens[start:stop], vectors[start:stop], strict=True)
            yield {
                "features": [
                    {"token": token, "layers": _layers(vector, settings)}
                    for token, vector in named
                ]
            }
            start = stop


def _of_texts(
    parts: VectorParts, *, settings: ExtractionSettings
) -> Iterator[dict[str, Any]]:
    for vectors in parts.arrays("vectors"):
        for vector in vectors:
            content: dict[str, Any] = {"pooling": settings.pooling.value}
            if settings.pooling is Pooling.POOLED:
                yield {**content, "values": _rounded(vector)}
            else:
                yield {**content, "layers": _layers(vector, settings)}


def _layers(vectors: np.ndarray, settings: ExtractionSettings) -> list[dict[str, Any]]:
    return [
        {"index": index, "values": _rounded(vector)}
        for index, vector in zip(settings.layer_indexes, vectors, strict=True)
    ]


def _rounded(vector: np.ndarray) -> list[float]:
    return [round(value, 6) for value in vector.tolist()]


def _write_archive(
    file: IO[bytes], parts: VectorParts, *, settings: ExtractionSettings
) -> None:
    """`vectors`, and for tokens where each text's start (`offsets`) and their ids."""
    with zipfile.ZipFile(file, "w", allowZip64=True) as archive:
        _stream_array(archive, "vectors", parts)
        if settings.pooling is Pooling.LAYERS:
            _stream_array(archive, "input_ids", parts)
            lengths = np.concatenate(list(parts.arrays("lengths")))
            _write_array(archive, "offsets", offsets_of(lengths.tolist()))
        if settings.pooling is not Pooling.POOLED:
            _write_array(archive, "layers", np.array(settings.layer_indexes))


def _stream_array(archive: zipfile.ZipFile, name: str, parts: VectorParts) -> None:
    """Writes the array of all parts, holding that of one."""
    header = np.lib.format.header_data_from_array_1_0(next(parts.arrays(name)))
    with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
        np.lib.format.write_array_header_1_0(
            file, {**header, "shape": parts.shape(name)}
        )
        for array in parts.arrays(name):
            file.write(array.tobytes())


def _write_array(archive: zipfile.ZipFile, name: str, array: np.ndarray) -> None:
    with archive.open(f"{name}.npy", "w") as file:
        np.lib.format.write_array(file, array, allow_pickle=False)
