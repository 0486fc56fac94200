"""Vectors of the texts of a file.

`runtime.devices.placement.place` must have run before this is imported, because Keras
takes its backend at import.
"""

from __future__ import annotations

import itertools
import logging
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from processors.batches.features import TokenCounts, featurize
from processors.example import InputExample
from runtime.devices.placement import Placement
from runtime.training import stop_request, unfinished_work
from runtime.training.progress import ProgressLine
from tf_bert.vectors import output
from tf_bert.vectors import texts as extraction_texts
from tf_bert.vectors.encoder import CachedEncoder, Encodes, VectorEncoder, WantedVectors
from tf_bert.vectors.parts import VectorPart, VectorParts
from tf_bert.vectors.preparation import ExtractionJob
from tf_bert.vectors.settings import Pooling

_log = logging.getLogger(__name__)

# Sorted by length among themselves, and held in memory until they are written.
_BATCHES_A_PART = 32
_NUMBERS_A_PART = 1 << 24


def run(job: ExtractionJob, *, placement: Placement) -> None:
    """Writes the vectors that the settings ask for.

    What is done is kept beside the output file until that is written whole; a run that
    was stopped goes on from there.

    Args:
        job: From `tf_bert.vectors.preparation.prepare`.
        placement: From `runtime.devices.placement.place`.

    Raises:
        SettingsError: The TPU has another number of cores than was asked for.
        DataError: There is no text.
        CheckpointError: The weights do not fit.
        RunStoppedError: The run was asked to stop; the same command goes on.
    """
    settings = job.settings
    settings.refuse_other_cores(placement)
    _log.info("Running on %s", placement.describe())
    with stop_request.of_run():
        encoder = _encoder(job, placement=placement)
        folder = f"{settings.output_file}.parts"
        with unfinished_work.open_folder(folder, made_of=_made_of(job, encoder)):
            parts = VectorParts(folder)
            _extract(job, parts, encoder=encoder)
            _tell_what_was_cut(parts, max_seq_length=settings.max_seq_length)
            output.write(parts, settings=settings, tokenizer=job.tokenizer)
    _log.info("Vectors: %s", settings.output_file)


def _made_of(job: ExtractionJob, encoder: VectorEncoder) -> dict[str, Any]:
    """What decides the parts."""
    return {
        "encoder": encoder.fingerprint,
        "tokenizer": job.tokenizer.fingerprint(),
        "max_seq_length": job.settings.max_seq_length,
        "texts": job.texts.digest,
        "texts a part": _texts_a_part(job),
    }


def _extract(job: ExtractionJob, parts: VectorParts, *, encoder: VectorEncoder) -> None:
    """Makes the parts that are not made yet."""
    settings, size = job.settings, _texts_a_part(job)
    encodes: Encodes = encoder
    if settings.cache_dir:
        encodes = CachedEncoder(encoder, folder=settings.cache_dir)
    done = min(len(parts) * size, job.texts.count)
    rest = itertools.islice(extraction_texts.read(settings), done, None)
    with ProgressLine(
        job.texts.count, stream=sys.stderr, what="text", start=done
    ) as progress:
        while chunk := list(itertools.islice(rest, size)):
            part = _part(chunk, job=job, encoder=encodes)
            parts.add(part)
            done += len(chunk)
            progress.update(done, examples=len(chunk), tokens=int(part.lengths.sum()))


def _encoder(job: ExtractionJob, *, placement: Placement) -> VectorEncoder:
    settings = job.settings
    return VectorEncoder(
        job.config,
        source=job.source,
        wanted=WantedVectors(
            pooling=settings.pooling,
            layers=settings.layer_indexes,
            max_seq_length=settings.max_seq_length,
            batch_size=settings.batch_size,
        ),
        placement=placement,
    )


def _texts_a_part(job: ExtractionJob) -> int:
    settings = job.settings
    vectors = settings.max_seq_length if settings.pooling is Pooling.LAYERS else 1
    numbers = vectors * len(settings.layers) * job.config.hidden_size
    batches = _NUMBERS_A_PART // (numbers * settings.batch_size)
    return settings.batch_size * min(max(batches, 1), _BATCHES_A_PART)


def _part(
    examples: Sequence[InputExample], *, job: ExtractionJob, encoder: Encodes
) -> VectorPart:
    counts = TokenCounts()
    features = list(
        featurize(
            examples,
            tokenizer=job.tokenizer,
            labels=(),
            max_seq_length=job.settings.max_seq_length,
            counts=counts,
        )
    )
    vectors = encoder.vectors(features)
    is_of_tokens = job.settings.pooling is Pooling.LAYERS
    return VectorPart(
        vectors=np.concatenate(vectors) if is_of_tokens else np.stack(vectors),
        lengths=np.array([len(each.input_ids) for each in features], np.int64),
        input_ids=np.concatenate([each.input_ids for each in features]),
        whole_lengths=np.array(counts.lengths, np.int64),
    )


def _tell_what_was_cut(parts: VectorParts, *, max_seq_length: int) -> None:
    lengths = np.concatenate(list(parts.arrays("whole_lengths")))
    cut = int((lengths > max_seq_length).sum())
    if cut:
        _log.warning(
            "%d of %d texts are cut at --max_seq_length=%d; the longest has %d tokens.",
            cut,
            len(lengths),
            max_seq_length,
            lengths.max(),
        )
