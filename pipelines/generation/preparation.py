"""What the settings of a run that writes texts name, read before a framework loads."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence

from pipelines.classification.preparation import TaskJob, TrainedRun, open_rows
from pipelines.classification.rows import RowReader
from pipelines.generation.settings import GenerationSettings
from processors.base import DataProcessor
from processors.batches import source_target_features
from processors.batches.features import Features, TokenCounts
from processors.example import InputExample
from processors.tasks.source_target import SourceTargetRule
from processors.tokenization.base import Tokenizer
from runtime.errors import DataError, SettingsError


@dataclasses.dataclass(frozen=True, kw_only=True)
class GenerationJob(TaskJob):
    """A run that writes texts whose settings fit each other.

    Attributes:
        settings: What was asked for.
        rule: Which examples it cannot use.
    """

    settings: GenerationSettings
    rule: SourceTargetRule

    @property
    def labels(self) -> tuple[str, ...]:
        """None: texts are learned."""
        return ()

    @property
    def features_format(self) -> str:
        """See base class."""
        return source_target_features.features_format(self.settings.max_target_length)

    def examples(self, name: str) -> Sequence[InputExample]:
        """See base class."""
        return self.rule.settle(super().examples(name), split=name)

    def training_examples(self) -> tuple[Sequence[InputExample], list[str]]:
        """The training examples, whether or not the run trains.

        Returns:
            They; or none, and a sentence why they could not be read.
        """
        try:
            return self.examples("train"), []
        except (OSError, SettingsError, DataError) as error:
            return (), [f"The training examples could not be read: {error}"]

    def features(
        self,
        examples: Iterable[InputExample],
        *,
        labels: Sequence[str],
        counts: TokenCounts,
    ) -> Iterator[Features]:
        """See base class."""
        del labels
        return source_target_features.featurize(
            examples,
            tokenizer=self.tokenizer,
            max_source_length=self.settings.max_seq_length,
            max_target_length=self.settings.max_target_length,
            counts=counts,
        )


def read_rows(
    settings: GenerationSettings,
    *,
    trained: TrainedRun,
    rule: SourceTargetRule,
    made: DataProcessor | None = None,
) -> RowReader:
    """Finds the task's processor and what it is to read; see `open_rows`.

    Args:
        settings: Names the task, its files and columns, and dealt splits.
        trained: What the job goes on from, evaluates or writes with.
        rule: Which rows are bad.
        made: The processor, where the caller has made it; task_name names it.

    Raises:
        SettingsError: There is no such task, or it takes no such options.
    """
    return open_rows(settings, trained=trained, made=made, unfit=rule.unfit)


def refuse_odd_special_tokens(tokenizer: Tokenizer) -> None:
    """Refuses a vocabulary in which a text cannot be begun, ended and padded.

    Args:
        tokenizer: Of both sides.

    Raises:
        SettingsError: It has no padding token, or two special tokens are one.
    """
    special, ids = tokenizer.special, tokenizer.vocabulary.ids
    path = tokenizer.vocabulary.path
    if special.pad == 0 and not {"[PAD]", "<pad>"} & ids.keys():
        raise SettingsError(
            f"{path} has no [PAD], with which shorter targets are filled up: take a "
            "vocabulary that has [PAD], [UNK], [CLS] and [SEP]."
        )
    roles = {"[PAD]": special.pad, "[UNK]": special.unk}
    roles |= {"[CLS]": special.cls, "[SEP]": special.sep}
    for name, index in roles.items():
        others = [other for other, there in roles.items() if there == index]
        if len(others) > 1:
            raise SettingsError(
                f"{path}: {' and '.join(others)} are one id, {roles[name]}: a model "
                "could not tell them apart. Take a vocabulary that has both."
            )
