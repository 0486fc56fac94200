"""Train a language model, then measure it, whatever its model.

A pipeline subclasses `LanguageModelRun` and says how its model is built, what it starts
from, and what an update and an evaluation read.
"""

from __future__ import annotations

import abc
import logging
from collections.abc import Mapping
from typing import Any

from pipelines.reports import plots, report
from runtime.engine.engine import Engine, EngineState
from runtime.training import untrained
from runtime.training.job import Job
from runtime.training.training import Initial, RunContext, Training

_log = logging.getLogger(__name__)


class LanguageModelRun(abc.ABC):
    """One run: its job, where it runs and, once it is built, its model.

    Args:
        job: What to do; its settings have `do_train` and `do_eval`.
        context: Where.
    """

    def __init__(self, job: Job, *, context: RunContext) -> None:
        self._job = job
        self._settings: Any = job.settings
        self._context = context
        self._training = Training(job, context=context)
        self._engine: Engine | None = None
        self._steps_elsewhere = 0

    # -- what a pipeline says of its model and its data -------------------------------

    @abc.abstractmethod
    def build(self, *, total: int) -> Engine:
        """Builds the model with random weights.

        Args:
            total: Updates of the whole run; 0 where the engine is only to predict.

        Returns:
            Its engine.
        """

    @abc.abstractmethod
    def initialise(self, made: Engine) -> Initial:
        """Loads the weights that the settings name to start from, if they name any.

        Args:
            made: From `build`.

        Returns:
            What stayed random, and of what step the rest is.
        """

    @abc.abstractmethod
    def train(self) -> None:
        """Trains to the last step and leaves checkpoints and a learning curve.

        Raises:
            SettingsError: The folder is another run's.
        """

    @abc.abstractmethod
    def evaluate(self) -> None:
        """Writes eval_results.txt."""

    # -- the work ---------------------------------------------------------------------

    def carry_out(self) -> None:
        """Does what the settings ask for: train, then evaluate."""
        if self._settings.do_train:
            self.train()
        if self._settings.do_eval:
            self.evaluate()

    def _start(self) -> Engine:
        """The model to train: the newest checkpoint's, else as it starts."""
        made = self._engine = self.build(total=self._job.total_steps)
        if not self._training.restore(made):
            self.initialise(made)
        return made

    def _trained(self) -> Engine:
        """The model to evaluate: this run's, else the newest checkpoint's.

        Raises:
            CheckpointError: The weights lack a head.
        """
        if self._engine is None:
            self._engine = self.build(total=0)
            restored = self._job.restored
            if restored is not None:
                self._engine.load_state(
                    EngineState(restored.step, restored.weights, slots={})
                )
                restored.close()
            else:
                initial = self.initialise(self._engine)
                untrained.refuse(
                    initial.missing,
                    path=self._settings.init_checkpoint,
                    work="scores",
                    advice="Train first, or name weights that have them.",
                )
                self._steps_elsewhere = initial.step
        return self._engine

    @property
    def _step(self) -> int:
        """Updates that the weights are the outcome of, this run's or another's."""
        return self._trained().step + self._steps_elsewhere

    def _report(
        self, results: Mapping[str, float], *, logged: Mapping[str, float]
    ) -> None:
        """Writes the results of an evaluation.

        Args:
            results: Name to value, as eval_results.txt has them.
            logged: As the metrics and the learning curve have them.
        """
        report.write_eval_results(self._context.path("eval_results.txt"), results)
        self._context.record.log_result(self._step, logged)
        self._plot()
        _log.info("***** Eval results *****")
        for name in sorted(results):
            _log.info("  %s = %s", name, results[name])

    def _plot(self) -> None:
        plots.plot_learning_curve(
            self._context.path("learning_curve.png"), self._context.record.metrics()
        )
