"""From which probability on a label is a text's, where a text may have several."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from pipelines.classification.preparation import TaskJob
from pipelines.classification.scores import THRESHOLD
from runtime import storage
from runtime.errors import SettingsError
from runtime.files import json_file
from runtime.training.training import RunContext

FILE = "thresholds.json"
"""In a run's folder: label to threshold, as they were chosen by its dev split."""

BEST = "best"
"""The value of --threshold with which they are chosen so."""


def of_job(job: TaskJob) -> np.ndarray:
    """The thresholds of a run as it starts.

    Args:
        job: The run.

    Returns:
        float64 `[labels]`: the one that was asked for; where those are chosen by the
        dev split, those of an earlier evaluation of the run or of the one whose weights
        it takes.

    Raises:
        SettingsError: They were never chosen, and are not to be now; or they are of
            other labels.
    """
    settings = job.settings
    if settings.tunes_thresholds and settings.do_eval:
        return np.full(len(job.labels), THRESHOLD)
    return of_run(
        settings.threshold,
        labels=job.labels,
        folders=[job.output_dir, settings.init_checkpoint],
    )


def of_run(
    said: str, *, labels: Sequence[str], folders: Iterable[str | None]
) -> np.ndarray:
    """The thresholds of a run that was trained.

    Args:
        said: Its --threshold.
        labels: Its labels.
        folders: Where those may lie that were chosen by the dev split.

    Raises:
        SettingsError: They were never chosen, or they are of other labels.
    """
    if said != BEST:
        return np.full(len(labels), float(said))
    for folder in folders:
        if folder and storage.exists(path := storage.join(folder, FILE)):
            return _read(path, labels=labels)
    raise SettingsError(
        "--threshold=best is chosen by the dev split, and no evaluation has done so: "
        "add --do_eval, or name a number."
    )


def _read(path: str, *, labels: Sequence[str]) -> np.ndarray:
    found = json_file.read_object(path)
    if set(found) != set(labels) or not all(map(_is_threshold, found.values())):
        raise SettingsError(
            f"{path}: expected a number above 0 and below 1 for each of"
            f" {', '.join(labels)}; got {found!r:.200}. Evaluate again: --do_eval."
        )
    return np.array([found[label] for label in labels])


def _is_threshold(value: object) -> bool:
    return isinstance(value, float) and 0 < value < 1


def write(context: RunContext, *, labels: Sequence[str], found: np.ndarray) -> None:
    """Writes the thresholds into a run's folder.

    Args:
        context: Where the run writes.
        labels: The task's labels.
        found: float64 `[labels]`.
    """
    content = dict(zip(labels, found.tolist(), strict=True))
    json_file.write_object(context.path(FILE), content)
