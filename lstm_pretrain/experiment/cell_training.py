"""One classifier of the experiment, trained and tested.

`runtime.devices.placement.place` must have run before this is imported, because Keras
takes its backend at import.
"""

from __future__ import annotations

import dataclasses
import time

import numpy as np

from lstm_pretrain.classifier import frozen
from lstm_pretrain.classifier import run as finetune
from lstm_pretrain.classifier.preparation import ClassifierJob
from lstm_pretrain.experiment.cells import Cell, Result, Start, draw
from lstm_pretrain.model.config import Trained
from pipelines.classification import answers, outputs
from pipelines.classification.splits import Split
from processors.batches.batches import stack
from runtime.devices.placement import Placement
from runtime.engine.engine import Engine, EngineState
from runtime.errors import TrainingError
from runtime.training.model import Model, build_engine


def train(cell: Cell, *, job: ClassifierJob, placement: Placement) -> Result:
    """Trains and tests the classifier of a cell.

    Args:
        cell: Which.
        job: What all classifiers of the experiment have in common.
        placement: From `runtime.devices.placement.place`.

    Raises:
        TrainingError: The loss is not finite.
    """
    started = time.monotonic()
    is_pretrained = cell.start is Start.PRETRAINED
    settings = dataclasses.replace(
        job.settings,
        seed=cell.seed,
        train=job.settings.train if is_pretrained else Trained.FULL,
    )
    job = dataclasses.replace(job, settings=settings)
    split = draw(job.splits["train"], count=cell.size, seed=cell.seed)
    total = settings.num_train_steps(len(split.dataset))
    classifier = finetune.classifier_of(job, placement=placement)
    engine = build_engine(classifier, settings, total=total, placement=placement)
    if is_pretrained:
        classifier.initialise(engine)
    course = _Course(job, engine=engine, placement=placement, dev=job.splits["dev"])
    if settings.train is Trained.HEAD:
        course.fit_head(split, classifier=classifier)
    else:
        course.train(split, total=total)
    last = course.accuracy(job.splits["test"])
    engine.load_state(course.best)
    return Result(
        cell=cell,
        train_losses=course.train_losses,
        dev_accuracies=course.dev_accuracies,
        dev_losses=course.dev_losses,
        test_accuracy=course.accuracy(job.splits["test"]),
        last_test_accuracy=last,
        seconds=round(time.monotonic() - started, 1),
    )


class _Course:
    """The epochs of one classifier; one alone, where its head is fitted at once.

    Attributes:
        train_losses: Mean loss of each epoch.
        dev_accuracies: After each epoch.
        dev_losses: After each epoch.
        best: Weights after the epoch of the highest dev accuracy, the first of equals.
    """

    def __init__(
        self, job: ClassifierJob, *, engine: Engine, placement: Placement, dev: Split
    ) -> None:
        self._settings = job.settings
        self._answers = answers.of_job(job)
        self._engine = engine
        self._placement = placement
        self._dev = dev
        self.train_losses: list[float] = []
        self.dev_accuracies: list[float] = []
        self.dev_losses: list[float] = []
        self.best = EngineState(0, {}, {})

    def train(self, split: Split, *, total: int) -> None:
        """Trains for all epochs and looks at dev after each."""
        epochs = max(round(self._settings.num_train_epochs), 1)
        stops = {round(total * epoch / epochs) for epoch in range(1, epochs + 1)}
        settings = self._settings
        batches = settings.train_order(
            split.dataset,
            shape=settings.train_shape(self._placement),
            seed=settings.seed,
        )
        for stop in sorted(stops - {0}):  # of few examples an epoch is no update
            losses = []
            while self._engine.step < stop:
                first = self._engine.step
                last = min(first + settings.updates_per_call, stop)
                several = [batches.batch(step) for step in range(first, last)]
                losses += self._update(stack(several))
            self._look(float(np.mean(losses)))

    def fit_head(self, split: Split, *, classifier: Model) -> None:
        """Fits the head to an LSTM that stays as it is."""
        frozen.fit_head(
            self._engine,
            split,
            classifier=classifier,
            settings=self._settings,
            placement=self._placement,
        )
        self._look(self._measure(split)[1])

    def accuracy(self, split: Split) -> float:
        """Share of a split's examples that are told right."""
        return self._measure(split)[0]

    def _update(self, arrays: dict[str, np.ndarray]) -> list[float]:
        report = self._engine.train(arrays)
        if not report.finite.all():
            raise TrainingError(
                f"The loss is not finite by update {self._engine.step}: lower "
                "--learning_rate. The cells that are done stay in results.jsonl."
            )
        return [float(loss) for loss in report.losses]

    def _look(self, train_loss: float) -> None:
        accuracy, loss = self._measure(self._dev)
        if accuracy > max(self.dev_accuracies, default=-1.0):
            state = self._engine.state()
            self.best = EngineState(state.step, state.weights, {})
        self.train_losses.append(train_loss)
        self.dev_accuracies.append(accuracy)
        self.dev_losses.append(loss)

    def _measure(self, split: Split) -> tuple[float, float]:
        shape = self._settings.batch_shape(
            self._placement, batch=self._settings.eval_batch_size
        )
        found = outputs.compute(
            self._engine, split, losses_of=self._answers.losses, shape=shape
        )
        accuracy = self._answers.agreement(
            self._answers.gold(split), self._answers.predicted(found)
        )
        return accuracy, float(np.mean(found.losses))
