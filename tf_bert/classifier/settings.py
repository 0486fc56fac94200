"""Everything a BERT classifier's run is told.

The names, defaults and meanings of google-research/bert's and bert-japanese's
`run_classifier.py` are kept; what they did not have stands below. What a run of any
model is told is in `pipelines.classification.settings` and
`runtime.training.run_settings`.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterator
from typing import ClassVar

from pipelines.classification.settings import TaskSettings, TaskStepSettings
from processors.batches import windows
from processors.batches.long_texts import LongTexts
from processors.tokenization.settings import TOKENIZER, TokenizerSettings
from runtime.errors import SettingsError
from runtime.settings import setting
from runtime.training.run_settings import Carried
from tf_bert.classifier.trained_part import TrainedPart
from tf_bert.formats import own_tokenizer


class Architecture(enum.Enum):
    """How the two texts of a pair meet."""

    CROSS = "cross"  # encoded together; also what reads single texts
    BI = "bi"  # each encoded by itself, then combined: see `tf_bert.pairs`


@dataclasses.dataclass(frozen=True, kw_only=True)
class BertClassifierStepSettings(TaskStepSettings):
    """What decides the steps of a BERT classifier.

    Raises:
        SettingsError: One sentence for each value that cannot be used.
    """

    # The original's flags.
    bert_config_file: str | None = setting(
        None,
        path=True,
        help="JSON with the sizes of the BERT; by default what is stored with "
        "init_checkpoint, or with model_file BERT-base as bert-japanese.",
    )
    init_checkpoint: str | None = setting(
        None,
        path=True,
        help="Weights to start from: a TF1 checkpoint, a Hugging Face folder, a "
        "KerasHub preset, or a checkpoint of this toolkit.",
    )
    model_file: str | None = setting(None, path=True, help="SentencePiece model.")

    # New here.
    train: str = setting(
        "full",
        help="What is trained: full, all of the BERT; top:N, its N top layers and the "
        "head; head, a logistic regression on the pooled vectors of a frozen BERT.",
    )

    def _problems(self) -> Iterator[str]:
        yield from super()._problems()
        try:
            TrainedPart.parse(self.train)
        except SettingsError as error:
            yield from error.problems

    @property
    def trained_part(self) -> TrainedPart:
        """The part of the model that is trained."""
        return TrainedPart.parse(self.train)

    def refuse_other_sizes(self, *, hidden_size: int) -> None:
        """Refuses a head that does not fit the BERT: this one always does.

        Args:
            hidden_size: Width of the BERT.
        """


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClassifierSettings(BertClassifierStepSettings, TaskSettings, TokenizerSettings):
    """Settings of a BERT classifier's training, evaluation and prediction.

    Raises:
        SettingsError: One sentence for each value that cannot be used.
    """

    ARCHITECTURE: ClassVar[Architecture] = Architecture.CROSS
    """The architecture that these settings are of."""

    TRAINED_BY_UPDATES: ClassVar[str] = "full, or top:N"

    HEAD_FLAGS: ClassVar[tuple[str, ...]] = ("architecture",)
    """Flags that weights with a head share with those who use it."""

    MUST_MATCH: ClassVar[tuple[str, ...]] = (
        *TaskSettings.MUST_MATCH,
        "architecture",
        "train",
        "long_texts",
    )
    CARRIED: ClassVar[tuple[Carried, ...]] = (
        *TaskSettings.CARRIED,
        TOKENIZER,
        Carried(("long_texts",)),
    )
    MAY_DIFFER: ClassVar[tuple[str, ...]] = (
        *TaskSettings.MAY_DIFFER,
        "bert_config_file",
        "vocab_file",
        "model_file",
        "tokenizer_dir",
        "init_checkpoint",
    )

    architecture: Architecture = setting(
        Architecture.CROSS,
        help="cross encodes the two texts of a pair together; bi each by itself, so "
        "that what was computed for a text can be kept, and combines them.",
    )
    allow_partial_init: bool = setting(
        False, help="Accept an init_checkpoint that lacks parts of the encoder."
    )
    long_texts: LongTexts = setting(
        LongTexts.TRUNCATE,
        help="What is read of a text longer than max_seq_length: its start; head_tail, "
        "a quarter from its start and the rest from its end; chunk, all of it in "
        "windows that overlap by a quarter, whose log-probabilities are averaged (an "
        "epoch of training reads one of them).",
    )

    def __post_init__(self) -> None:
        own_tokenizer.take(self)
        super().__post_init__()

    @property
    def in_windows(self) -> bool:
        """See base class."""
        return self.long_texts is LongTexts.CHUNK

    def _missing(self) -> Iterator[str]:
        yield from super()._missing()
        yield from self.tokenizer_problems()

    def _problems(self) -> Iterator[str]:
        yield from super()._problems()
        if self.architecture is not self.ARCHITECTURE:
            yield (
                f"--architecture={self.architecture.value} in the settings of"
                f" {self.ARCHITECTURE.value}: see tf_bert.pairs.settings."
            )
        if self.in_windows and self.max_seq_length < windows.MIN_LENGTH:
            yield (
                "--long_texts=chunk: windows that overlap have at least "
                f"{windows.MIN_LENGTH} tokens; got --max_seq_length="
                f"{self.max_seq_length}."
            )
        if self.train == TrainedPart.HEAD:
            yield from self._without_updates()
        if self.train == TrainedPart.HEAD and not self.init_checkpoint:
            yield "--train=head reads the vectors of a BERT: give --init_checkpoint."
        if self.do_train and self._trains_top_layers() and not self.init_checkpoint:
            yield (
                f"--train={self.train} leaves the lower layers as they start, which is "
                "at random: give --init_checkpoint."
            )

    @property
    def needs_trained_pooler(self) -> bool:
        """Whether pooled vectors are read as they are."""
        return self.trained_part.is_head_alone

    def _trains_top_layers(self) -> bool:
        try:
            return self.trained_part.layers is not None
        except SettingsError:  # said of --train by itself
            return False
