"""Everything about an LSTM run that can be refused before a framework loads."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from lstm_pretrain import data, vocabularies
from lstm_pretrain.config import LstmConfig
from lstm_pretrain.settings import ClassifierSettings, PretrainingSettings
from processors.base import SPLITS
from processors.classification import data_check
from processors.classification.preparation import (
    TaskJob,
    TrainedRun,
    open_rows,
    refuse_other_tokenizer,
)
from processors.classification.rows import RowReader
from processors.classification.settings import TaskSettings
from processors.example import InputExample
from processors.features import Features, TokenCounts
from processors.tokenization.base import Tokenizer
from runtime import checkpoints, same_run, storage
from runtime.checkpoints import Checkpoint
from runtime.errors import CheckpointError
from runtime.job import InitialCheckpoint, refuse_nothing_trained, restore
from runtime.same_run import Trait

_CONFIG = "lstm_config"


@dataclasses.dataclass(frozen=True, kw_only=True)
class LstmJob(TaskJob):
    """A run of an LSTM whose settings fit each other.

    Attributes:
        config: Sizes of the model.
        initial: The checkpoint whose weights it starts from, or None.
    """

    config: LstmConfig
    initial: Checkpoint | None

    def model_traits(self) -> list[Trait]:
        """See `runtime.job.Job.model_traits`."""
        config = Trait(
            name=_CONFIG, value=self.config.to_dict(), differ=same_run.by_key
        )
        return [config, *super().model_traits()]


@dataclasses.dataclass(frozen=True, kw_only=True)
class LanguageModelJob(LstmJob):
    """A language model's run.

    Attributes:
        settings: What was asked for.
    """

    settings: PretrainingSettings

    def model_traits(self) -> list[Trait]:
        """See base class; labels are not learnt."""
        return [trait for trait in super().model_traits() if trait.name != "labels"]

    def state(self) -> dict[str, Any]:
        """See base class; with the labels rows are read without the training file."""
        return {**super().state(), "labels": list(self.labels)}

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


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClassifierJob(LstmJob):
    """A classifier's run.

    Attributes:
        settings: What was asked for.
    """

    settings: ClassifierSettings

    def examples(self, name: str) -> Sequence[InputExample]:
        """See base class; of the training examples those that are drawn."""
        found = super().examples(name)
        if name != "train":
            return found
        order = data.draw(
            [example.label for example in found],
            count=self.settings.train_examples,
            seed=self.settings.seed,
        )
        return [found[place] for place in order]

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
        )


def prepare_language_model(settings: PretrainingSettings) -> LanguageModelJob:
    """Reads what the settings name and checks that it fits together.

    Args:
        settings: What was asked for.

    Raises:
        SettingsError: Settings, vocabulary and checkpoints do not fit each other, or
            the output directory holds another run.
        CheckpointError: A checkpoint is missing or damaged.
        DataError: The corpus is empty, or a row cannot be used.
    """
    parts = _Parts.read(settings)
    config = parts.stored or settings.config(vocab_size=parts.tokenizer.vocab_size)
    return data_check.tokenised(
        LanguageModelJob(settings=settings, config=config, **parts.as_fields())
    )


def prepare_classifier(settings: ClassifierSettings) -> ClassifierJob:
    """Reads what the settings name and checks that it fits together.

    Args:
        settings: What was asked for.

    Raises:
        SettingsError: Settings, vocabulary and checkpoints do not fit each other, or
            the output directory holds another run.
        CheckpointError: A checkpoint is missing or damaged.
        DataError: The training texts are empty, or a row cannot be used.
    """
    parts = _Parts.read(settings)
    config = settings.config(vocab_size=parts.tokenizer.vocab_size)
    if parts.stored is not None:
        config = dataclasses.replace(parts.stored, tie_weights=False)
    return data_check.checked(
        ClassifierJob(settings=settings, config=config, **parts.as_fields())
    )


def refuse_bad_rows(settings: TaskSettings) -> None:
    """Looks through the splits of a task that is worked on only after hours.

    Args:
        settings: The task; each of its splits will be read.

    Raises:
        SettingsError: There is no such task.
        DataError: A row cannot be used.
    """
    rows = open_rows(settings, trained=TrainedRun(path=str(settings.output_dir)))
    for name in SPLITS:
        rows.examples(name)


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Parts:
    """What both kinds of job are made of."""

    tokenizer: Tokenizer
    rows: RowReader
    output_dir: str
    restored: Checkpoint | None
    initial: Checkpoint | None
    init_checkpoint: InitialCheckpoint | None

    @classmethod
    def read(cls, settings: PretrainingSettings | ClassifierSettings) -> _Parts:
        path, output_dir = settings.init_checkpoint, str(settings.output_dir)
        restored = restore(settings, init_checkpoint=path)
        refuse_nothing_trained(settings, restored=restored, init_checkpoint=path)
        start = _initial_checkpoint(path)
        initial = _initial(start, restored=restored)
        runs = {output_dir: restored, _run_of(start): initial}
        states = {run: point.state for run, point in runs.items() if point is not None}
        rows = open_rows(settings, trained=_trained(settings, states))
        tokenizer = vocabularies.find(
            settings,
            vocab_size=settings.vocab_size,
            kept={run: state["tokenizer"] for run, state in reversed(states.items())},
            texts=lambda: _texts(rows.examples("train")),
        )
        if initial is not None:
            refuse_other_tokenizer(
                TrainedRun.of_state(str(path), initial.state), tokenizer
            )
        return cls(
            tokenizer=tokenizer,
            rows=rows,
            output_dir=output_dir,
            restored=restored,
            initial=initial,
            init_checkpoint=start,
        )

    @property
    def stored(self) -> LstmConfig | None:
        """The sizes of what it starts from; of a gone start those of the run itself."""
        point = self.initial
        if point is None and self.init_checkpoint is not None:
            point = self.restored
        return None if point is None else LstmConfig(**point.state[_CONFIG])

    def as_fields(self) -> dict[str, Any]:
        return {
            field.name: getattr(self, field.name) for field in dataclasses.fields(self)
        }


def _trained(
    settings: TaskSettings, states: Mapping[str, Mapping[str, Any]]
) -> TrainedRun:
    """The run that is gone on from, else the one that is evaluated."""
    for run, state in states.items():
        if run == settings.output_dir or not settings.trains:
            return TrainedRun.of_state(run, state)
    return TrainedRun(path=str(settings.output_dir))


def _initial_checkpoint(path: str | None) -> InitialCheckpoint | None:
    if not path:
        return None
    folder = checkpoints.meant_by(path)
    if folder is None or not storage.is_dir(folder):
        return InitialCheckpoint(path=path, digest=None)
    return InitialCheckpoint(path=path, digest=checkpoints.weights_digest(folder))


def _run_of(start: InitialCheckpoint | None) -> str:
    """The output directory of the run whose checkpoint is meant."""
    if start is None:
        return ""
    if checkpoints.meant_by(start.path) != start.path:
        return start.path
    return storage.dirname(storage.dirname(start.path))


def _initial(
    start: InitialCheckpoint | None, *, restored: Checkpoint | None
) -> Checkpoint | None:
    """The checkpoint that a run starts from.

    Raises:
        CheckpointError: There is none, or it is no LSTM's.
    """
    if start is None or (start.digest is None and restored is not None):
        return None
    found = checkpoints.load(checkpoints.meant_by(start.path) or start.path)
    if _CONFIG not in found.state:
        raise CheckpointError(
            f"--init_checkpoint={start.path} is no checkpoint of an LSTM. Name the "
            "output folder of scripts/pretrain_lstm.py or finetune_lstm.py."
        )
    return found


def _texts(examples: Iterable[InputExample]) -> Iterator[str]:
    for example in examples:
        yield example.text_a
        if example.text_b is not None:
            yield example.text_b
