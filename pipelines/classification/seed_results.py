"""What the run of one seed of several has come to, kept in its folder."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pipelines.classification import rows
from pipelines.classification.preparation import TaskJob
from runtime import storage
from runtime.checkpoints import checkpoints
from runtime.files import json_file

if TYPE_CHECKING:
    from pipelines.classification.run import Results

RESULT_FILE = "result.json"

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
    """

    seed: int
    scores: Mapping[str, float]
    accuracies: Mapping[str, Mapping[str, float]]


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
    }
    json_file.write_object(storage.join(job.output_dir, RESULT_FILE), content)
    return SeedResult(
        seed=job.settings.seed, scores=scores, accuracies=results.accuracies
    )


def _goes_on(job: TaskJob) -> bool:
    """Whether the job has the newest checkpoint: it may be damaged, or not wanted."""
    steps = checkpoints.list_steps(job.checkpoint_dir)
    return job.restored is not None and job.restored.step == max(steps, default=0)


def _asked(job: TaskJob) -> dict[str, Any]:
    """What a result is the answer to, as JSON values."""
    settings = job.settings.as_json()
    newest = checkpoints.latest(job.checkpoint_dir)
    question = {
        "settings": {n: settings[n] for n in settings if n not in _NOT_ASKED},
        "examples": {n: rows.checksum(s.examples) for n, s in job.splits.items()},
        "weights": newest and checkpoints.weights_digest(newest),
    }
    return json.loads(json.dumps(question))
