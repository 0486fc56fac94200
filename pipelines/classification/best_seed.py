"""Which run of several seeds answers where the folder of all of them is named."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from pipelines.classification.score_names import SCORES
from pipelines.classification.seed_results import RESULT_FILE, SCORES_FILE
from processors.labels import targets
from processors.labels.targets import Targets
from runtime import storage
from runtime.files import json_file
from runtime.training import run_record
from runtime.training.evaluation_settings import Better

_FIRST = {
    Targets.LABEL: "eval_accuracy",
    Targets.LABELS: "eval_micro_f1",
    Targets.NUMBER: "eval_pearson",
}
"""What the runs are compared by where they watched no score of their own."""

_log = logging.getLogger(__name__)


def folder_meant(path: str) -> str:
    """The run that a path names: of several seeds the one with the best dev score.

    Args:
        path: A run's folder, or that of `--seeds`; anything else is left alone.

    Returns:
        The path, or the best run's below it; of equal ones the first.
    """
    if not storage.exists(storage.join(path, SCORES_FILE)):
        return path
    results = {run: found for run in _runs(path) if (found := _scores(run))}
    if not results:
        return path
    name, better = _compared_by(next(iter(results)))
    ranked = {run: found[name] for run, found in results.items() if name in found}
    if not ranked:
        return path
    best = _best(ranked, better)
    _log.info(
        "%s holds %d runs: %s answers, whose %s of %.4g is the best.",
        path,
        len(results),
        storage.basename(best),
        name,
        ranked[best],
    )
    return best


def _runs(path: str) -> list[str]:
    names = sorted(name for name in storage.list_dir(path) if name.startswith("seed-"))
    return [storage.join(path, name) for name in names]


def _scores(run: str) -> Mapping[str, float]:
    """Those of a run that is done; empty where it is not."""
    result = storage.join(run, RESULT_FILE)
    if not storage.exists(result):
        return {}
    scores: Mapping[str, float] = json_file.read_object(result)["scores"]
    return scores


def _compared_by(run: str) -> tuple[str, Better]:
    """The score that a run watched, or the first of its kind; which is better."""
    settings: Mapping[str, Any] = run_record.read(run)
    kind = targets.of_settings(settings) or Targets.LABEL
    name = settings.get("best_by") or _FIRST[kind]
    return name, SCORES[kind].get(name, Better.LARGER)


def _best(ranked: Mapping[str, float], better: Better) -> str:
    sign = -1 if better is Better.LARGER else 1
    return min(ranked, key=lambda run: sign * ranked[run])
