"""Everything a language model's run is told.

What both models on an LSTM are told is in `lstm_pretrain.settings`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import ClassVar

from lstm_pretrain.model.config import Dropouts
from lstm_pretrain.settings import EncoderSettings, LstmTaskSettings
from pipelines.classification import class_weights
from processors.batches.long_texts import LongTexts
from processors.labels.targets import Objective
from runtime.settings import fixed, setting
from runtime.training.evaluation_settings import Better
from runtime.training.run_settings import Carried


@dataclasses.dataclass(frozen=True, kw_only=True)
class LanguageModelStepSettings(EncoderSettings):
    """What decides the steps of a language model.

    Raises:
        SettingsError: One sentence for each value that cannot be used.
    """

    num_train_epochs: float = setting(60.0, help="Passes over the training texts.")
    eval_batch_size: int = setting(32, help="Texts a batch in evaluation.")
    predict_batch_size: int = fixed(1)
    label_smoothing: float = fixed(0.0)
    multi_label: bool = fixed(False)
    objective: Objective = fixed(Objective.CLASSIFICATION)
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
class LanguageModelSettings(LanguageModelStepSettings, LstmTaskSettings):
    """Settings of a language model's training.

    Raises:
        SettingsError: One sentence for each value that cannot be used.
    """

    NEEDS_LABELS: ClassVar[bool] = False
    MUST_MATCH: ClassVar[tuple[str, ...]] = (
        *LstmTaskSettings.MUST_MATCH,
        "tie_weights",
        "variational_dropout",
        "long_texts",
    )
    CARRIED: ClassVar[tuple[Carried, ...]] = (
        *LstmTaskSettings.CARRIED,
        Carried(("tie_weights", "long_texts")),
    )

    do_train: bool = setting(True, help="Whether to train.")
    do_eval: bool = setting(True, help="Whether to evaluate on the dev split.")
    do_predict: bool = fixed(False)
    compare: bool = fixed(False)
    threshold: str = fixed("0.5")
    class_weights: tuple[str, ...] = fixed((class_weights.NONE,))
    label_separator: str | None = fixed(None)
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

    def scores(self) -> Mapping[str, Better]:
        """The scores of an evaluation, with which value of each is better."""
        return dict.fromkeys(("eval_loss", "eval_perplexity"), Better.SMALLER)

    def _problems(self) -> Iterator[str]:
        yield from super()._problems()
        if self.max_seq_length < 2:
            yield f"--max_seq_length must be at least 2; got {self.max_seq_length}."
        if self.long_texts is LongTexts.HEAD_TAIL:
            yield (
                "--long_texts=head_tail leaves out the middle of a text, and a language"
                " model learns what follows what: use truncate or chunk."
            )
