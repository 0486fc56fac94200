"""What every run that trains is told.

A pipeline's own settings inherit these and add what is about its model. Where
google-research/bert had such a flag, its name, default and meaning are kept.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterator
from typing import Any, ClassVar

from runtime.devices.placement import (
    Accelerator,
    AttentionBy,
    Backend,
    Precision,
    Recompute,
)
from runtime.devices.settings import DeviceSettings
from runtime.engine.optimizer_settings import (
    OptimizerName,
    OptimizerSettings,
    Schedule,
    range_problems,
)
from runtime.errors import SettingsError
from runtime.settings import flags_of, setting
from runtime.training.evaluation_settings import EvaluationSettings
from runtime.training.same_run import Trait


class Resume(enum.Enum):
    """What to do with checkpoints found in the output directory."""

    AUTO = "auto"
    NEVER = "never"
    MUST = "must"


OPTIMIZER = ("optimizer", "weight_decay", "adam_epsilon", "max_grad_norm", "schedule")
"""The flags that say what an update does with its gradient."""


@dataclasses.dataclass(frozen=True)
class WorkBatch:
    """The batch of one kind of work.

    Attributes:
        flag: The setting that says how many examples it has.
        accumulation: Slices that it is computed in on each replica.
    """

    flag: str
    accumulation: int = 1


@dataclasses.dataclass(frozen=True)
class Carried:
    """Flags that say one thing together.

    Attributes:
        flags: Their names.
        unless: Those of them that say it anew: given one, none is carried over.
    """

    flags: tuple[str, ...]
    unless: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class StepSettings:
    """Batches, updates and optimiser: what decides the steps, whatever the model.

    Raises:
        SettingsError: One sentence for each value that cannot be used.
    """

    # The original's flags.
    train_batch_size: int = setting(32, help="Examples an update, on all devices.")
    eval_batch_size: int = setting(8, help="Examples a batch in evaluation.")
    learning_rate: float = setting(5e-5, help="Peak learning rate.")
    num_train_epochs: float = setting(3.0, help="Passes over the training split.")
    warmup_proportion: float = setting(
        0.1, help="Share of the updates over which the learning rate rises."
    )

    # New here.
    accelerator: Accelerator = setting(Accelerator.AUTO, help="What to run on.")
    backend: Backend = setting(Backend.AUTO, help="What to run with.")
    precision: Precision = setting(
        Precision.FLOAT32,
        help="Arithmetic of a step. tf32 is that of GPUs whose matrix products take "
        "float32 with 10 bits behind the point instead of 23.",
    )
    recompute: Recompute = setting(
        Recompute.AUTO,
        help="What of the layers is computed a second time for the gradient, to save "
        "memory, on JAX: all that is cheap; none; auto is none on a GPU that has the "
        "memory, else all.",
    )
    attention: AttentionBy = setting(
        AttentionBy.AUTO,
        help="auto is one kernel on JAX where there is one for the device and the "
        "shapes; plain is operation by operation.",
    )
    optimizer: OptimizerName = setting(
        OptimizerName.BERT,
        help="bert is the original's; adamw and adam are Keras', adam without decay "
        "and clipping.",
    )
    weight_decay: float | None = setting(
        None,
        help="Decoupled decay of weights but biases and norms; by default the "
        "optimiser's own: bert and adamw 0.01, adam 0.",
    )
    adam_epsilon: float | None = setting(
        None,
        help="Added to the root of the second moment; by default the optimiser's own: "
        "bert 1e-6, adamw and adam 1e-7.",
    )
    max_grad_norm: float | None = setting(
        None,
        help="Bound of the gradient's global norm, 0 for none; by default the "
        "optimiser's own: bert and adamw 1, adam none.",
    )
    schedule: Schedule = setting(
        Schedule.LINEAR,
        help="Of the learning rate: linear and cosine rise over the warm-up, then fall "
        "to 0; slanted, ULMFiT's, falls to a 32nd; constant has no warm-up.",
    )
    gradient_accumulation_steps: int = setting(
        1, help="Slices that a batch is computed in, to save memory."
    )
    steps_per_call: int = setting(1, help="Most updates in one call of the device.")
    max_steps: int | None = setting(None, help="Updates instead of num_train_epochs.")

    def __post_init__(self) -> None:
        problems = list(self._problems())
        if problems:
            raise SettingsError(*problems)

    def _problems(self) -> Iterator[str]:
        flags = {field.name: flag for flag, field in flags_of(type(self)).items()}
        for name in self._counts():
            if (value := getattr(self, name)) < 1:
                yield f"--{flags.get(name, name)} must be at least 1; got {value}."
        if self.max_steps is not None and self.max_steps < 1:
            yield f"--max_steps must be at least 1; got {self.max_steps}."
        if self.learning_rate < 0:
            yield f"--learning_rate must be at least 0; got {self.learning_rate}."
        if self.num_train_epochs <= 0:
            yield f"--num_train_epochs must be above 0; got {self.num_train_epochs}."
        if not 0 <= self.warmup_proportion <= 1:
            yield (
                f"--warmup_proportion must lie in [0, 1]; got {self.warmup_proportion}."
            )

        yield from range_problems(self, prefix="--")

    def _counts(self) -> tuple[str, ...]:
        """Names of the settings that are at least 1."""
        return (
            "train_batch_size",
            "eval_batch_size",
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
            schedule=self.schedule,
            weight_decay=self.weight_decay,
            adam_epsilon=self.adam_epsilon,
            max_grad_norm=self.max_grad_norm,
            learning_rate=self.learning_rate,
            num_train_steps=num_train_steps,
            num_warmup_steps=int(num_train_steps * self.warmup_proportion),
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunSettings(StepSettings, DeviceSettings, EvaluationSettings):
    """Settings of a run that trains: its steps, devices, evaluations and folder.

    Attributes:
        MUST_MATCH: Flags that a checkpoint in the output directory must share to be
            resumed.
        CARRIED: Flags that a run brings along for those who evaluate it.
        MAY_DIFFER: Settings in which the processes that share a run may differ: their
            numbers, and where their files lie.

    Raises:
        SettingsError: One sentence for each value that cannot be used.
    """

    MUST_MATCH: ClassVar[tuple[str, ...]] = (
        "train_batch_size",
        "learning_rate",
        "num_train_epochs",
        "max_steps",
        "warmup_proportion",
        "precision",
        "attention",
        *OPTIMIZER,
        "seed",
    )
    CARRIED: ClassVar[tuple[Carried, ...]] = ()
    MAY_DIFFER: ClassVar[tuple[str, ...]] = ("process_id", "output_dir")

    output_dir: str | None = setting(
        None, path=True, help="Folder for checkpoints, reports and records."
    )
    save_checkpoints_steps: int = setting(1000, help="Updates between checkpoints.")
    seed: int = setting(0, help="Decides initial weights, order and dropout.")
    resume: Resume = setting(
        Resume.AUTO,
        help="auto goes on from output_dir's newest checkpoint if there is one; never "
        "starts anew and removes it; must fails without one.",
    )
    keep_checkpoints: int = setting(5, help="Newest checkpoints that are kept.")
    keep_checkpoints_every: int = setting(
        0, help="Besides them those of each so many updates are kept; 0 for none."
    )

    accept_changed: tuple[str, ...] = setting(
        (),
        help="Flags, with commas between, that may differ from those of the run whose "
        "checkpoints are in output_dir; data_dir stands for the training data.",
    )
    max_skipped_updates: int = setting(
        0,
        help="Updates that may be left out because loss or gradient are no numbers; "
        "the run ends at the next one.",
    )

    def _problems(self) -> Iterator[str]:
        yield from self._missing()
        yield from super()._problems()
        yield from self.device_problems()
        if self.trains:
            yield from self.evaluation_problems(evaluates=self.evaluates)
        for name in ("keep_checkpoints_every", "max_skipped_updates"):
            if getattr(self, name) < 0:
                yield f"--{name} must be at least 0; got {getattr(self, name)}."
        if not 0 <= self.seed < 2**32:
            yield f"--seed must lie in [0, 2**32); got {self.seed}."

    def _missing(self) -> Iterator[str]:
        """A sentence for each setting that must be given and was not."""
        if not self.output_dir:
            yield "--output_dir is required."

    def _counts(self) -> tuple[str, ...]:
        return (*super()._counts(), "save_checkpoints_steps", "keep_checkpoints")

    @property
    def trains(self) -> bool:
        """Whether training is part of the work ahead."""
        return True

    @property
    def evaluates(self) -> bool:
        """Whether evaluation is part of the work ahead."""
        return True

    def work(self) -> tuple[WorkBatch, ...]:
        """The batches of the work ahead, in the order in which it is done."""
        training = WorkBatch(
            "train_batch_size", accumulation=self.gradient_accumulation_steps
        )
        return (training, WorkBatch("eval_batch_size"))

    def as_json(self) -> dict[str, Any]:
        """The settings as JSON values by the name of their flag, enums by its value."""
        flags = {field.name: flag for flag, field in flags_of(type(self)).items()}
        values = dataclasses.asdict(self)
        plain = {
            name: value.value if isinstance(value, enum.Enum) else value
            for name, value in values.items()
        }
        return {flags.get(name, name): value for name, value in plain.items()}

    def traits(self) -> list[Trait]:
        """The flags that must be equal for a checkpoint to be resumed."""
        values = self.as_json()
        names = (*self.MUST_MATCH, *self.WATCH_FLAGS)
        return [Trait(name=n, value=values[n], accept=n) for n in names]

    def carried(self) -> dict[str, Any]:
        """What those who evaluate the run need not say again, as `as_json`."""
        values = self.as_json()
        return {name: values[name] for group in self.CARRIED for name in group.flags}
