"""Everything a pre-training run is told.

The names, defaults and meanings of google-research/bert's `run_pretraining.py` are
kept; what it did not have stands below.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import ClassVar

from pipelines.steps.settings import TokenStepSettings
from processors.pretraining.settings import (
    CorpusSettings,
    mask_problems,
    schedule_problems,
)
from runtime.engine.optimizer_settings import OptimizerSettings
from runtime.settings import fixed, setting
from runtime.training.evaluation_settings import Better
from runtime.training.run_settings import (
    OPTIMIZER,
    Carried,
    RunSettings,
    WorkBatch,
)
from tf_bert.formats import own_tokenizer


@dataclasses.dataclass(frozen=True, kw_only=True)
class PretrainingStepSettings(TokenStepSettings):
    """What decides the steps of masked-LM pre-training.

    Raises:
        SettingsError: One sentence for each value that cannot be used.
    """

    # The original's flags.
    bert_config_file: str | None = setting(
        None,
        path=True,
        help="JSON with the sizes of the BERT; by default what is stored with "
        "init_checkpoint.",
    )
    init_checkpoint: str | None = setting(
        None,
        path=True,
        help="Weights to go on with: a TF1 checkpoint, a Hugging Face folder, a "
        "KerasHub preset, or a checkpoint of this toolkit.",
    )
    max_predictions_per_seq: int = setting(20, help="Most masked tokens of a sequence.")
    train_steps: int = setting(
        100_000, flag="num_train_steps", help="Updates of the whole run."
    )
    num_warmup_steps: int = setting(
        10_000, help="Updates over which the learning rate rises."
    )
    num_train_epochs: float = fixed(1.0)
    warmup_proportion: float = fixed(0.0)
    max_steps: int | None = fixed(None)

    def _problems(self) -> Iterator[str]:
        yield from super()._problems()
        if self.train_steps < 1:
            yield f"--num_train_steps must be at least 1; got {self.train_steps}."
        if self.num_warmup_steps < 0:
            yield f"--num_warmup_steps must be at least 0; got {self.num_warmup_steps}."

    def _counts(self) -> tuple[str, ...]:
        return (*super()._counts(), "max_predictions_per_seq")

    def num_train_steps(self, num_examples: int) -> int:
        """Updates of the whole run, however many examples there are."""
        del num_examples
        return self.train_steps

    def optimizer_settings(self, num_train_steps: int) -> OptimizerSettings:
        """Optimiser and schedule of a run of so many updates."""
        return dataclasses.replace(
            super().optimizer_settings(num_train_steps),
            num_warmup_steps=self.num_warmup_steps,
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class PretrainingSettings(PretrainingStepSettings, CorpusSettings, RunSettings):
    """Settings of a run that pre-trains and evaluates.

    Raises:
        SettingsError: One sentence for each value that cannot be used.
    """

    MUST_MATCH: ClassVar[tuple[str, ...]] = (
        "train_batch_size",
        "learning_rate",
        "num_train_steps",
        "num_warmup_steps",
        "max_seq_length",
        "max_predictions_per_seq",
        "mlm_prob",
        "mlm_schedule",
        "objective",
        "precision",
        *OPTIMIZER,
        "seed",
    )
    CARRIED: ClassVar[tuple[Carried, ...]] = (
        Carried(("max_seq_length", "max_predictions_per_seq", "objective")),
    )
    MAY_DIFFER: ClassVar[tuple[str, ...]] = (
        *RunSettings.MAY_DIFFER,
        "bert_config_file",
        "init_checkpoint",
        "input_file",
        "eval_file",
        "text_file",
        "vocab_file",
        "model_file",
        "tokenizer_dir",
    )

    # The original's flags.
    input_file: tuple[str, ...] = setting(
        (), path=True, help="TFRecords of create_pretraining_data.py, or patterns."
    )
    do_train: bool = setting(False, help="Whether to train.")
    do_eval: bool = setting(False, help="Whether to evaluate.")
    max_eval_steps: int = setting(100, help="Most batches of an evaluation.")

    # New here.
    eval_file: tuple[str, ...] = setting(
        (), path=True, help="TFRecords to evaluate on; by default input_file."
    )
    text_file: tuple[str, ...] = setting(
        (),
        path=True,
        help="Text instead of input_file, masked anew in every epoch; the flags of "
        "create_pretraining_data.py and of the tokenizer say how.",
    )
    eval_share: float = setting(
        0.1, help="Share of the sequences of text_file that is only evaluated on."
    )
    mlm_prob: float | None = setting(
        None,
        help="Share of the tokens to mask where that is done in training; by default "
        "as the records were made for.",
    )
    mlm_schedule: tuple[str, ...] = setting(
        (),
        help="Rates of masking from the first update to the last, such as 0.3,0.15; in "
        "between they lie on a line.",
    )
    show_predictions: int = setting(
        0,
        help="Masked tokens to show in masked_words.txt, with what is predicted before "
        "and after training.",
    )
    allow_partial_init: bool = setting(
        False, help="Accept an init_checkpoint that lacks parts of the encoder."
    )

    def __post_init__(self) -> None:
        own_tokenizer.take(self)
        super().__post_init__()

    def _missing(self) -> Iterator[str]:
        yield from super()._missing()
        if not (self.do_train or self.do_eval):
            yield "At least one of `do_train` or `do_eval` must be True."
        if bool(self.input_file) == bool(self.text_file):
            yield "Give either --input_file (TFRecords) or --text_file."
        if self.text_file and self.eval_file:
            yield "--eval_file is for --input_file; --text_file has --eval_share."
        if not self.text_file and self.show_predictions and not self.names_tokenizer:
            yield "--show_predictions needs a tokenizer: --vocab_file or --model_file."

    def _problems(self) -> Iterator[str]:
        yield from super()._problems()
        if self.names_tokenizer or self.text_file:
            yield from self.corpus_problems()
        limits = {
            "max_seq_length": self.max_seq_length,
            "max_predictions_per_seq": self.max_predictions_per_seq,
        }
        if self.mlm_prob is not None:
            yield from mask_problems({"mlm_prob": self.mlm_prob}, **limits)
        yield from schedule_problems(self.mlm_schedule, **limits)
        if self.show_predictions < 0:
            yield f"--show_predictions must be at least 0; got {self.show_predictions}."
        if not 0 < self.eval_share < 1:
            yield f"--eval_share must lie between 0 and 1; got {self.eval_share}."

    def _counts(self) -> tuple[str, ...]:
        return (*super()._counts(), "max_eval_steps")

    def scores(self) -> Mapping[str, Better]:
        """The scores of an evaluation, with which value of each is better."""
        return {"eval_loss": Better.SMALLER, "eval_accuracy": Better.LARGER}

    @property
    def names_tokenizer(self) -> bool:
        """Whether a tokenizer is named."""
        return bool(self.vocab_file or self.model_file or self.tokenizer_dir)

    @property
    def rates(self) -> tuple[float, ...]:
        """The rates of masking that were asked for; none for those of the records."""
        if self.mlm_schedule:
            return tuple(map(float, self.mlm_schedule))
        return () if self.mlm_prob is None else (self.mlm_prob,)

    @property
    def trains(self) -> bool:
        """Whether training is part of the work ahead."""
        return self.do_train

    @property
    def evaluates(self) -> bool:
        """Whether evaluation is part of the work ahead."""
        return self.do_eval

    def work(self) -> tuple[WorkBatch, ...]:
        """The batches of the work ahead, in the order in which it is done."""
        training, evaluation = super().work()
        asked = ((self.do_train, training), (self.do_eval, evaluation))
        return tuple(batch for is_asked, batch in asked if is_asked)
