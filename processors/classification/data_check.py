"""What a run finds out about its data before it learns from them."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from processors import labels as label_names
from processors.base import SPLITS
from processors.classification.preparation import TaskJob
from processors.classification.splits import Split
from processors.data_report import DataReport, SplitData
from runtime import storage
from runtime.errors import DataError, SettingsError

FILE = "data_report.txt"

_log = logging.getLogger(__name__)


def check(job: TaskJob, read: Mapping[str, Split], *, folder: str) -> None:
    """Writes the report on a run's data, and refuses data that prove nothing.

    A run that only evaluates or predicts has not read the training examples; they are
    read here where the task has them, though not tokenised.

    Args:
        job: The run.
        read: The splits that it has read.
        folder: Where the report goes.

    Raises:
        DataError: More copies of training examples than `--max_leakage` allows.
        SettingsError: `--max_leakage` was given, and there are no training examples.
    """
    data = {
        name: SplitData(split.examples, split.tokens) for name, split in read.items()
    }
    labels = next(iter(read.values())).labels
    remarks = [remark for split in read.values() for remark in split.remarks]
    remarks += label_names.remarks(labels)
    notes = [*_how_dealt(job), *_add_training_examples(job, data), *remarks]
    report = DataReport(
        {name: data[name] for name in SPLITS if name in data},
        labels=labels,
        max_seq_length=job.settings.max_seq_length,
        notes=notes,
    )
    for remark in remarks:
        _log.warning("%s", remark)
    path = storage.join(folder, FILE)
    storage.write_text(path, report.text())
    _log.info("Data: %s", path)
    if job.settings.max_leakage is not None:
        report.refuse_leakage(job.settings.max_leakage, path=path)


def _add_training_examples(job: TaskJob, data: dict[str, SplitData]) -> list[str]:
    """Adds them to `data` where they can be read; returns why they could not."""
    if "train" in data:
        return []
    try:
        with job.processor.sifting(job.settings.on_bad_row, rejects_path=None):
            examples = job.processor.get_train_examples(job.data_dir)
    except (OSError, SettingsError, DataError) as error:
        return [f"The training examples could not be read: {error}"]
    data["train"] = SplitData(examples)
    return []


def _how_dealt(job: TaskJob) -> list[str]:
    plan = job.settings.split_plan()
    if plan is None:
        return []
    return [
        f"Dealt from the training examples by {plan}; examples of one group stay"
        " together, or without groups those of equal texts, in either order of a pair."
        " Guids are those of the"
        " training examples."
    ]
