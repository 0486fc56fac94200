"""Pretrained beside random starts, at several amounts of labelled data.

`runtime.devices.placement.place` must have run before this is imported, because Keras
takes its backend at import.
"""

from __future__ import annotations

import itertools
import json
import logging

from lstm_pretrain.classifier.preparation import prepare as prepare_classifier
from lstm_pretrain.experiment import cell_workers, figures, summary
from lstm_pretrain.experiment.cells import Cell, Result, Results, Start
from lstm_pretrain.experiment.preparation import ExperimentJob
from lstm_pretrain.experiment.settings import ExperimentSettings
from lstm_pretrain.language_model import run as pretrain
from lstm_pretrain.language_model.preparation import prepare as prepare_language_model
from pipelines.classification import data_check
from pipelines.classification.splits import Split
from processors.batches.token_dataset import UNLABELLED
from runtime import storage
from runtime.devices.placement import Placement
from runtime.errors import DataError, SettingsError
from runtime.training import run_lock

_log = logging.getLogger(__name__)

_MAY_CHANGE = (
    *("train_sizes", "seeds", "workers"),
    *("accelerator", "steps_per_call", "output_dir"),
)


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
    _refuse_unlabelled(job.splits["test"])
    results = Results(storage.join(output_dir, "results.jsonl"))
    cells = _cells(experiment)
    computed = cell_workers.train(
        results.missing(cells), job=job, placement=placement, workers=settings.workers
    )
    for result in computed:
        results.add(result)
        _log.info("%s", result.describe())
    _report(
        [result for result in results.read() if result.cell in cells],
        folder=output_dir,
        test_examples=len(job.splits["test"].dataset),
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
        if name not in _MAY_CHANGE and there.get(name) != value
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


def _report(results: list[Result], *, folder: str, test_examples: int) -> None:
    page = summary.text(results, test_examples=test_examples)
    storage.write_text(storage.join(folder, "summary.txt"), page)
    figures.plot_learning_curve(storage.join(folder, "learning_curve.png"), results)
    figures.plot_data_size_curve(storage.join(folder, "data_size_curve.png"), results)
    _log.info("%s", page)
