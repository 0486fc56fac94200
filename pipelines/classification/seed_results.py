"""What the run of one seed of several has come to, kept in its folder."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pipelines.classification.preparation import TaskJob
from processors.example import checksum
from runtime import storage
from runtime.checkpoints import checkpoints
from runtime.files import json_file

if TYPE_CHECKING:
    from pipelines.classification.run import Results

RESULT_FILE = "result.json"

SCORES_FILE = "seeds.txt"
"""Beside the folders of all seeds: the scores of each, and their means."""

# Where the files lie and how a run goes on: results are the same whatever they say.
_NOT_ASKED = ("output_dir", "resume", "accept_changed")


@dataclasses.dataclass(frozen=True, kw_only=True)
class SeedResult:
    """What the run of one seed has come to.

    Attributes:
        seed: Its seed.
        scores: On dev, and the accuracy on a test split with labels.
        accuracies: Classifier to split to accuracy, the run's own last; empty where
            nothing was compared.
        measure: What these numbers are called.
    """

    seed: int
    scores: Mapping[str, float]
    accuracies: Mapping[str, Mapping[str, float]]
    measure: str


def read(job: TaskJob) -> SeedResult | None:
    """The result of a run that has nothing left to do, else None.

    Args:
        job: The run; asked for with other settings, of other examples or of other
            weights, its result would be another.

    Raises:
        DataError: What lies in the file's place is no JSON object.
    """
    path = storage.join(job.output_dir, RESULT_FILE)
    if not _goes_on(job) or not storage.exists(path):
        return None
    content = json_file.read_object(path)
    if content.get("asked") != _asked(job):
        return None
    return SeedResult(
        seed=job.settings.seed,
        scores=content["scores"],
        accuracies=dict(content["accuracies"]),
        measure=content["measure"],
    )


def keep(job: TaskJob, results: Results) -> SeedResult:
    """Writes the result of a run that is done into its folder, and returns it.

    Args:
        job: The run.
        results: What came of it.
    """
    scores = {
        name: value
        for name, value in results.scores.items()
        if name.startswith(("eval_", "test_"))
    }
    content = {
        "asked": _asked(job),
        "scores": scores,
        "accuracies": list(results.accuracies.items()),  # in their order
        "measure": results.answers.agreement_name,
    }
    json_file.write_object(storage.join(job.output_dir, RESULT_FILE), content)
    return SeedResult(
        seed=job.settings.seed,
        scores=scores,
        accuracies=results.accuracies,
        measure=results.answers.agreement_name,
    )


def _goes_on(job: TaskJob) -> bool:
    """Whether the job has the checkpoint to use: it may be damaged, or not wanted."""
    if job.restored is None:
        return False
    best = None if job.settings.trains else checkpoints.best(job.checkpoint_dir)
    steps = checkpoints.list_steps(job.checkpoint_dir)
    return job.restored.step == (best.step if best else max(steps, default=0))


def _checkpoint(job: TaskJob) -> str | None:
    """The folder of the checkpoint that the job goes on from or is measured by."""
    if job.settings.trains:
        return checkpoints.latest(job.checkpoint_dir)
    return checkpoints.chosen(job.checkpoint_dir)


def _asked(job: TaskJob) -> dict[str, Any]:
    """What a result is the answer to, as JSON values."""
    settings, folder = job.settings.as_json(), _checkpoint(job)
    question = {
        "settings": {n: settings[n] for n in settings if n not in _NOT_ASKED},
        "examples": {n: checksum(s.examples) for n, s in job.splits.items()},
        "weights": folder and checkpoints.weights_digest(folder),
    }
    return json.loads(json.dumps(question))
