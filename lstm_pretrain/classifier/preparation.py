"""What of a classifier's run can be refused before a framework loads."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence

from lstm_pretrain import data
from lstm_pretrain.classifier.settings import LstmClassifierSettings
from lstm_pretrain.preparation import LstmJob, LstmParts
from pipelines.classification import data_check
from processors.batches.features import Features, TokenCounts
from processors.example import InputExample


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClassifierJob(LstmJob):
    """A classifier's run.

    Attributes:
        settings: What was asked for.
    """

    settings: LstmClassifierSettings

    def examples(self, name: str) -> Sequence[InputExample]:
        """See base class; of the training examples those that are drawn."""
        found = super().examples(name)
        if name != "train":
            return found
        order = data.choose(
            [example.target for example in found],
            count=self.settings.train_examples,
            seed=self.settings.seed,
        )
        return [found[place] for place in order]

    @property
    def features_format(self) -> str:
        """See base class."""
        return data.CLASSIFIER_FORMAT

    def features(
        self,
        examples: Iterable[InputExample],
        *,
        labels: Sequence[str],
        counts: TokenCounts,
    ) -> Iterator[Features]:
        """See base class; no special tokens are added."""
        return data.classifier_features(
            examples,
            tokenizer=self.tokenizer,
            labels=labels,
            max_seq_length=self.settings.max_seq_length,
            counts=counts,
            targets=self.settings.targets,
        )


def prepare(settings: LstmClassifierSettings) -> ClassifierJob:
    """Reads what the settings name and checks that it fits together.

    Args:
        settings: What was asked for.

    Raises:
        SettingsError: Settings, vocabulary and checkpoints do not fit each other, or
            the output directory holds another run.
        CheckpointError: A checkpoint is missing or damaged.
        DataError: The training texts are empty, or a row cannot be used.
    """
    parts = LstmParts.read(settings)
    config = dataclasses.replace(parts.config(settings), tie_weights=False)
    settings = dataclasses.replace(settings, **parts.resolved(config))
    return data_check.checked(
        ClassifierJob(settings=settings, config=config, **parts.as_fields())
    )
