"""Everything about an LSTM run that can be refused before a framework loads."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

from lstm_pretrain import data, vocabularies
from lstm_pretrain.config import LstmConfig
from lstm_pretrain.settings import ClassifierSettings, PretrainingSettings
from processors.base import DataProcessor
from processors.classification.preparation import (
    TaskJob,
    find_data_dir,
    find_processor,
)
from processors.classification.settings import TaskSettings
from processors.example import InputExample
from processors.features import Features, TokenCounts
from processors.tokenization.base import Tokenizer
from runtime import checkpoints, storage
from runtime.checkpoints import Checkpoint
from runtime.errors import CheckpointError, SettingsError
from runtime.job import refuse_foreign_checkpoint, restore

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

    def identity(self) -> dict[str, Any]:
        """See `runtime.job.Job.identity`."""
        return {_CONFIG: self.config.to_dict(), **super().identity()}


@dataclasses.dataclass(frozen=True, kw_only=True)
class LanguageModelJob(LstmJob):
    """A language model's run.

    Attributes:
        settings: What was asked for.
    """

    settings: PretrainingSettings

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
        SettingsError: Settings, vocabulary and checkpoints do not fit each other.
        CheckpointError: A checkpoint is missing or damaged.
        DataError: The corpus is empty.
    """
    parts = _Parts.read(settings)
    config = settings.config(vocab_size=parts.tokenizer.vocab_size)
    if parts.initial is not None:
        config = LstmConfig(**parts.initial.state[_CONFIG])
    return _checked(
        LanguageModelJob(settings=settings, config=config, **parts.as_fields())
    )


def prepare_classifier(settings: ClassifierSettings) -> ClassifierJob:
    """Reads what the settings name and checks that it fits together.

    Args:
        settings: What was asked for.

    Raises:
        SettingsError: Settings, vocabulary and checkpoints do not fit each other.
        CheckpointError: A checkpoint is missing or damaged.
        DataError: The training texts are empty.
    """
    parts = _Parts.read(settings)
    config = settings.config(vocab_size=parts.tokenizer.vocab_size)
    if parts.initial is not None:
        sizes = LstmConfig(**parts.initial.state[_CONFIG])
        config = dataclasses.replace(sizes, tie_weights=False)
    return _checked(
        ClassifierJob(settings=settings, config=config, **parts.as_fields())
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Parts:
    """What both kinds of job are made of."""

    tokenizer: Tokenizer
    processor: DataProcessor
    data_dir: str
    output_dir: str
    restored: Checkpoint | None
    initial: Checkpoint | None

    @classmethod
    def read(cls, settings: PretrainingSettings | ClassifierSettings) -> _Parts:
        restored = restore(settings)
        initial, initial_dir = _initial(settings.init_checkpoint)
        processor = find_processor(settings, restored=restored)
        data_dir = find_data_dir(settings, processor=processor)
        output_dir = str(settings.output_dir)
        runs = ((initial_dir, initial), (output_dir, restored))
        tokenizer = vocabularies.find(
            settings,
            vocab_size=settings.vocab_size,
            kept={run: point.state["tokenizer"] for run, point in runs if point},
            texts=lambda: _texts(settings, processor=processor, data_dir=data_dir),
        )
        _refuse_other_vocabulary(settings.init_checkpoint, initial, tokenizer)
        return cls(
            tokenizer=tokenizer,
            processor=processor,
            data_dir=data_dir,
            output_dir=output_dir,
            restored=restored,
            initial=initial,
        )

    def as_fields(self) -> dict[str, Any]:
        return {
            field.name: getattr(self, field.name) for field in dataclasses.fields(self)
        }


_Job = TypeVar("_Job", LanguageModelJob, ClassifierJob)


def _checked(job: _Job) -> _Job:
    refuse_foreign_checkpoint(job)
    return job


def _initial(path: str | None) -> tuple[Checkpoint | None, str]:
    """The checkpoint that a path names, and the folder of its run.

    Raises:
        CheckpointError: There is none, or it is no LSTM's.
    """
    if not path:
        return None, ""
    if checkpoints.is_weights_file(path):
        path = storage.dirname(path)
    directory = storage.join(path, checkpoints.DIRECTORY)
    folder, run = checkpoints.latest(directory), path
    if folder is None:
        folder, run = path, storage.dirname(storage.dirname(path))
    found = checkpoints.load(folder, with_slots=False)
    if _CONFIG not in found.state:
        raise CheckpointError(
            f"--init_checkpoint={path} is no checkpoint of an LSTM. Name the output "
            "folder of scripts/pretrain_lstm.py or finetune_lstm.py."
        )
    return found, run


def _texts(
    settings: TaskSettings, *, processor: DataProcessor, data_dir: str
) -> Iterator[str]:
    rejects = storage.join(str(settings.output_dir), "train.rejects.jsonl")
    with processor.sifting(settings.on_bad_row, rejects_path=rejects):
        examples = processor.get_train_examples(data_dir)
    for example in examples:
        yield example.text_a
        if example.text_b is not None:
            yield example.text_b


def _refuse_other_vocabulary(
    path: str | None, initial: Checkpoint | None, tokenizer: Tokenizer
) -> None:
    if initial is None or initial.state["tokenizer"] == tokenizer.fingerprint():
        return
    raise SettingsError(
        f"--init_checkpoint={path} was trained with another vocabulary: "
        f"{initial.state['tokenizer']} there, {tokenizer.fingerprint()} here. Leave "
        "--vocab_file and --model_file out to read the one beside it."
    )
