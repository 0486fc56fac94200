"""Evaluations on the way: what is measured, and what it says on how to go on.

An evaluation is a function of the step alone and changes no bit of the training around
it. One that the end of a process cuts short is repeated: from the checkpoint before it,
or, where the run was asked to stop, from one that says that it is still to be done.
"""

from __future__ import annotations

import abc
import dataclasses
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from runtime.checkpoints import checkpoints
from runtime.devices.placement import Placement, gather
from runtime.engine.engine import Arrays, Engine
from runtime.training import run_record
from runtime.training.best_watch import BestWatch
from runtime.training.pace import Pace
from runtime.training.run_record import RunRecord

_PENDING = "pending"

_log = logging.getLogger(__name__)


class Predictor(Protocol):
    """What an evaluation asks of an engine."""

    def predict(self, arrays: Arrays, /) -> dict[str, np.ndarray]:
        """See `Engine.predict`."""


class Scorer(Protocol):
    """What a pipeline measures on the way."""

    def __call__(self, predictor: Predictor, /) -> Mapping[str, float | np.number[Any]]:
        """Returns the scores, the first ones the most telling, by `eval_` names.

        Args:
            predictor: Has the weights to evaluate; `predict` is called in the same
                order in all processes.
        """


@dataclasses.dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What a pipeline hands over to be evaluated on the way.

    Attributes:
        scorer: Measures.
        train_examples: Examples of an epoch of training.
    """

    scorer: Scorer
    train_examples: int


class Evaluations(abc.ABC):
    """The evaluations of a run, as its loop knows them.

    Attributes:
        latest: What the last one measured in this process.
        calls_for_checkpoint: Whether the weights of the last one are to be kept.
    """

    latest: Mapping[str, float]
    calls_for_checkpoint: bool

    @property
    @abc.abstractmethod
    def is_pending(self) -> bool:
        """Whether the one at the step reached is still to be done."""

    @property
    @abc.abstractmethod
    def is_over(self) -> bool:
        """Whether training is to end, because nothing better is awaited any more."""

    @property
    @abc.abstractmethod
    def best_step(self) -> int | None:
        """Updates done at the best one; None where there is none."""

    @abc.abstractmethod
    def evaluate(self, engine: Engine, *, pace: Pace) -> Mapping[str, float]:
        """Measures what is reached.

        Args:
            engine: Holds it.
            pace: Says whether to leave the evaluation for later.

        Returns:
            The scores; none where the run was asked to stop meanwhile.
        """

    @abc.abstractmethod
    def state(self) -> dict[str, Any]:
        """What the state of a checkpoint of now has of them, as JSON values."""


class NoEvaluations(Evaluations):
    """Nothing is evaluated on the way."""

    latest: Mapping[str, float] = {}
    calls_for_checkpoint = False
    is_pending = False
    is_over = False
    best_step = None

    def evaluate(self, engine: Engine, *, pace: Pace) -> Mapping[str, float]:
        """See base class."""
        del engine, pace
        return {}

    def state(self) -> dict[str, Any]:
        """See base class."""
        return {}


class DevEvaluations(Evaluations):
    """Evaluations by a pipeline's scores.

    Args:
        scorer: Measures.
        watch: Chooses the best one.
        record: Takes a line for each.
        state: What the checkpoint that the run goes on from has of them.
        agree: Gives all processes of the run the same scores.
    """

    def __init__(
        self,
        scorer: Scorer,
        *,
        watch: BestWatch,
        record: RunRecord,
        state: Mapping[str, Any],
        agree: Callable[[Mapping[str, float]], Mapping[str, float]] = dict,
    ) -> None:
        self._scorer = scorer
        self._watch = watch
        self._record = record
        self._agree = agree
        self._is_pending = is_pending(state)
        self.latest = {}
        self.calls_for_checkpoint = False

    @property
    def is_pending(self) -> bool:
        """See base class."""
        return self._is_pending

    @property
    def is_over(self) -> bool:
        """See base class."""
        return self._watch.is_over

    @property
    def best_step(self) -> int | None:
        """See base class."""
        return self._watch.best_step

    def evaluate(self, engine: Engine, *, pace: Pace) -> Mapping[str, float]:
        """See base class."""
        self.calls_for_checkpoint = False
        try:
            found = self._scorer(_Interruptible(engine, pace))
        except _AskedToStop:
            self._is_pending = True
            return {}
        self.latest = self._agree(
            {name: run_record.plain_number(value) for name, value in found.items()}
        )
        self._log(engine.step)
        self._is_pending = False
        is_best = self._watch.judge(engine.step, self.latest)
        self.calls_for_checkpoint = is_best or self._watch.is_over
        self._tell(engine.step, is_best=is_best)
        return self.latest

    def state(self) -> dict[str, Any]:
        """See base class."""
        pending = {_PENDING: True} if self._is_pending else {}
        carried = {**self._watch.state(), **pending}
        return {checkpoints.EVALUATIONS: carried} if carried else {}

    def _log(self, step: int) -> None:
        """Logs the scores; once, although a pending one may have been logged before."""
        log = self._record.log_result if self._is_pending else self._record.log
        log(step, self.latest)

    def _tell(self, step: int, *, is_best: bool) -> None:
        scores = "  ".join(f"{name} {value:.4g}" for name, value in self.latest.items())
        _log.info("Step %d: %s%s", step, scores, "  (best)" if is_best else "")
        if self.is_over:
            _log.info("Training ends after step %d: %s.", step, self._watch.summary())


def is_pending(state: Mapping[str, Any]) -> bool:
    """Whether a checkpoint's evaluation is still to be done, by what it carries."""
    return bool(state.get(_PENDING, False))


def scores_of_chief(
    placement: Placement, scores: Mapping[str, float]
) -> Mapping[str, float]:
    """Gives all processes of a run the scores of the chief, to decide alike by them.

    Args:
        placement: Of the run; every process must call, with the same names.
        scores: What this process has measured.
    """
    if placement.processes == 1:
        return scores
    row = [placement.is_chief, *_words(list(scores.values()))]
    of_all = gather(placement, row)
    chief = next(words for is_chief, *words in of_all if is_chief)
    return dict(zip(scores, _numbers(chief), strict=True))


def _words(numbers: Sequence[float]) -> list[int]:
    """Each number as four words of 16 bits, which processes can tell each other."""
    words = np.array(numbers, ">f8").view(">u2")
    return [int(word) for word in words]


def _numbers(words: Sequence[int]) -> list[float]:
    numbers = np.array(words, ">u2").view(">f8")
    return [float(number) for number in numbers]


class _AskedToStop(Exception):  # noqa: N818 - it is no error
    """The run was asked to stop amid an evaluation."""


class _Interruptible:
    """Predicts until the run is asked to stop."""

    def __init__(self, engine: Engine, pace: Pace) -> None:
        self._engine = engine
        self._pace = pace

    def predict(self, arrays: Arrays) -> dict[str, np.ndarray]:
        if self._pace.is_to_leave():
            raise _AskedToStop
        return self._engine.predict(arrays)
