"""A classifier on the test split: test_results.tsv and predictions.tsv."""

from __future__ import annotations

import logging

from pipelines.classification.answers import Answers
from pipelines.classification.outputs import Outputs
from pipelines.classification.splits import Split
from pipelines.reports import report
from processors.batches.token_dataset import UNLABELLED
from runtime import storage
from runtime.training.training import RunContext

_log = logging.getLogger(__name__)


def write(
    split: Split,
    outputs: Outputs,
    *,
    answers: Answers,
    suffix: str,
    context: RunContext,
) -> dict[str, float]:
    """Writes the predictions and, where the split is labelled, the reports on it.

    Args:
        split: The test split.
        outputs: What the model says of it.
        answers: What that means.
        suffix: What the files are told from those of other test sets by.
        context: Where the run writes.

    Returns:
        The scores, as `test_accuracy`; none where the split is not labelled.
    """
    path = context.path(f"predictions{suffix}.tsv")
    report.write_test_results(
        context.path(f"test_results{suffix}.tsv"), answers.values(outputs)
    )
    report.write_labels(context.path(f"labels{suffix}.txt"), split.labels)
    answers.write_predictions(path, split, outputs)
    _log.info("***** Predict results *****")
    scores = {}
    if (split.dataset.label_ids != UNLABELLED).all():
        scores = {
            name.replace("eval_", "test_"): value
            for name, value in answers.scores(split, outputs).items()
        }
        for name, value in scores.items():
            _log.info("  %s = %s", name, report.result_text(value))
        for name, write_report in answers.reports.items():
            write_report(_report_path(name, suffix, context), split, outputs)
    else:
        _delete_reports(answers, suffix=suffix, context=context)
    _log.info("Predictions: %s", path)
    return {name: float(value) for name, value in scores.items()}


def _delete_reports(answers: Answers, *, suffix: str, context: RunContext) -> None:
    """Deletes those on an earlier test set, which the predictions are not of."""
    for name in answers.reports:
        path = _report_path(name, suffix, context)
        if storage.exists(path):
            storage.delete(path)


def _report_path(name: str, suffix: str, context: RunContext) -> str:
    stem, _, ending = name.rpartition(".")
    return context.path(f"test_{stem}{suffix}.{ending}")
