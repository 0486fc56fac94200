"""Everything about a bi-encoder's run that can be refused before a framework loads."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence

from processors.base import DataProcessor
from processors.batches.features import Features, TokenCounts
from processors.batches.long_texts import LongTexts
from processors.batches.texts_apart import FEATURES_APART, featurize_apart
from processors.example import InputExample
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

    settings: BiEncoderSettings

    @property
    def total_steps(self) -> int:
        """See base class; a head alone is trained by updates, too."""
        examples = len(self.splits["train"].dataset)
        return self.settings.num_train_steps(examples)

    @property
    def features_format(self) -> str:
        """See base class; both texts of a row are encoded by themselves."""
        if self.settings.long_texts is LongTexts.TRUNCATE:
            return FEATURES_APART
        return f"{FEATURES_APART}, --long_texts={self.settings.long_texts.value}"

    @property
    def reading(self) -> tuple[str, ...]:
        """See base class."""
        return (_READING,)

    def features(
        self,
        examples: Iterable[InputExample],
        *,
        labels: Sequence[str],
        counts: TokenCounts,
    ) -> Iterator[Features]:
        """See base class."""
        return featurize_apart(
            examples,
            tokenizer=self.tokenizer,
            labels=labels,
            max_seq_length=self.settings.max_seq_length,
            counts=counts,
            targets=self.settings.targets,
            long_texts=self.settings.long_texts,
        )


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
    job = classifier.prepare_as(BiEncoderJob, settings, processor=processor)
    ranked = settings.ranking_label
    if ranked is not None and ranked not in job.labels:
        raise SettingsError(
            f"--ranking_label: expected one of {', '.join(job.labels)}; got {ranked}."
        )
    return job
