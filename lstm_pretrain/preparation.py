"""Everything about an LSTM run that can be refused before a framework loads."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from lstm_pretrain import vocabularies
from lstm_pretrain.model.config import LstmConfig
from lstm_pretrain.settings import (
    EncoderSettings,
    LstmTaskSettings,
)
from lstm_pretrain.vocabularies import RunTokenizer
from pipelines.classification.preparation import (
    TaskJob,
    TrainedRun,
    open_rows,
    refuse_other_tokenizer,
)
from pipelines.classification.rows import RowReader
from pipelines.classification.settings import TaskSettings
from runtime import storage
from runtime.checkpoints import bundled, checkpoints
from runtime.checkpoints.checkpoints import Checkpoint
from runtime.errors import CheckpointError, SettingsError
from runtime.training import same_run
from runtime.training.job import InitialCheckpoint, refuse_nothing_trained, restore
from runtime.training.same_run import Trait

_SHIPPED = storage.join(storage.dirname(__file__), "bundled")
_CONFIG = "lstm_config"
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


def workload_config(settings: EncoderSettings) -> LstmConfig:
    """Sizes as a run with these settings finds them; of a full vocabulary.

    Args:
        settings: What was asked for.

    Raises:
        SettingsError: Other sizes were asked for than those of the checkpoint.
        CheckpointError: It is missing or damaged, or is no LSTM's.
    """
    vocab_size = settings.vocab_size or vocabularies.VOCAB_SIZE
    return initial_config(settings) or settings.config(vocab_size=vocab_size)


@dataclasses.dataclass(frozen=True, kw_only=True)
class LstmParts:
    """What both kinds of job are made of."""

    vocabulary: RunTokenizer
    rows: RowReader
    output_dir: str
    restored: Checkpoint | None
    initial: Checkpoint | None
    init_checkpoint: InitialCheckpoint | None

    @classmethod
    def read(cls, settings: LstmTaskSettings) -> LstmParts:
        """Reads what the settings name.

        Raises:
            SettingsError: Settings, vocabulary and checkpoints do not fit each other.
            CheckpointError: A checkpoint is missing or damaged.
            DataError: The training texts are empty, or a row cannot be used.
        """
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
            texts=lambda: _texts(rows),
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
        """The fields of `LstmJob` that are known with them."""
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
    path = bundled.resolve(path, shipped=_SHIPPED)
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


def _texts(rows: RowReader) -> Iterator[str]:
    if not rows.processor.has_texts:
        raise SettingsError(
            "Records alone have no texts to make a vocabulary of: give --model_file or"
            " --vocab_file with that of the records."
        )
    for example in rows.examples("train"):
        yield example.text_a
        if example.text_b is not None:
            yield example.text_b
