"""Everything a classifier's run is told.

What both models on an LSTM are told is in `lstm_pretrain.settings`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import ClassVar

from lstm_pretrain.model.config import (
    Dropouts,
    LstmConfig,
    StatePooling,
    Trained,
    Transfer,
)
from lstm_pretrain.settings import EncoderSettings, LstmTaskSettings
from runtime.engine.optimizer_settings import OptimizerSettings, ParameterGroup
from runtime.settings import setting
from runtime.training.run_settings import Carried


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClassifierStepSettings(EncoderSettings):
    """What decides the steps of an LSTM classifier.

    Raises:
        SettingsError: One sentence for each value that cannot be used.
    """

    num_train_epochs: float = setting(20.0, help="Passes over the training split.")
    eval_batch_size: int = setting(32, help="Examples a batch in evaluation.")
    predict_batch_size: int = setting(32, help="Examples a batch in prediction.")
    dropout: float = setting(0.5, help="Dropout of what the output layer reads.")
    pooling: StatePooling = setting(
        StatePooling.MEAN,
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
class LstmClassifierSettings(ClassifierStepSettings, LstmTaskSettings):
    """Settings of an LSTM classifier's training, evaluation and prediction.

    Raises:
        SettingsError: One sentence for each value that cannot be used.
    """

    MUST_MATCH: ClassVar[tuple[str, ...]] = (
        *LstmTaskSettings.MUST_MATCH,
        "pooling",
        "rate_decay",
        "gradual_unfreezing",
        "train",
        "train_examples",
        "transfer",
    )
    CARRIED: ClassVar[tuple[Carried, ...]] = (
        *LstmTaskSettings.CARRIED,
        Carried(("pooling",)),
    )

    train: Trained = setting(
        Trained.FULL,
        help="What is trained: full, all of it; head, a logistic regression on the "
        "pooled states of the pretrained LSTM as it is.",
    )
    train_examples: int | None = setting(
        None, help="Labelled training examples to draw; by default all."
    )
    transfer: Transfer = setting(
        Transfer.ALL,
        help="What of init_checkpoint training starts from: all; or the embedding "
        "alone, below an LSTM from random weights.",
    )

    def _problems(self) -> Iterator[str]:
        yield from super()._problems()
        if self.train_examples is not None and self.train_examples < 1:
            yield f"--train_examples must be at least 1; got {self.train_examples}."
        if self.train is Trained.HEAD:
            yield from self._without_updates()
            if not self._has_pretrained():
                yield "--train=head reads a pretrained LSTM: give --init_checkpoint."
            if self.transfer is not Transfer.ALL:
                yield (
                    "--train=head reads the states of a pretrained LSTM: --transfer="
                    f"{self.transfer.value} takes over none; use all."
                )

    def _has_pretrained(self) -> bool:
        """Whether there is a language model to start from."""
        return bool(self.init_checkpoint)

    @property
    def drawn_by_seed(self) -> tuple[str, ...]:
        """See base class."""
        if self.train_examples is None:
            return super().drawn_by_seed
        drawn = f"which {self.train_examples} examples are trained on"
        return (*super().drawn_by_seed, drawn)
