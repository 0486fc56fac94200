"""Everything a classifier run is told; each field is a command-line flag.

The names, defaults and meanings of google-research/bert's and bert-japanese's
`run_classifier.py` are kept; what they did not have stands below.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterator
from typing import Any

from processors.batches import PadTo
from runtime.device_settings import DeviceSettings
from runtime.errors import SettingsError
from runtime.optimizer_settings import OptimizerName, OptimizerSettings
from runtime.placement import Accelerator, Backend, Precision
from runtime.settings import setting


class Resume(enum.Enum):
    """What to do with checkpoints found in the output directory."""

    AUTO = "auto"
    NEVER = "never"
    MUST = "must"


@dataclasses.dataclass(frozen=True, kw_only=True)
class StepSettings:
    """What decides the steps that a device computes.

    Raises:
        SettingsError: One sentence for each value that cannot be used.
    """

    # The original's flags.
    bert_config_file: str | None = setting(
        None,
        help="JSON with the sizes of the BERT; by default bert_config.json beside "
        "init_checkpoint, or with model_file BERT-base as bert-japanese.",
    )
    init_checkpoint: str | None = setting(
        None, help="Weights to start from: a TF1 checkpoint or one of this toolkit."
    )
    model_file: str | None = setting(None, help="SentencePiece model.")
    max_seq_length: int = setting(
        128, help="Longest input in tokens, special tokens included."
    )
    train_batch_size: int = setting(32, help="Examples an update, on all devices.")
    eval_batch_size: int = setting(8, help="Examples a batch in evaluation.")
    predict_batch_size: int = setting(8, help="Examples a batch in prediction.")
    learning_rate: float = setting(5e-5, help="Peak learning rate.")
    num_train_epochs: float = setting(3.0, help="Passes over the training split.")
    warmup_proportion: float = setting(
        0.1, help="Share of the updates over which the learning rate rises."
    )

    # New here.
    accelerator: Accelerator = setting(Accelerator.AUTO, help="What to run on.")
    backend: Backend = setting(Backend.AUTO, help="What to run with.")
    precision: Precision = setting(Precision.FLOAT32, help="Arithmetic of a step.")
    optimizer: OptimizerName = setting(
        OptimizerName.BERT, help="bert is the original's; adamw is Keras' AdamW."
    )
    gradient_accumulation_steps: int = setting(
        1, help="Slices that a batch is computed in, to save memory."
    )
    steps_per_call: int = setting(1, help="Updates in one call of the device.")
    max_steps: int | None = setting(None, help="Updates instead of num_train_epochs.")
    pad_to: PadTo = setting(
        PadTo.PACK,
        help="pack lays several examples in a row (equal results, faster); bucket "
        "pads to the smallest of a few lengths; max to max_seq_length.",
    )
    labels: tuple[str, ...] = setting(
        (), help="Labels in order; by default collected from the training split."
    )

    def __post_init__(self) -> None:
        problems = list(self._problems())
        if problems:
            raise SettingsError(*problems)

    def _problems(self) -> Iterator[str]:
        for name in self._counts():
            if getattr(self, name) < 1:
                yield f"--{name} must be at least 1; got {getattr(self, name)}."
        if self.max_steps is not None and self.max_steps < 1:
            yield f"--max_steps must be at least 1; got {self.max_steps}."
        if self.num_train_epochs <= 0:
            yield f"--num_train_epochs must be above 0; got {self.num_train_epochs}."
        if not 0 <= self.warmup_proportion <= 1:
            yield (
                f"--warmup_proportion must lie in [0, 1]; got {self.warmup_proportion}."
            )

    def _counts(self) -> tuple[str, ...]:
        """Names of the settings that are at least 1."""
        return (
            "max_seq_length",
            "train_batch_size",
            "eval_batch_size",
            "predict_batch_size",
            "gradient_accumulation_steps",
            "steps_per_call",
        )

    def num_train_steps(self, num_examples: int) -> int:
        """Updates of the whole run, as the original counts them.

        Args:
            num_examples: Size of the training split.
        """
        if self.max_steps is not None:
            return self.max_steps
        return int(num_examples / self.train_batch_size * self.num_train_epochs)

    def optimizer_settings(self, num_train_steps: int) -> OptimizerSettings:
        """Optimiser and schedule of a run of so many updates."""
        return OptimizerSettings(
            name=self.optimizer,
            learning_rate=self.learning_rate,
            num_train_steps=num_train_steps,
            num_warmup_steps=int(num_train_steps * self.warmup_proportion),
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClassifierSettings(StepSettings, DeviceSettings):
    """Settings of `train`, `evaluate` and `predict`.

    Raises:
        SettingsError: One sentence for each value that cannot be used.
    """

    # The original's flags.
    task_name: str | None = setting(
        None, help="The task: a known name or package.module:ClassName of your own."
    )
    data_dir: str | None = setting(
        None, help="Folder of the task's files; tasks with shipped data need none."
    )
    output_dir: str | None = setting(
        None, help="Folder for checkpoints, reports and records."
    )
    vocab_file: str | None = setting(
        None, help="WordPiece vocabulary, or the .vocab file beside model_file."
    )
    do_lower_case: bool = setting(True, help="Whether to lower-case the text.")
    do_train: bool = setting(False, help="Whether to train.")
    do_eval: bool = setting(False, help="Whether to evaluate on the dev split.")
    do_predict: bool = setting(False, help="Whether to predict the test split.")
    save_checkpoints_steps: int = setting(1000, help="Updates between checkpoints.")

    # New here.
    seed: int = setting(0, help="Decides initial weights, order and dropout.")
    resume: Resume = setting(
        Resume.AUTO,
        help="auto goes on from output_dir's newest checkpoint if there is one; never "
        "starts anew and removes it; must fails without one.",
    )
    keep_checkpoints: int = setting(5, help="Newest checkpoints that are kept.")
    record_shards: int = setting(1, help="Files that a split's TFRecords fill.")
    allow_partial_init: bool = setting(
        False, help="Accept an init_checkpoint that lacks parts of the encoder."
    )
    keep_voicing_marks: bool = setting(
        False, help="Keep Japanese voicing marks under WordPiece lower-casing."
    )

    # Columns and files of the tasks tsv, json and jsonl.
    text_a: str = setting("text", help="Column of the text.")
    text_b: str | None = setting(None, help="Column of the second text of a pair.")
    label: str = setting("label", help="Column of the label.")
    id: str | None = setting(None, help="Column of the example's id.")
    train_file: str | None = setting(None, help="Name of the training file.")
    dev_file: str | None = setting(None, help="Name of the dev file.")
    test_file: str | None = setting(None, help="Name of the test file.")
    header: bool = setting(True, help="Whether a TSV's first line names its columns.")

    def _problems(self) -> Iterator[str]:
        yield from self._missing()
        yield from super()._problems()
        yield from self.device_problems()
        if not 0 <= self.seed < 2**32:
            yield f"--seed must lie in [0, 2**32); got {self.seed}."

    def _missing(self) -> Iterator[str]:
        for name in ("task_name", "output_dir"):
            if not getattr(self, name):
                yield f"--{name} is required."
        if not (self.vocab_file or self.model_file):
            yield (
                "--vocab_file (WordPiece) or --model_file (SentencePiece) is required."
            )
        if not (self.do_train or self.do_eval or self.do_predict):
            yield (
                "At least one of `do_train`, `do_eval` or `do_predict' must be True."
            )

    def _counts(self) -> tuple[str, ...]:
        return (
            *super()._counts(),
            "save_checkpoints_steps",
            "keep_checkpoints",
            "record_shards",
        )

    def as_json(self) -> dict[str, Any]:
        """The settings as JSON values, enums by their flag value."""
        values = dataclasses.asdict(self)
        return {
            name: value.value if isinstance(value, enum.Enum) else value
            for name, value in values.items()
        }


MUST_MATCH = (
    "task_name",
    "do_lower_case",
    "max_seq_length",
    "train_batch_size",
    "learning_rate",
    "num_train_epochs",
    "max_steps",
    "warmup_proportion",
    "precision",
    "optimizer",
    "seed",
)
"""Settings that a checkpoint in the output directory must share to be resumed."""
