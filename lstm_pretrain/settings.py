"""Everything an LSTM run is told.

What a run of any model is told is in `pipelines.classification.settings` and
`runtime.training.run_settings`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any, ClassVar

from lstm_pretrain.model.config import LstmConfig
from pipelines.classification.settings import TaskSettings, TaskStepSettings
from processors.batches.batch_shape import PadTo
from processors.batches.batches import TrainBatches
from processors.batches.grouped_batches import GroupedBatches
from processors.tokenization.settings import TokenizerKind, TokenizerSettings
from processors.tokenization.units import Units
from runtime.engine.optimizer_settings import (
    OptimizerName,
    Schedule,
)
from runtime.settings import setting
from runtime.training.run_settings import Carried


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
        help="Of the learning rate: constant, with no warm-up; linear and cosine rise "
        "over the warm-up, then fall to 0; slanted, ULMFiT's, falls to a 32nd.",
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


@dataclasses.dataclass(frozen=True, kw_only=True)
class VocabularySettings(TokenizerSettings):
    """Where the tokens come from: any tokenizer, or units that are counted here.

    By default the tokens are those of `init_checkpoint`, else units of the training
    texts.
    """

    units: Units | None = setting(
        None,
        help="What a vocabulary is of: MeCab's words (the default); characters; or "
        "whitespace, for text that is in words already.",
    )
    vocab_file: str | None = setting(
        None,
        path=True,
        help="Vocabulary of a token a line: of units, or of what --tokenizer names.",
    )
    tokenizer: TokenizerKind = setting(
        TokenizerKind.AUTO,
        help="auto is sentencepiece with model_file, else units; the others are those "
        "of BERT and need its --vocab_file.",
    )
    do_lower_case: bool | None = setting(
        None,
        help="Whether to lower-case the text; by default as init_checkpoint does, else "
        "true, false for mecab, mecab-char and char.",
    )

    def vocabulary_problems(self, *, vocab_size: int | None) -> Iterator[str]:
        """A sentence for each setting that the others leave without a meaning.

        Args:
            vocab_size: Most tokens of a vocabulary that is made here.
        """
        if self.model_file and self.vocab_file:
            yield "--model_file and --vocab_file: give the one or the other."
        others = {
            "model_file": self.model_file,
            "tokenizer_dir": self.tokenizer_dir,
            "tokenizer": self.tokenizer is not TokenizerKind.AUTO,
        }
        for name, is_given in others.items():
            if is_given and self.units is not None:
                yield (
                    f"--units={self.units.value} is of no use to --{name}, which says "
                    "what a token is."
                )
        if vocab_size is not None and self.names_files():
            yield (
                f"--vocab_size={vocab_size} is for a vocabulary that is made of the "
                "training texts, and a file names one."
            )
        yield from self.kind_problems()


@dataclasses.dataclass(frozen=True, kw_only=True)
class LstmTaskSettings(EncoderSettings, TaskSettings, VocabularySettings):
    """Settings of a run of an LSTM on a task.

    Raises:
        SettingsError: One sentence for each value that cannot be used.
    """

    MUST_MATCH: ClassVar[tuple[str, ...]] = (
        *TaskSettings.MUST_MATCH,
        *("do_lower_case", "units", "vocab_size"),
        *("embedding_size", "hidden_size", "num_layers", "bidirectional"),
        *("input_dropout", "dropout", "group_by_length"),
    )
    CARRIED: ClassVar[tuple[Carried, ...]] = (
        *TaskSettings.CARRIED,
        Carried(("embedding_size", "hidden_size", "num_layers", "bidirectional")),
        Carried(
            ("do_lower_case", "keep_voicing_marks", "byte_fallback"),
            unless=("tokenizer_dir",),
        ),
        Carried(
            ("units", "tokenizer", "mecab_dic"), unless=("model_file", "tokenizer_dir")
        ),
    )
    MAY_DIFFER: ClassVar[tuple[str, ...]] = (
        *TaskSettings.MAY_DIFFER,
        *("vocab_file", "model_file", "tokenizer_dir", "init_checkpoint"),
    )

    def _problems(self) -> Iterator[str]:
        yield from super()._problems()
        yield from self.vocabulary_problems(vocab_size=self.vocab_size)
