"""What a run is told that writes texts, whatever its model; each field is a flag.

What a run on any task is told is in `pipelines.classification.settings`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import ClassVar

from pipelines.classification import class_weights
from pipelines.classification.settings import TaskSettings, TaskStepSettings
from processors.labels.targets import Objective
from processors.tasks.source_target import SourceTargetSettings
from runtime.engine.optimizer_settings import OptimizerSettings
from runtime.settings import fixed, setting
from runtime.training.evaluation_settings import Better
from runtime.training.run_settings import Carried, RunSettings


@dataclasses.dataclass(frozen=True, kw_only=True)
class GenerationStepSettings(TaskStepSettings):
    """What decides the steps of a model that writes texts.

    Raises:
        SettingsError: One sentence for each value that cannot be used.
    """

    max_seq_length: int = setting(
        512,
        flag="max_source_length",
        help="Longest source in tokens, special tokens included; of a longer one the "
        "start is read.",
    )
    max_target_length: int = setting(
        64, help="Longest target in tokens, with [SEP], in training and in writing."
    )
    num_warmup_steps: int | None = setting(
        None,
        help="Updates over which the learning rate rises, instead of "
        "warmup_proportion.",
    )
    predict_batch_size: int = setting(
        32, help="Texts a batch that are written at once."
    )
    labels: tuple[str, ...] = fixed(())
    multi_label: bool = fixed(False)
    objective: Objective = fixed(Objective.CLASSIFICATION)

    @property
    def target_length(self) -> int:
        """See base class."""
        return self.max_target_length

    def _problems(self) -> Iterator[str]:
        yield from super()._problems()
        if self.max_seq_length < 3:
            yield (
                "--max_source_length must be at least 3, for a token between [CLS] and "
                f"[SEP]; got {self.max_seq_length}."
            )
        if self.num_warmup_steps is not None and self.num_warmup_steps < 0:
            yield f"--num_warmup_steps must be at least 0; got {self.num_warmup_steps}."

    def optimizer_settings(self, num_train_steps: int) -> OptimizerSettings:
        """See base class."""
        found = super().optimizer_settings(num_train_steps)
        if self.num_warmup_steps is None:
            return found
        return dataclasses.replace(found, num_warmup_steps=self.num_warmup_steps)


@dataclasses.dataclass(frozen=True, kw_only=True)
class GenerationSettings(GenerationStepSettings, SourceTargetSettings, TaskSettings):
    """Settings of a run that trains a model to write texts, evaluates it and writes.

    Raises:
        SettingsError: One sentence for each value that cannot be used.
    """

    NEEDS_LABELS: ClassVar[bool] = False
    MUST_MATCH: ClassVar[tuple[str, ...]] = (
        "task_name",
        "max_source_length",
        "max_target_length",
        "num_warmup_steps",
        "label_smoothing",
        *RunSettings.MUST_MATCH,
    )
    CARRIED: ClassVar[tuple[Carried, ...]] = (
        Carried(("max_source_length",)),
        Carried(("max_target_length",)),
        Carried(
            (
                *("task_name", "source", "target"),
                *("header", "quoted", "delimiter", "encoding"),
            ),
            unless=("task_name",),
        ),
    )

    do_predict: bool = setting(False, help="Whether to write texts for the test split.")
    compare: bool = setting(
        False,
        help="Whether to write compare.txt: scores of the first sentence, the first "
        "characters, the target of the nearest training text, and this run.",
    )
    unknown_text: str = setting(
        "", help="What is written for a token that the vocabulary does not know."
    )
    threshold: str = fixed("0.5")
    score_test: bool = fixed(False)
    class_weights: tuple[str, ...] = fixed((class_weights.NONE,))

    def scores(self) -> Mapping[str, Better]:
        """The scores of an evaluation, with which value of each is better."""
        return dict.fromkeys(("eval_loss", "eval_perplexity"), Better.SMALLER)

    def _problems(self) -> Iterator[str]:
        yield from super()._problems()
        if self.has_records_alone:
            yield "--task_name=records has no texts, which targets are: name another."
