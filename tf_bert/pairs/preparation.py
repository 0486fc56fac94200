"""Everything about a bi-encoder's run that can be refused before a framework loads."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import ClassVar

from processors.base import DataProcessor
from processors.batches.features import Features
from processors.batches.texts_apart import (
    FEATURES_APART,
    featurize_apart,
    half_a_pair,
)
from runtime.errors import SettingsError
from tf_bert.classifier import preparation as classifier
from tf_bert.classifier.preparation import BertClassifierJob
from tf_bert.pairs.settings import BiEncoderSettings

_READING = (
    "Each text of a pair is encoded by itself: tokens and cuts are those of texts, two"
    " a pair. A cross-encoder cuts the longer of both until both fit together, so"
    " that the two architectures may read different tokens of a pair."
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class BiEncoderJob(BertClassifierJob):
    """A bi-encoder's run whose settings fit each other."""

    LAYOUT: ClassVar[str] = FEATURES_APART
    FEATURIZE: ClassVar[Callable[..., Iterator[Features]]] = staticmethod(
        featurize_apart
    )

    settings: BiEncoderSettings

    @property
    def total_steps(self) -> int:
        """See base class; a head alone is trained by updates, too."""
        examples = len(self.splits["train"].dataset)
        return self.settings.num_train_steps(examples)

    @property
    def reading(self) -> tuple[str, ...]:
        """See base class."""
        return (_READING,)


def prepare(
    settings: BiEncoderSettings, *, processor: DataProcessor | None = None
) -> BiEncoderJob:
    """Reads what the settings name and checks that it fits together.

    Args:
        settings: What was asked for.
        processor: As for `tf_bert.classifier.preparation.prepare`.

    Returns:
        The job, with all its data.

    Raises:
        SettingsError: As there.
        CheckpointError: As there.
        DataError: As there, or a row is no pair of texts.
    """
    job = classifier.prepare_as(
        BiEncoderJob, settings, processor=processor, unfit=lambda _: half_a_pair
    )
    ranked = settings.ranking_label
    if ranked is not None and ranked not in job.labels:
        raise SettingsError(
            f"--ranking_label: expected one of {', '.join(job.labels)}; got {ranked}."
        )
    return job
