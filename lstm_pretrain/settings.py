"""Everything an LSTM run is told; each field is a command-line flag.

What a run of any model is told is in `pipelines.classification.settings` and
`runtime.training.run_settings`.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterator
from typing import Any, ClassVar

from lstm_pretrain.model.config import Dropouts, LstmConfig, Pooling
from pipelines.classification.settings import TaskSettings, TaskStepSettings
from processors.batches.batches import PadTo, TrainBatches
from processors.batches.grouped_batches import GroupedBatches
from processors.tokenization.units import Units
from runtime.engine.optimizer_settings import (
    OptimizerName,
    OptimizerSettings,
    ParameterGroup,
    Schedule,
)
from runtime.settings import fixed, setting
from runtime.training.run_settings import Carried


class LongTexts(enum.Enum):
    """What a language model reads of a text longer than `max_seq_length`."""

    TRUNCATE = "truncate"
    CHUNK = "chunk"


@dataclasses.dataclass(frozen=True, kw_only=True)
class EncoderSettings(TaskStepSettings):
    """What decides the steps of a model on an LSTM.

    Raises:
        SettingsError: One sentence for each value that cannot be used.
    """

    # Other defaults than BERT's.
    learning_rate: float = setting(1e-3, help="Peak learning rate.")
    optimizer: OptimizerName = setting(
        OptimizerName.ADAM,
        help="adam and adamw are Keras', adam without decay and clipping; bert is "
        "google-research/bert's.",
    )
    schedule: Schedule = setting(
        Schedule.CONSTANT,
        help="constant; linear: up, then down to 0; slanted: ULMFiT's.",
    )
    pad_to: PadTo = setting(
        PadTo.BUCKET,
        help="bucket pads to a length a little above the longest of a batch; pack lays "
        "several texts in such a row, the state starting anew (equal results); max "
        "pads to max_seq_length.",
    )

    group_by_length: bool = setting(
        False,
        help="Make batches of texts of about one length: faster, but another order of "
        "training.",
    )
    # None: the checkpoint's to start from, else what `LstmConfig` has.
    embedding_size: int | None = setting(
        None, help="Width of the embedding; by default init_checkpoint's, else 200."
    )
    hidden_size: int | None = setting(
        None, help="Units of each LSTM; by default init_checkpoint's, else 512."
    )
    num_layers: int | None = setting(
        None, help="LSTMs one above another; by default init_checkpoint's, else 1."
    )
    bidirectional: bool | None = setting(
        None,
        help="Add a stack that reads each text from its end; by default "
        "init_checkpoint's choice, else not.",
    )
    vocab_size: int | None = setting(
        None, help="Most tokens in a vocabulary that is made here; 20000 by default."
    )
    input_dropout: float = setting(
        0.3, help="Dropout of what each LSTM reads, one mask for a whole text."
    )
    dropout: float = setting(0.3, help="Dropout of what the output layer reads.")

    def _problems(self) -> Iterator[str]:
        yield from super()._problems()
        for name in ("input_dropout", "dropout"):
            if not 0 <= getattr(self, name) < 1:
                yield f"--{name} must lie in [0, 1); got {getattr(self, name)}."

    def _counts(self) -> tuple[str, ...]:
        sizes = ("embedding_size", "hidden_size", "num_layers", "vocab_size")
        given = [name for name in sizes if getattr(self, name) is not None]
        return (*super()._counts(), *given)

    @property
    def buckets(self) -> tuple[int, ...]:
        """Multiples of 8 up to 64, of 32 up to 256, of 128 above.

        An LSTM's time grows with the row, so they are closer than BERT's.
        """
        longest = self.max_seq_length
        lengths = (*range(8, 64, 8), *range(64, 256, 32), *range(256, longest, 128))
        return (*(length for length in lengths if length < longest), longest)

    @property
    def train_order(self) -> type[TrainBatches]:
        """The order of the training texts: by length, where that is asked for."""
        return GroupedBatches if self.group_by_length else TrainBatches

    def asked_sizes(self) -> dict[str, Any]:
        """The sizes that were asked for, by their name in `LstmConfig`."""
        names = [field.name for field in dataclasses.fields(LstmConfig)]
        values = {name: getattr(self, name, None) for name in names}
        del values["vocab_size"]  # a limit here, the vocabulary's size there
        return {name: value for name, value in values.items() if value is not None}

    def config(self, *, vocab_size: int) -> LstmConfig:
        """The sizes asked for, the usual ones in place of the others.

        Args:
            vocab_size: Tokens of the vocabulary.
        """
        return LstmConfig(vocab_size=vocab_size, **self.asked_sizes())

    def optimizer_settings(self, num_train_steps: int) -> OptimizerSettings:
        """Optimiser and schedule of a run of so many updates."""
        return dataclasses.replace(
            super().optimizer_settings(num_train_steps), schedule=self.schedule
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class LanguageModelStepSettings(EncoderSettings):
    """What decides the steps of a language model.

    Raises:
        SettingsError: One sentence for each value that cannot be used.
    """

    num_train_epochs: float = setting(60.0, help="Passes over the training texts.")
    eval_batch_size: int = setting(32, help="Texts a batch in evaluation.")
    predict_batch_size: int = fixed(1)
    tie_weights: bool | None = setting(
        None,
        help="Read the embedding as the output layer's kernel; by default "
        "init_checkpoint's choice, else not.",
    )
    variational_dropout: bool = setting(
        False, help="One mask for a whole text in `dropout`, too."
    )

    @property
    def dropouts(self) -> Dropouts:
        """What is dropped in training."""
        return Dropouts(
            inputs=self.input_dropout,
            outputs=self.dropout,
            variational=self.variational_dropout,
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClassifierStepSettings(EncoderSettings):
    """What decides the steps of a classifier.

    Raises:
        SettingsError: One sentence for each value that cannot be used.
    """

    num_train_epochs: float = setting(20.0, help="Passes over the training split.")
    eval_batch_size: int = setting(32, help="Examples a batch in evaluation.")
    predict_batch_size: int = setting(32, help="Examples a batch in prediction.")
    dropout: float = setting(0.5, help="Dropout of what the output layer reads.")
    pooling: Pooling = setting(
        Pooling.MEAN,
        help="What of a text's states is classified: their mean; concat adds the last "
        "and the greatest, as ULMFiT.",
    )
    rate_decay: float = setting(
        1.0,
        help="Each layer learns at its upper neighbour's rate divided by this "
        "(ULMFiT: 2.6).",
    )
    gradual_unfreezing: bool = setting(
        False, help="Train the head alone for an epoch, then one more layer an epoch."
    )

    def _problems(self) -> Iterator[str]:
        yield from super()._problems()
        if self.rate_decay < 1:
            yield f"--rate_decay must be at least 1; got {self.rate_decay}."

    @property
    def dropouts(self) -> Dropouts:
        """What is dropped in training."""
        return Dropouts(inputs=self.input_dropout, outputs=self.dropout)

    def optimizer_settings(self, num_train_steps: int) -> OptimizerSettings:
        """See base class."""
        epoch = round(num_train_steps / self.num_train_epochs)
        levels = range((self.num_layers or LstmConfig.num_layers) - 1, -1, -1)
        patterns = [rf"encoder/\w+_{level}/" for level in levels]
        return dataclasses.replace(
            super().optimizer_settings(num_train_steps),
            groups=tuple(
                ParameterGroup(
                    pattern=pattern,
                    rate=self.rate_decay**-depth,
                    first_step=depth * epoch if self.gradual_unfreezing else 0,
                )
                for depth, pattern in enumerate([*patterns, "embedding"], start=1)
            ),
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class VocabularySettings:
    """Where the tokens come from.

    By default the vocabulary is that of `init_checkpoint`, else it is made of the
    training texts.
    """

    units: Units | None = setting(
        None,
        help="What a vocabulary is of: MeCab's words (the default); characters; or "
        "whitespace, for text that is in words already.",
    )
    vocab_file: str | None = setting(
        None, path=True, help="A vocabulary of units, one a line."
    )
    model_file: str | None = setting(
        None, path=True, help="SentencePiece model, instead of units."
    )
    do_lower_case: bool | None = setting(
        None,
        help="Whether to lower-case the text; by default as init_checkpoint does, "
        "else true.",
    )

    def vocabulary_problems(self, *, vocab_size: int | None) -> Iterator[str]:
        """A sentence for each setting that the others leave without a meaning.

        Args:
            vocab_size: Most tokens of a vocabulary that is made here.
        """
        if self.model_file and self.vocab_file:
            yield "--model_file and --vocab_file: give the one or the other."
        if self.model_file and self.units is not None:
            yield (
                f"--units={self.units.value} is of no use to --model_file: a "
                "SentencePiece model has its own pieces."
            )
        if vocab_size is not None and (self.model_file or self.vocab_file):
            yield (
                f"--vocab_size={vocab_size} is for a vocabulary that is made of the "
                "training texts, and a file names one."
            )


_SAME_VOCABULARY = ("do_lower_case", "units", "vocab_size")
_SAME_ENCODER = (
    "embedding_size",
    "hidden_size",
    "num_layers",
    "bidirectional",
    "input_dropout",
    "dropout",
    "group_by_length",
    "schedule",
)
_CARRIED = (
    Carried(("embedding_size", "hidden_size", "num_layers", "bidirectional")),
    Carried(("units", "do_lower_case")),
)
_OWN_FILES = ("vocab_file", "model_file", "init_checkpoint")


@dataclasses.dataclass(frozen=True, kw_only=True)
class PretrainingSettings(LanguageModelStepSettings, TaskSettings, VocabularySettings):
    """Settings of a language model's training.

    Raises:
        SettingsError: One sentence for each value that cannot be used.
    """

    NEEDS_LABELS: ClassVar[bool] = False
    MUST_MATCH: ClassVar[tuple[str, ...]] = (
        *TaskSettings.MUST_MATCH,
        *_SAME_VOCABULARY,
        *_SAME_ENCODER,
        "tie_weights",
        "variational_dropout",
        "long_texts",
    )
    CARRIED: ClassVar[tuple[Carried, ...]] = (
        *TaskSettings.CARRIED,
        *_CARRIED,
        Carried(("tie_weights", "long_texts")),
    )
    MAY_DIFFER: ClassVar[tuple[str, ...]] = (*TaskSettings.MAY_DIFFER, *_OWN_FILES)

    do_train: bool = setting(True, help="Whether to train.")
    do_eval: bool = setting(True, help="Whether to evaluate on the dev split.")
    do_predict: bool = fixed(False)
    compare: bool = fixed(False)
    long_texts: LongTexts = setting(
        LongTexts.TRUNCATE,
        help="What is read of a text longer than max_seq_length: its start, or all of "
        "it in pieces.",
    )
    report_padded_loss: bool = setting(
        False,
        help="Also report the loss averaged over the positions of texts padded to the "
        "longest, as tf.keras 2.1 did.",
    )

    def _problems(self) -> Iterator[str]:
        yield from super()._problems()
        if self.max_seq_length < 2:
            yield f"--max_seq_length must be at least 2; got {self.max_seq_length}."
        yield from self.vocabulary_problems(vocab_size=self.vocab_size)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClassifierSettings(ClassifierStepSettings, TaskSettings, VocabularySettings):
    """Settings of a classifier's training, evaluation and prediction.

    Raises:
        SettingsError: One sentence for each value that cannot be used.
    """

    MUST_MATCH: ClassVar[tuple[str, ...]] = (
        *TaskSettings.MUST_MATCH,
        *_SAME_VOCABULARY,
        *_SAME_ENCODER,
        "pooling",
        "rate_decay",
        "gradual_unfreezing",
        "train_examples",
    )
    CARRIED: ClassVar[tuple[Carried, ...]] = (
        *TaskSettings.CARRIED,
        *_CARRIED,
        Carried(("pooling",)),
    )
    MAY_DIFFER: ClassVar[tuple[str, ...]] = (*TaskSettings.MAY_DIFFER, *_OWN_FILES)

    train_examples: int | None = setting(
        None, help="Labelled training examples to draw; by default all."
    )

    def _problems(self) -> Iterator[str]:
        yield from super()._problems()
        yield from self.vocabulary_problems(vocab_size=self.vocab_size)
        if self.train_examples is not None and self.train_examples < 1:
            yield f"--train_examples must be at least 1; got {self.train_examples}."

    @property
    def drawn_by_seed(self) -> tuple[str, ...]:
        """See base class."""
        if self.train_examples is None:
            return super().drawn_by_seed
        drawn = f"which {self.train_examples} examples are trained on"
        return (*super().drawn_by_seed, drawn)
