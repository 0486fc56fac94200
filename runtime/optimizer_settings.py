"""Which optimiser and schedule; no framework is needed to say so."""

from __future__ import annotations

import dataclasses
import enum
import re

from runtime.errors import SettingsError


class OptimizerName(enum.Enum):
    """Optimisers by their flag value."""

    BERT = "bert"
    ADAMW = "adamw"


@dataclasses.dataclass(frozen=True, kw_only=True)
class OptimizerSettings:
    """An optimiser and its schedule.

    Attributes:
        name: BERT has no bias correction and epsilon 1e-6; ADAMW corrects the bias and
            uses Keras' epsilon 1e-7.
        learning_rate: Peak learning rate.
        num_train_steps: Updates after which the rate is 0.
        num_warmup_steps: Updates over which the rate rises from 0.
        weight_decay: Decoupled decay, times the learning rate.
        clip_norm: Bound of the global gradient norm.
        no_decay: A variable whose name contains a match of one of these is not decayed.

    Source: google-research/bert, optimization.py; keras.optimizers.AdamW.
    """

    name: OptimizerName = OptimizerName.BERT
    learning_rate: float = 5e-5
    num_train_steps: int
    num_warmup_steps: int = 0
    weight_decay: float = 0.01
    clip_norm: float = 1.0
    no_decay: tuple[str, ...] = ("LayerNorm", "layer_norm", "bias")

    def __post_init__(self) -> None:
        problems = [
            f"{field} must not be negative; got {value}."
            for field in (
                "learning_rate",
                "num_train_steps",
                "num_warmup_steps",
                "weight_decay",
            )
            if (value := getattr(self, field)) < 0
        ]
        if self.clip_norm <= 0:
            problems.append(f"clip_norm must be above 0; got {self.clip_norm}.")
        if problems:
            raise SettingsError(*problems)

    @property
    def epsilon(self) -> float:
        """Added to the square root of the second moment."""
        return 1e-6 if self.name is OptimizerName.BERT else 1e-7

    @property
    def norm_counts_rows(self) -> bool:
        """Whether clipping counts embedding gradients by row; see `runtime.lookup`."""
        return self.name is OptimizerName.BERT

    def decays(self, variable_name: str) -> bool:
        """Whether weight decay applies to the variable of this name."""
        return not any(re.search(part, variable_name) for part in self.no_decay)
