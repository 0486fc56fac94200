"""Vectors of the texts of a file.

`runtime.placement.place` must have run before this is imported, because Keras takes its
backend at import.
"""

from __future__ import annotations

import itertools
import json
import logging
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from processors.example import InputExample
from processors.features import Features, featurize
from processors.token_dataset import offsets_of
from processors.tokenization.base import Tokenizer
from runtime import storage
from runtime.errors import DataError
from runtime.placement import Placement
from tf_bert.encoder import CachedEncoder, Encoder, Encodes, Wanted
from tf_bert.extraction_preparation import ExtractionJob
from tf_bert.extraction_settings import ExtractionSettings, Pooling

_log = logging.getLogger(__name__)

_PAIR = re.compile(r"^(.*) \|\|\| (.*)$")
_BATCHES_A_CHUNK = 32  # sorted by length among themselves
_ARCHIVE = ".npz"


def run(job: ExtractionJob, *, placement: Placement) -> None:
    """Writes the vectors that the settings ask for.

    Args:
        job: From `tf_bert.extraction_preparation.prepare`.
        placement: From `runtime.placement.place`.

    Raises:
        SettingsError: The TPU has another number of cores than was asked for.
        DataError: There is no text.
        CheckpointError: The weights do not fit.
    """
    settings = job.settings
    settings.refuse_other_cores(placement)
    examples = read_examples(str(settings.input_file))
    encoder = Encoder(
        job.config,
        init_checkpoint=str(settings.init_checkpoint),
        wanted=Wanted(
            pooling=settings.pooling,
            layers=settings.layer_indexes,
            max_seq_length=settings.max_seq_length,
            batch_size=settings.batch_size,
        ),
        placement=placement,
    )
    encodes: Encodes = encoder
    if settings.cache_dir:
        encodes = CachedEncoder(encoder, folder=settings.cache_dir)
    features = featurize(
        examples,
        tokenizer=job.tokenizer,
        labels=(),
        max_seq_length=settings.max_seq_length,
    )
    found = _encoded(features, encodes, size=settings.batch_size * _BATCHES_A_CHUNK)
    write = _write_archive if _is_archive(settings) else _write_lines
    write(found, settings=settings, tokenizer=job.tokenizer)
    _log.info("Vectors of %d texts: %s", len(examples), settings.output_file)


def read_examples(path: str) -> list[InputExample]:
    """Reads a text a line, or two with ` ||| ` between.

    Args:
        path: A UTF-8 file.

    Raises:
        DataError: It has no line, or is in another encoding.
    """
    lines = (
        storage.read_text(path).removeprefix("\ufeff").removesuffix("\n").split("\n")
    )
    if lines == [""]:
        raise DataError("has no line of text.", path=path)
    examples = []
    for number, line in enumerate(map(str.strip, lines)):
        pair = _PAIR.match(line)
        first, second = pair.groups() if pair else (line, None)
        examples.append(InputExample(str(number), first, second))
    return examples


def _is_archive(settings: ExtractionSettings) -> bool:
    return str(settings.output_file).endswith(_ARCHIVE)


def _encoded(
    features: Iterator[Features], encoder: Encodes, *, size: int
) -> Iterator[tuple[Features, np.ndarray]]:
    while chunk := list(itertools.islice(features, size)):
        yield from zip(chunk, encoder.vectors(chunk), strict=True)


def _write_lines(
    found: Iterator[tuple[Features, np.ndarray]],
    *,
    settings: ExtractionSettings,
    tokenizer: Tokenizer,
) -> None:
    """One JSON object a line, for tokens with the names of the original."""
    with storage.open_write(str(settings.output_file)) as file:
        for number, (features, vectors) in enumerate(found):
            if settings.pooling is Pooling.LAYERS:
                ids = features.input_ids.tolist()
                tokens = tokenizer.convert_ids_to_tokens(ids)
                content: dict[str, Any] = {
                    "features": [
                        {"token": token, "layers": _layers(vector, settings)}
                        for token, vector in zip(tokens, vectors, strict=True)
                    ]
                }
            elif settings.pooling is Pooling.POOLED:
                content = {"pooling": "pooled", "values": _rounded(vectors)}
            else:
                content = {
                    "pooling": settings.pooling.value,
                    "layers": _layers(vectors, settings),
                }
            line = json.dumps({"linex_index": number, **content}) + "\n"
            file.write(line.encode())


def _layers(vectors: np.ndarray, settings: ExtractionSettings) -> list[dict[str, Any]]:
    return [
        {"index": index, "values": _rounded(vector)}
        for index, vector in zip(settings.layer_indexes, vectors, strict=True)
    ]


def _rounded(vector: np.ndarray) -> list[float]:
    return [round(value, 6) for value in vector.tolist()]


def _write_archive(
    found: Iterator[tuple[Features, np.ndarray]],
    *,
    settings: ExtractionSettings,
    tokenizer: Tokenizer,
) -> None:
    """`vectors`, and for tokens where each text's start (`offsets`) and their ids."""
    del tokenizer
    features, vectors = zip(*found, strict=True)
    arrays: dict[str, np.ndarray] = {}
    if settings.pooling is Pooling.LAYERS:
        arrays["vectors"] = np.concatenate(vectors)
        arrays["offsets"] = offsets_of([len(each) for each in vectors])
        arrays["input_ids"] = np.concatenate([each.input_ids for each in features])
    else:
        arrays["vectors"] = np.stack(vectors)
    if settings.pooling is not Pooling.POOLED:
        arrays["layers"] = np.array(settings.layer_indexes)
    with storage.open_write(str(settings.output_file)) as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]
