"""Texts of a bi-encoder whose encoder is not trained: each is encoded once a run."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipelines.classification.splits import Split
from processors.batches.texts_apart import PairsTakenApart, TextsApart
from processors.batches.token_dataset import FILLER
from runtime import storage
from runtime.devices.placement import Placement
from runtime.training.training import RunContext
from tf_bert.classifier.preparation import BertClassifierJob
from tf_bert.formats import find
from tf_bert.formats.source import Source
from tf_bert.pairs.encoding import Encoded, Kept, TextEncoder
from tf_bert.pairs.heads import Attend
from tf_bert.pairs.preparation import BiEncoderJob

_FOLDER = "text_vectors"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False, kw_only=True)
class EncodedTexts(TextsApart):
    """The distinct texts of pairs, and what an encoder made of them.

    Attributes:
        encoded: Their vectors, in the same order.
    """

    encoded: Encoded

    def places(
        self, index: np.ndarray, *, slots: np.ndarray, buckets: Sequence[int]
    ) -> dict[str, np.ndarray]:
        """See `TextsApart.places`.

        Returns:
            Also `text_vectors`, float32 [slices, slots, hidden], and where those of
            tokens are kept `text_tokens` [slices, slots, tokens, hidden]; 0 where there
            is no text, or no token.
        """
        found = super().places(index, slots=slots, buckets=buckets)
        is_text = slots != FILLER
        texts = slots[is_text]
        if self.encoded.attend is Attend.VECTORS:
            known = {"text_vectors": self.encoded.vectors(texts)}
        else:
            columns = found["token_mask"].shape[-1]
            vectors, tokens, _ = self.encoded.tokens(texts, columns=columns)
            known = {"text_vectors": vectors, "text_tokens": tokens}
        for name, values in known.items():
            found[name] = np.zeros((*slots.shape, *values.shape[1:]), np.float32)
            found[name][is_text] = values
        return found


def ready(
    job: BiEncoderJob, splits: Mapping[str, Split], context: RunContext
) -> Mapping[str, Split]:
    """Splits whose texts are read as vectors, where the encoder is not trained.

    The vectors stay in the run's folder: a run that goes on encodes nothing again.

    Args:
        job: The run.
        splits: Of it.
        context: Where it runs.
    """
    settings = job.settings
    if not settings.trained_part.is_head_alone:
        return splits
    encoder = encoder_of(
        job,
        _source(job),
        placement=context.placement,
        pooling=settings.pooling,
        attend=settings.attend,
        dtype="float32",
    )
    folder = storage.join(context.path(_FOLDER), encoder.identity()["fingerprint"])
    return {
        name: dataclasses.replace(split, dataset=_encoded(split, encoder, folder))
        for name, split in splits.items()
    }


def encoder_of(
    job: BertClassifierJob, source: Source, *, placement: Placement, **kept: Any
) -> TextEncoder:
    """Encodes texts as a run does.

    Args:
        job: The run.
        source: Weights of its encoder.
        placement: Where it runs.
        kept: What is kept of a text, beside what the run says; see `Kept`.
    """
    settings = job.settings
    return TextEncoder(
        source,
        config=job.config,
        tokenizer=job.tokenizer,
        kept=Kept(
            max_seq_length=settings.max_seq_length,
            precision=placement.precision,
            **kept,
        ),
        place=lambda: placement,
        batch_size=settings.predict_batch_size,
    )


def _source(job: BiEncoderJob) -> Source:
    """The encoder's weights: those that the run starts from, or has kept."""
    settings, has_begun = job.settings, job.restored is not None
    start = settings.output_dir if has_begun else settings.init_checkpoint
    return job.start or find.open_source(str(start))


def _encoded(split: Split, encoder: TextEncoder, folder: str) -> PairsTakenApart:
    texts = TextsApart.of(split.dataset)
    rows = map(texts.dataset.example, range(len(texts.dataset)))
    encoded = encoder.encode_rows(rows, cache=folder)
    report = encoder.report
    _log.info("Encoded %d of %d texts", report.texts - report.found, report.texts)
    known = EncodedTexts(texts.dataset, texts.sides, encoded=encoded)
    return PairsTakenApart.reading(split.dataset, texts=known)
