"""Everything about an LSTM run that can be refused before a framework loads."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from lstm_pretrain import data, vocabularies
from lstm_pretrain.model.config import LstmConfig
from lstm_pretrain.settings import (
    ClassifierSettings,
    EncoderSettings,
    PretrainingSettings,
)
from lstm_pretrain.vocabularies import RunTokenizer
from pipelines.classification import data_check
from pipelines.classification.preparation import (
    TaskJob,
    TrainedRun,
    open_rows,
    refuse_other_tokenizer,
)
from pipelines.classification.rows import RowReader
from pipelines.classification.settings import TaskSettings
from processors.batches.features import Features, TokenCounts
from processors.example import InputExample
from runtime import storage
from runtime.checkpoints import checkpoints
from runtime.checkpoints.checkpoints import Checkpoint
from runtime.errors import CheckpointError, SettingsError, StorageError
from runtime.training import same_run
from runtime.training.job import InitialCheckpoint, refuse_nothing_trained, restore
from runtime.training.same_run import Trait

_CONFIG = "lstm_config"
_NO_DEV = (
    "The language model is measured on the dev texts: put them there, hold some of the "
    "training texts back by --split=train:0.9,dev:0.1, or train without by --nodo_eval."
)
_SIZES = ("embedding_size", "hidden_size", "num_layers", "bidirectional")


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
        """See `runtime.training.job.Job.model_traits`."""
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
        order = data.choose(
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
    config = parts.config(settings)
    settings = dataclasses.replace(
        settings, **parts.resolved(config), tie_weights=config.tie_weights
    )
    return data_check.checked(
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
    config = dataclasses.replace(parts.config(settings), tie_weights=False)
    settings = dataclasses.replace(settings, **parts.resolved(config))
    return data_check.checked(
        ClassifierJob(settings=settings, config=config, **parts.as_fields())
    )


def initial_config(settings: EncoderSettings) -> LstmConfig | None:
    """The sizes of the checkpoint that the settings start from; None without one.

    Args:
        settings: What was asked for.

    Raises:
        SettingsError: Other sizes were asked for.
        CheckpointError: It is missing or damaged, or is no LSTM's.
    """
    initial = _initial(_initial_checkpoint(settings.init_checkpoint), restored=None)
    return None if initial is None else _same_sizes(settings, initial)


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Parts:
    """What both kinds of job are made of."""

    vocabulary: RunTokenizer
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
        _refuse_other_limit(settings, initial)
        runs = {output_dir: restored, _run_of(start): initial}
        states = {run: point.state for run, point in runs.items() if point is not None}
        rows = open_rows(settings, trained=_trained(settings, states))
        vocabulary = vocabularies.find(
            settings,
            vocab_size=settings.vocab_size,
            kept=dict(reversed(states.items())),
            texts=lambda: _texts(rows.examples("train")),
        )
        if initial is not None:
            refuse_other_tokenizer(
                TrainedRun.of_state(str(path), initial.state), vocabulary.tokenizer
            )
        return cls(
            vocabulary=vocabulary,
            rows=rows,
            output_dir=output_dir,
            restored=restored,
            initial=initial,
            init_checkpoint=start,
        )

    def config(self, settings: EncoderSettings) -> LstmConfig:
        """Sizes of the model: those of a checkpoint, where there is one."""
        if self.initial is not None:
            return _same_sizes(settings, self.initial)
        if self.restored is not None:  # others than its own are refused, as all is
            sizes = {**self.restored.state[_CONFIG], **settings.asked_sizes()}
            return LstmConfig(**sizes)
        return settings.config(vocab_size=self.vocabulary.tokenizer.vocab_size)

    def resolved(self, config: LstmConfig) -> dict[str, Any]:
        """What was left open in the settings, as it turned out."""
        sizes = {name: getattr(config, name) for name in _SIZES}
        return {**self.vocabulary.resolved(), **sizes}

    def as_fields(self) -> dict[str, Any]:
        return {
            "tokenizer": self.vocabulary.tokenizer,
            "rows": self.rows,
            "output_dir": self.output_dir,
            "restored": self.restored,
            "initial": self.initial,
            "init_checkpoint": self.init_checkpoint,
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
    folder = checkpoints.meant_by(start.path) or start.path
    found = checkpoints.load(folder, with_slots=False)
    if _CONFIG not in found.state:
        raise CheckpointError(
            f"--init_checkpoint={start.path} is no checkpoint of an LSTM. Name the "
            "output folder of scripts/pretrain_lstm.py or finetune_lstm.py."
        )
    return found


def _same_sizes(settings: EncoderSettings, initial: Checkpoint) -> LstmConfig:
    """The sizes of a checkpoint.

    Raises:
        SettingsError: Other ones were asked for.
    """
    found = initial.state[_CONFIG]
    problems = [
        f"--{name}={str(value).lower()}: --init_checkpoint={settings.init_checkpoint} "
        f"has {str(found[name]).lower()}. Leave the flag out: sizes come with weights."
        for name, value in settings.asked_sizes().items()
        if value != found[name]
    ]
    if problems:
        raise SettingsError(*problems)
    return LstmConfig(**found)


def _refuse_other_limit(settings: EncoderSettings, initial: Checkpoint | None) -> None:
    if initial is not None and settings.vocab_size is not None:
        raise SettingsError(
            f"--vocab_size={settings.vocab_size} is for a vocabulary that is made of "
            "the training texts; that of --init_checkpoint="
            f"{settings.init_checkpoint} is read. Leave the flag out."
        )


def _texts(examples: Iterable[InputExample]) -> Iterator[str]:
    for example in examples:
        yield example.text_a
        if example.text_b is not None:
            yield example.text_b
