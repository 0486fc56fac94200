"""What a run finds out about its data before a framework loads.

All that can be wrong with them is found here; nothing is written before it is known to
be right, and the run to have its folder for itself.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np

from pipelines.classification import class_weights, label_check, records_of_run
from pipelines.classification.preparation import TaskJob
from pipelines.classification.splits import Split
from processors.base import SPLITS
from processors.batches.windows import window_counts
from processors.data_check.report import DataReport, SplitData, report_file
from processors.example import InputExample
from processors.labels import label_names
from processors.records import store
from runtime import storage
from runtime.errors import DataError, SettingsError
from runtime.training import run_lock
from runtime.training.job import refuse_other_run

_Job = TypeVar("_Job", bound=TaskJob)

_log = logging.getLogger(__name__)


def tokenised(job: _Job) -> _Job:
    """Reads and tokenises the splits of the work ahead.

    Args:
        job: The run.

    Returns:
        The same with its splits.

    Raises:
        SettingsError: The output directory holds another run, or no update would be
            done.
        DataError: A row cannot be used, or there are too few.
    """
    examples = {name: job.examples(name) for name in job.settings.splits_ahead()}
    refuse_other_run(job)  # before the longer work
    records_of_run.refuse_none_named(job)
    found = {name: _tokenise(job, name, rows) for name, rows in examples.items()}
    for name, split in found.items():
        path = records_of_run.own_path(job, name)
        shards = job.settings.record_shards
        store.refuse_too_few(len(split.dataset), shards=shards, path=path)
    job = dataclasses.replace(job, splits=found)
    if job.settings.trains and job.total_steps == 0:
        raise SettingsError(
            f"{len(found['train'].dataset)} training examples are fewer than "
            f"--train_batch_size={job.settings.train_batch_size} allows for "
            f"{job.settings.num_train_epochs} epochs: no update would be done."
        )
    return job


def _tokenise(job: TaskJob, name: str, rows: Sequence[InputExample]) -> Split:
    settled = label_check.settle(
        rows, split=name, labels=job.labels, settings=job.settings
    )
    split = records_of_run.split_of(job, name, settled.examples)
    return dataclasses.replace(split, remarks=settled.remarks)


def checked(job: _Job) -> _Job:
    """Tokenises the splits of a classifier's run and reports on them.

    A run that only evaluates or predicts has not read the training examples; they are
    read here where the task has them, though not tokenised.

    Args:
        job: The run.

    Returns:
        The same with its splits and the report on them.

    Raises:
        SettingsError: As `tokenised`; or `--max_leakage` was given, and there are no
            training examples; or `--class_weights` names a label that there is not.
        DataError: As `tokenised`; or a dev example has no label, or there are more
            copies of training examples than `--max_leakage` allows.
    """
    job = tokenised(job)
    class_weights.refuse_unknown(
        job.settings.class_weights,
        labels=job.labels,
        task=str(job.settings.task_name),
    )
    data = {
        name: SplitData(split.examples, split.tokens)
        for name, split in job.splits.items()
    }
    remarks = [remark for split in job.splits.values() for remark in split.remarks]
    remarks += label_names.remarks(job.labels)
    unread = _add_training_examples(job, data)
    remarks += _unmatched_labels(job, data)
    notes = [*how_dealt(job), *_how_cut(job), *unread, *remarks]
    report = DataReport(
        {name: data[name] for name in SPLITS if name in data},
        labels=job.labels,
        max_seq_length=job.settings.max_seq_length,
        has_texts=job.rows.processor.has_texts,
        notes=notes,
    )
    job = dataclasses.replace(job, report=report.text())
    for sentence in (*remarks, *report.copies_of_training()):
        _log.warning("%s", sentence)
    refuse_leakage(job, report)
    return job


def write_report(job: TaskJob, *, folder: str) -> None:
    """Writes the page on the data; one on an evaluation leaves a training's alone.

    Args:
        job: From `checked`.
        folder: The run's.
    """
    path = _report_path(job, folder)
    storage.write_text(path, job.report)
    _log.info("Data: %s", path)


def _report_path(job: TaskJob, folder: str) -> str:
    return storage.join(folder, report_file(trains=job.settings.trains))


def refuse_leakage(job: TaskJob, report: DataReport) -> None:
    """Refuses more copies of training examples than `--max_leakage` allows.

    Args:
        job: The run, which keeps its report where it is refused.
        report: What has found the copies.

    Raises:
        DataError: There are more.
        SettingsError: There are no training examples to compare with.
    """
    limit = job.settings.max_leakage
    if limit is None:
        return
    try:
        report.refuse_leakage(limit, path=_report_path(job, job.output_dir))
    except DataError:
        with run_lock.hold(job.output_dir):
            write_report(job, folder=job.output_dir)
        raise


def _add_training_examples(job: TaskJob, data: dict[str, SplitData]) -> list[str]:
    """Adds them to `data` where they can be read; returns why they could not."""
    if "train" in data or not job.rows.processor.has_texts:
        return []
    try:
        data["train"] = SplitData(job.rows.examples("train"))
    except (OSError, SettingsError, DataError) as error:
        return [f"The training examples could not be read: {error}"]
    return []


def _unmatched_labels(job: TaskJob, data: Mapping[str, SplitData]) -> list[str]:
    if not {"train", "dev"} <= set(data):
        return []
    train, dev = (data[name].examples for name in ("train", "dev"))
    return label_check.unmatched(train, dev, labels=job.labels)


def _how_cut(job: TaskJob) -> list[str]:
    """A sentence for each split on the windows that its texts are read in."""
    if not job.settings.in_windows:
        return []
    size = job.settings.max_seq_length
    found = {
        name: window_counts(split.dataset.lengths, max_seq_length=size)
        for name, split in job.splits.items()
    }
    return [
        f"Of the {len(counts)} {name} texts {np.sum(counts > 1)} are longer than"
        f" --max_seq_length={size} and are read in {counts[counts > 1].sum()} windows,"
        f" at most {counts.max()} a text."
        for name, counts in found.items()
    ]


def how_dealt(job: TaskJob) -> list[str]:
    """A sentence on how `--split` has dealt the examples; none where it has not.

    Args:
        job: The run.
    """
    plan = job.settings.split_plan()
    if plan is None:
        return []
    return [
        f"Dealt from the training examples by {plan}; examples of one group stay"
        " together, or without groups those of equal texts, in either order of a pair."
        " Guids are those of the"
        " training examples."
    ]
