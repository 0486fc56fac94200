"""What a run is told of the evaluations on its way; each field is a flag."""

from __future__ import annotations

import dataclasses
import enum
import math
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import ClassVar

from runtime.settings import setting

_EPOCH, _NONE = "epoch", "none"
_LOSS = "eval_loss"


class Better(enum.Enum):
    """Which of two values of a score is the better one."""

    LARGER = "larger"
    SMALLER = "smaller"


@dataclasses.dataclass(frozen=True, kw_only=True)
class EvaluationSettings:
    """When a run evaluates on its way, and what it makes of the scores.

    Other settings inherit these; they know whether the run trains and evaluates.

    Attributes:
        WATCH_FLAGS: These flags; a checkpoint must share them to be resumed.
    """

    WATCH_FLAGS: ClassVar[tuple[str, ...]] = (
        "eval_every",
        "best_by",
        "patience",
        "min_improvement",
    )

    eval_every: str = setting(
        _EPOCH,
        help="When a run with --do_eval evaluates while it trains: each epoch, after "
        "so many updates, or none. The last update is evaluated too.",
    )
    best_by: str | None = setting(
        None,
        help="Score of the evaluations, as eval_loss, by which the best weights are "
        "chosen: they are kept beside the newest, and used after training.",
    )
    patience: int | None = setting(
        None,
        help="Evaluations without improvement after which training ends early; without "
        f"--best_by it is {_LOSS} that must improve, and the best weights are used.",
    )
    min_improvement: float = setting(
        0.0, help="With --patience: by how much more than this a score must improve."
    )

    def scores(self) -> Mapping[str, Better]:
        """The scores of an evaluation, with which value of each is better."""
        return {_LOSS: Better.SMALLER}

    @property
    def watched_score(self) -> str | None:
        """The score by which the best weights are chosen; None where none are."""
        return _LOSS if self.best_by is None and self.patience else self.best_by

    def updates_an_evaluation(self, *, epoch: Fraction) -> Fraction | None:
        """Updates between two evaluations; None where there are none on the way.

        Args:
            epoch: Updates of an epoch: examples divided by the batch.
        """
        if self.eval_every == _NONE:
            return None
        return epoch if self.eval_every == _EPOCH else Fraction(self.eval_every)

    def evaluation_problems(self, *, evaluates: bool) -> Iterator[str]:
        """A sentence for each value that cannot be used.

        Args:
            evaluates: Whether the run evaluates what it trains.
        """
        if not _is_count(self.eval_every) and self.eval_every not in {_EPOCH, _NONE}:
            yield (
                "--eval_every must be a number of updates of at least 1, epoch or none;"
                f" got {self.eval_every}."
            )
        if self.patience is not None and self.patience < 1:
            yield f"--patience must be at least 1; got {self.patience}."
        if not 0 <= self.min_improvement < math.inf:
            yield f"--min_improvement must be at least 0; got {self.min_improvement}."
        if self.min_improvement > 0 and self.patience is None:
            yield "--min_improvement is how --patience counts: give that too."
        yield from self._watch_problems(evaluates=evaluates)

    def _watch_problems(self, *, evaluates: bool) -> Iterator[str]:
        if self.best_by is not None and self.best_by not in self.scores():
            yield (
                f"--best_by={self.best_by} is no score of this run; it has "
                f"{', '.join(self.scores())}."
            )
        flag = "best_by" if self.patience is None else "patience"
        if self.watched_score and not evaluates:
            yield f"--{flag} needs evaluations: add --do_eval."
        elif self.watched_score and self.eval_every == _NONE:
            yield f"--{flag} needs evaluations on the way, not --eval_every=none."


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and int(text) > 0
