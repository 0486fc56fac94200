"""What of a language model's run can be refused before a framework loads."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from lstm_pretrain import data
from lstm_pretrain.language_model.settings import LanguageModelSettings
from lstm_pretrain.preparation import LstmJob, LstmParts
from pipelines.classification import data_check
from processors.batches.features import Features, TokenCounts
from processors.example import InputExample
from runtime.errors import StorageError
from runtime.training.same_run import Trait

_NO_DEV = (
    "The language model is measured on the dev texts: put them there, hold some of the "
    "training texts back by --split=train:0.9,dev:0.1, or train without by --nodo_eval."
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class LanguageModelJob(LstmJob):
    """A language model's run.

    Attributes:
        settings: What was asked for.
    """

    settings: LanguageModelSettings

    def model_traits(self) -> list[Trait]:
        """See base class; labels are not learnt."""
        return [trait for trait in super().model_traits() if trait.name != "labels"]

    def state(self) -> dict[str, Any]:
        """See base class; with the labels rows are read without the training file."""
        return {**super().state(), "labels": list(self.labels)}

    def examples(self, name: str) -> Sequence[InputExample]:
        """See base class.

        Raises:
            StorageError: A file is missing; without dev texts it says what to do.
        """
        try:
            return super().examples(name)
        except StorageError as error:
            if name != "dev":
                raise
            message = f"{str(error).rstrip('.')}. {_NO_DEV}"
            raise StorageError(message, reason=error.reason) from error

    @property
    def features_format(self) -> str:
        """See base class; a text may be left out, or be several rows."""
        return data.language_model_format(self.settings.long_texts)

    def features(
        self,
        examples: Iterable[InputExample],
        *,
        labels: Sequence[str],
        counts: TokenCounts,
    ) -> Iterator[Features]:
        """See base class; the labels are not looked at."""
        del labels
        return data.language_model_features(
            examples,
            tokenizer=self.tokenizer,
            max_seq_length=self.settings.max_seq_length,
            counts=counts,
            long_texts=self.settings.long_texts,
        )


def prepare(settings: LanguageModelSettings) -> LanguageModelJob:
    """Reads what the settings name and checks that it fits together.

    Args:
        settings: What was asked for.

    Raises:
        SettingsError: Settings, vocabulary and checkpoints do not fit each other, or
            the output directory holds another run.
        CheckpointError: A checkpoint is missing or damaged.
        DataError: The corpus is empty, or a row cannot be used.
    """
    parts = LstmParts.read(settings)
    config = parts.config(settings)
    settings = dataclasses.replace(
        settings, **parts.resolved(config), tie_weights=config.tie_weights
    )
    return data_check.checked(
        LanguageModelJob(settings=settings, config=config, **parts.as_fields())
    )
