"""Which evaluation is the best so far, and whether a better one is still awaited."""

from __future__ import annotations

import abc
import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from runtime.training.evaluation_settings import Better, EvaluationSettings


@dataclasses.dataclass(frozen=True, kw_only=True)
class Criterion:
    """What makes an evaluation the best, and how long a better one is awaited.

    Attributes:
        score: Name of the score that decides.
        better: Which of its values is better.
        patience: Evaluations without improvement after which training ends; None
            where it goes on to its last update.
        min_improvement: By how much more than this the score must improve to count.
    """

    score: str
    better: Better
    patience: int | None = None
    min_improvement: float = 0.0

    def improves(self, value: float, *, on: float | None, by: float = 0.0) -> bool:
        """Whether a value is better than another by more than some number.

        One that is not finite never is.
        """
        if not math.isfinite(value):
            return False
        if on is None:
            return True
        gain = value - on if self.better is Better.LARGER else on - value
        return gain > by


@dataclasses.dataclass(frozen=True, kw_only=True)
class Standing:
    """What the evaluations so far have come to.

    Attributes:
        best_step: Updates done at the best one; of several as good the earliest.
        best_score: Its score.
        to_beat: The last score that was an improvement by more than the least that
            counts; the next one is measured by it, so that small steps add up.
        without_improvement: Evaluations since then.
    """

    best_step: int | None = None
    best_score: float | None = None
    to_beat: float | None = None
    without_improvement: int = 0

    def after(self, step: int, value: float, *, criterion: Criterion) -> Standing:
        """The standing after one more evaluation."""
        is_best = criterion.improves(value, on=self.best_score)
        counts = criterion.improves(
            value, on=self.to_beat, by=criterion.min_improvement
        )
        return Standing(
            best_step=step if is_best else self.best_step,
            best_score=value if is_best else self.best_score,
            to_beat=value if counts else self.to_beat,
            without_improvement=0 if counts else self.without_improvement + 1,
        )


class BestWatch(abc.ABC):
    """Takes note of one evaluation after the other."""

    @property
    @abc.abstractmethod
    def is_over(self) -> bool:
        """Whether training is to end, because nothing better is awaited any more."""

    @property
    @abc.abstractmethod
    def best_step(self) -> int | None:
        """Updates done at the best evaluation; None where there is none."""

    @abc.abstractmethod
    def judge(self, step: int, scores: Mapping[str, float]) -> bool:
        """Takes note of an evaluation.

        Args:
            step: Updates done.
            scores: What was measured.

        Returns:
            Whether it is the best so far.
        """

    @abc.abstractmethod
    def state(self) -> dict[str, Any]:
        """What checkpoints carry of it, as JSON values."""

    @abc.abstractmethod
    def summary(self) -> str:
        """What has come out, as part of a sentence."""


class NoBestWatch(BestWatch):
    """Chooses nothing: training goes on to its last update."""

    @property
    def is_over(self) -> bool:
        """See base class."""
        return False

    @property
    def best_step(self) -> int | None:
        """See base class."""
        return None

    def judge(self, step: int, scores: Mapping[str, float]) -> bool:
        """See base class."""
        del step, scores
        return False

    def state(self) -> dict[str, Any]:
        """See base class."""
        return {}

    def summary(self) -> str:
        """See base class."""
        return "no evaluation is chosen as the best"


class ScoreWatch(BestWatch):
    """Chooses by one score.

    Args:
        criterion: Which, and how.
        state: What `state` gave to the checkpoint that the run goes on from. What was
            chosen by another score does not count.
    """

    def __init__(self, criterion: Criterion, *, state: Mapping[str, Any]) -> None:
        self._criterion = criterion
        self._standing = Standing()
        if state.get("best_by") == criterion.score:
            names = [field.name for field in dataclasses.fields(Standing)]
            self._standing = Standing(**{name: state[name] for name in names})

    @property
    def is_over(self) -> bool:
        """See base class."""
        patience = self._criterion.patience
        return patience is not None and self._standing.without_improvement >= patience

    @property
    def best_step(self) -> int | None:
        """See base class."""
        return self._standing.best_step

    def judge(self, step: int, scores: Mapping[str, float]) -> bool:
        """See base class."""
        value = scores[self._criterion.score]
        self._standing = self._standing.after(step, value, criterion=self._criterion)
        return self._standing.best_step == step

    def state(self) -> dict[str, Any]:
        """See base class."""
        return {
            "best_by": self._criterion.score,
            **dataclasses.asdict(self._standing),
            "stopped": self.is_over,
        }

    def summary(self) -> str:
        """See base class."""
        standing, name = self._standing, self._criterion.score
        count = standing.without_improvement
        best = f"none, as no {name} was a finite number"
        if standing.best_step is not None:
            best = f"{name} {standing.best_score:.6g} after step {standing.best_step}"
        return f"evaluations without improvement: {count}; the best: {best}"


def watch_of(settings: EvaluationSettings, *, state: Mapping[str, Any]) -> BestWatch:
    """What is chosen by, as the settings say.

    Args:
        settings: Of the run.
        state: See `ScoreWatch`.
    """
    score = settings.watched_score
    if score is None:
        return NoBestWatch()
    criterion = Criterion(
        score=score,
        better=settings.scores()[score],
        patience=settings.patience,
        min_improvement=settings.min_improvement,
    )
    return ScoreWatch(criterion, state=state)
