"""Pretrained beside random starts, at several amounts of labelled data.

`runtime.devices.placement.place` must have run before this is imported, because Keras
takes its backend at import.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import json
import logging
import time
from collections.abc import Mapping

import numpy as np

from lstm_pretrain.classifier import run as finetune
from lstm_pretrain.classifier.preparation import ClassifierJob
from lstm_pretrain.classifier.preparation import prepare as prepare_classifier
from lstm_pretrain.experiment import figures, summary
from lstm_pretrain.experiment.cells import Cell, Result, Results, Start, draw
from lstm_pretrain.experiment.preparation import ExperimentJob
from lstm_pretrain.experiment.settings import ExperimentSettings
from lstm_pretrain.language_model import run as pretrain
from lstm_pretrain.language_model.preparation import prepare as prepare_language_model
from pipelines.classification import answers, data_check, outputs
from pipelines.classification.splits import Split
from processors.batches.batches import stack
from processors.batches.token_dataset import UNLABELLED
from runtime import storage
from runtime.devices.placement import Placement
from runtime.engine.engine import Engine, EngineState
from runtime.errors import DataError, SettingsError, TrainingError
from runtime.training import run_lock
from runtime.training.model import build_engine

_log = logging.getLogger(__name__)

_MAY_GROW = ("train_sizes", "seeds", "accelerator", "steps_per_call", "output_dir")


def run(experiment: ExperimentJob, *, placement: Placement) -> None:
    """Trains the language model and all cells that are not done, and reports.

    Args:
        experiment: From `lstm_pretrain.experiment.preparation.prepare`.
        placement: From `runtime.devices.placement.place`.

    Raises:
        SettingsError: The output directory holds another experiment.
        DataError: A split cannot be read.
        TrainingError: A loss is not finite.
        StorageError: Another process works on the same experiment.
    """
    if placement.processes > 1:
        raise SettingsError(
            f"The experiment runs in one process, not in {placement.processes}; for "
            "speed give each some of the seeds in a folder of its own."
        )
    with run_lock.hold(str(experiment.settings.output_dir)):
        _run(experiment, placement=placement)


def _run(experiment: ExperimentJob, *, placement: Placement) -> None:
    settings, output_dir = experiment.settings, str(experiment.settings.output_dir)
    _claim(settings, path=storage.join(output_dir, "experiment.json"))
    model_dir = _train_language_models(settings, placement=placement)
    job = prepare_classifier(settings.classifier(init_checkpoint=model_dir))
    data_check.write_report(job, folder=job.output_dir)
    read = job.splits
    _refuse_unlabelled(read["test"])
    results = Results(storage.join(output_dir, "results.jsonl"))
    cells = _cells(experiment)
    results.complete(
        cells, functools.partial(_compute, job=job, read=read, placement=placement)
    )
    _report(
        [result for result in results.read() if result.cell in cells],
        folder=output_dir,
        test_examples=len(read["test"].dataset),
    )


def _cells(experiment: ExperimentJob) -> list[Cell]:
    """All that are wanted, each once."""
    wanted = [
        Cell(size.examples, seed, start)
        for size in experiment.sizes
        for seed, start in itertools.product(range(size.seeds), Start)
    ]
    return list(dict.fromkeys(wanted))


def _refuse_unlabelled(test: Split) -> None:
    """Keeps accuracies from being measured on what has no labels.

    Raises:
        DataError: A test example has none, or only a placeholder.
    """
    if (test.dataset.label_ids == UNLABELLED).any():
        raise DataError(
            "The experiment measures accuracy on the test split, which is not labelled."
            f" {' '.join(test.remarks)}".rstrip()
        )


def _claim(settings: ExperimentSettings, *, path: str) -> None:
    """Refuses the folder of another experiment, else records this one.

    Raises:
        SettingsError: Names what differs, with both values.
    """
    here = json.loads(json.dumps(settings.as_json()))
    there = json.loads(storage.read_text(path)) if storage.exists(path) else here
    problems = [
        f"{name}: {there.get(name)} there, {value} here."
        for name, value in here.items()
        if name not in _MAY_GROW and there.get(name) != value
    ]
    if problems:
        raise SettingsError(
            f"{settings.output_dir} holds another experiment. Choose another "
            "--output_dir, or pass that one's values:",
            *problems,
        )
    storage.write_text(path, json.dumps(here, indent=2, ensure_ascii=False) + "\n")


def _train_language_models(
    settings: ExperimentSettings, *, placement: Placement
) -> str:
    """Trains what is not trained yet; returns the folder of the last stage."""
    folder = ""
    for stage in (settings.language_model(), settings.tuning()):
        if stage is None:
            continue
        folder = str(stage.output_dir)
        if storage.exists(storage.join(folder, "eval_results.txt")):
            _log.info("%s is trained.", folder)
            continue
        pretrain.run(prepare_language_model(stage), placement=placement)
    return folder


def _compute(
    cell: Cell, *, job: ClassifierJob, read: Mapping[str, Split], placement: Placement
) -> Result:
    """Trains and tests one classifier."""
    started = time.monotonic()
    settings = dataclasses.replace(job.settings, seed=cell.seed)
    job = dataclasses.replace(job, settings=settings)
    split = draw(read["train"], count=cell.size, seed=cell.seed)
    total = settings.num_train_steps(len(split.dataset))
    classifier = finetune.classifier_of(job, placement=placement)
    engine = build_engine(classifier, settings, total=total, placement=placement)
    if cell.start is Start.PRETRAINED:
        classifier.initialise(engine)
    course = _Course(job, engine=engine, placement=placement, dev=read["dev"])
    course.train(split, total=total)
    last = course.accuracy(read["test"])
    engine.load_state(course.best)
    found = Result(
        cell=cell,
        train_losses=course.train_losses,
        dev_accuracies=course.dev_accuracies,
        dev_losses=course.dev_losses,
        test_accuracy=course.accuracy(read["test"]),
        last_test_accuracy=last,
        seconds=round(time.monotonic() - started, 1),
    )
    _log.info(
        "%d examples, seed %d, %s: test accuracy %.4f (last epoch %.4f), %.0f s",
        *(cell.size, cell.seed, cell.start.value),
        *(found.test_accuracy, found.last_test_accuracy, found.seconds),
    )
    return found


class _Course:
    """The epochs of one classifier.

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


def _report(results: list[Result], *, folder: str, test_examples: int) -> None:
    page = summary.text(results, test_examples=test_examples)
    storage.write_text(storage.join(folder, "summary.txt"), page)
    figures.plot_learning_curve(storage.join(folder, "learning_curve.png"), results)
    figures.plot_data_size_curve(storage.join(folder, "data_size_curve.png"), results)
    _log.info("%s", page)
