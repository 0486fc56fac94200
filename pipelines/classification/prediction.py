"""A classifier on the test split: test_results.tsv and predictions.tsv."""

from __future__ import annotations

import logging

import numpy as np

from pipelines.classification import evaluation
from pipelines.classification.outputs import Outputs
from pipelines.classification.splits import Split
from pipelines.reports import report
from processors.batches.token_dataset import UNLABELLED
from runtime import storage
from runtime.training.training import RunContext

_log = logging.getLogger(__name__)

_PREFIX = "test_"


def write(
    split: Split, outputs: Outputs, *, suffix: str, context: RunContext
) -> dict[str, float]:
    """Writes the predictions and, where the split is labelled, the reports on it.

    Args:
        split: The test split.
        outputs: What the model says of it.
        suffix: What the files are told from those of other test sets by.
        context: Where the run writes.

    Returns:
        The scores; none where the split is not labelled.
    """
    path = context.path(f"predictions{suffix}.tsv")
    report.write_test_results(
        context.path(f"test_results{suffix}.tsv"), outputs.probabilities
    )
    report.write_labels(context.path(f"labels{suffix}.txt"), split.labels)
    report.write_predictions(
        path,
        examples=split.examples,
        predicted=outputs.predicted,
        probabilities=outputs.probabilities,
        labels=split.labels,
    )
    _log.info("***** Predict results *****")
    scores: dict[str, float] = {}
    if (split.dataset.label_ids != UNLABELLED).all():
        evaluation.write_reports(
            split, outputs, context=context, prefix=_PREFIX, suffix=suffix
        )
        scores["test_accuracy"] = evaluation.accuracy(split, outputs)
        _log.info("  test_accuracy = %s", np.float32(scores["test_accuracy"]))
    else:
        _delete_reports(suffix=suffix, context=context)
    _log.info("Predictions: %s", path)
    return scores


def _delete_reports(*, suffix: str, context: RunContext) -> None:
    """Deletes those on an earlier test set, which the predictions are not of."""
    for path, _ in evaluation.report_files(context, prefix=_PREFIX, suffix=suffix):
        if storage.exists(path):
            storage.delete(path)
