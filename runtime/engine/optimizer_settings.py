"""Which optimiser and schedule; no framework is needed to say so."""

from __future__ import annotations

import dataclasses
import enum
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from runtime.errors import SettingsError


class OptimizerName(enum.Enum):
    """Optimisers by their flag value."""

    BERT = "bert"
    ADAMW = "adamw"
    ADAM = "adam"


class Schedule(enum.Enum):
    """Courses of the learning rate by their flag value."""

    LINEAR = "linear"
    COSINE = "cosine"
    CONSTANT = "constant"
    SLANTED = "slanted"


SLANT = 32.0
"""How many times the peak of a slanted schedule is above its ends."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ParameterGroup:
    """Variables that are trained otherwise than the rest.

    Attributes:
        pattern: Matches their names, as a regular expression.
        rate: Their share of the learning rate.
        first_step: Updates before theirs; until then they and their slots stay.
    """

    pattern: str
    rate: float = 1.0
    first_step: int = 0


_REST = ParameterGroup(pattern="")


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Usual:
    """What an optimiser does where nothing else is asked for."""

    weight_decay: float
    epsilon: float
    clip_norm: float


_USUAL = {
    OptimizerName.BERT: _Usual(weight_decay=0.01, epsilon=1e-6, clip_norm=1.0),
    OptimizerName.ADAMW: _Usual(weight_decay=0.01, epsilon=1e-7, clip_norm=1.0),
    OptimizerName.ADAM: _Usual(weight_decay=0.0, epsilon=1e-7, clip_norm=0.0),
}

_LEAST = {
    "weight_decay": 0.0,
    # Less is 0 on a device, and divides the 0 of a row that no gradient has met yet.
    "adam_epsilon": float(np.finfo(np.float32).tiny),
    "max_grad_norm": 0.0,
}
_MOST = float(np.finfo(np.float32).max)


def range_problems(settings: Any, *, prefix: str = "") -> Iterator[str]:
    """A sentence for each number of an optimiser that cannot be used.

    Args:
        settings: Has `weight_decay`, `adam_epsilon` and `max_grad_norm`, each None for
            the optimiser's own.
        prefix: Stands before their names.
    """
    for name, least in _LEAST.items():
        value = getattr(settings, name)
        if value is not None and not least <= value <= _MOST:
            limits = f"[{least:.3g}, {_MOST:.3g}]"
            yield f"{prefix}{name} must lie in {limits}; got {value}."


@dataclasses.dataclass(frozen=True, kw_only=True)
class OptimizerSettings:
    """An optimiser and its schedule.

    Attributes:
        name: BERT has no bias correction and epsilon 1e-6; ADAMW corrects the bias and
            uses Keras' epsilon 1e-7; ADAM is it without decay and clipping.
        schedule: LINEAR rises and falls to 0; COSINE rises likewise and falls in half a
            wave; CONSTANT stays, with no warm-up; SLANTED is ULMFiT's.
        learning_rate: Peak learning rate.
        num_train_steps: Updates after which the rate is at its lowest.
        num_warmup_steps: Updates over which the rate rises.
        weight_decay: Decoupled decay, times the learning rate; None for the
            optimiser's own, as for the next two.
        adam_epsilon: See `epsilon`.
        max_grad_norm: See `clip_norm`.
        no_decay: A variable whose name contains a match of one of these is not decayed.
        groups: The first whose pattern a variable's name contains is the variable's.

    Source: google-research/bert, optimization.py; keras.optimizers.AdamW; Howard and
        Ruder, Universal Language Model Fine-tuning for Text Classification, 2018.
    """

    name: OptimizerName = OptimizerName.BERT
    schedule: Schedule = Schedule.LINEAR
    learning_rate: float = 5e-5
    num_train_steps: int
    num_warmup_steps: int = 0
    weight_decay: float | None = None
    adam_epsilon: float | None = None
    max_grad_norm: float | None = None
    no_decay: tuple[str, ...] = ("LayerNorm", "layer_norm", "bias")
    groups: tuple[ParameterGroup, ...] = ()

    def __post_init__(self) -> None:
        counts = ("learning_rate", "num_train_steps", "num_warmup_steps")
        problems = [
            f"{field} must not be negative; got {value}."
            for field in counts
            if not (value := getattr(self, field)) >= 0
        ]
        problems += range_problems(self)
        if problems:
            raise SettingsError(*problems)

    @property
    def decay(self) -> float:
        """Decoupled weight decay, times the learning rate."""
        return _asked(self.weight_decay, _USUAL[self.name].weight_decay)

    @property
    def epsilon(self) -> float:
        """Added to the square root of the second moment."""
        return _asked(self.adam_epsilon, _USUAL[self.name].epsilon)

    @property
    def clip_norm(self) -> float:
        """Bound of the global gradient norm; 0 for none."""
        return _asked(self.max_grad_norm, _USUAL[self.name].clip_norm)

    @property
    def highest_rate(self) -> float:
        """The highest rate of the run's updates.

        It is below `learning_rate` where the run ends before the warm-up does.
        """
        warmup, total = self.num_warmup_steps, self.num_train_steps
        if self.schedule is Schedule.CONSTANT or warmup <= total:
            return self.learning_rate
        height = (total if self.counts_itself else total - 1) / warmup
        if self.schedule is Schedule.SLANTED:
            height = (1.0 + height * (SLANT - 1.0)) / SLANT
        return self.learning_rate * height

    @property
    def counts_itself(self) -> bool:
        """Whether the schedule counts an update before its rate is read."""
        return self.name is OptimizerName.BERT and self.schedule is Schedule.LINEAR

    @property
    def norm_counts_rows(self) -> bool:
        """Whether clipping counts embeddings by row; see `runtime.kernels.lookup`."""
        return self.name is OptimizerName.BERT

    def decays(self, variable_name: str) -> bool:
        """Whether weight decay applies to the variable of this name."""
        if self.decay == 0:
            return False
        return not any(re.search(part, variable_name) for part in self.no_decay)

    def group_of(self, variable_name: str) -> ParameterGroup:
        """How the variable of this name is trained."""
        found = (g for g in self.groups if re.search(g.pattern, variable_name))
        return next(found, _REST)


def _asked(value: float | None, usual: float) -> float:
    return usual if value is None else value
