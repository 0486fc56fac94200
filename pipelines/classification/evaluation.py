"""A classifier on labelled examples: eval_results.txt and the reports beside it."""

from __future__ import annotations

import logging
from collections.abc import Callable

import numpy as np

from pipelines.classification import scores
from pipelines.classification.outputs import Outputs
from pipelines.classification.splits import Split
from pipelines.reports import plots, report
from runtime.training.training import RunContext

_log = logging.getLogger(__name__)

_REPORTS: tuple[tuple[str, str, Callable[..., None]], ...] = (
    ("classification_report", ".txt", report.write_classification_report),
    ("confusion_matrix", ".txt", report.write_confusion_matrix),
    ("confusion_matrix", ".png", plots.plot_confusion_matrix),
)
"""Name, ending and author of each report on a labelled split."""


def write(
    split: Split, outputs: Outputs, *, step: int, context: RunContext
) -> dict[str, float]:
    """Writes eval_results.txt and the reports on the dev split.

    Args:
        split: The dev split.
        outputs: What the model says of it.
        step: Updates that the model is the outcome of.
        context: Where the run writes.

    Returns:
        The scores, as eval_results.txt has them.
    """
    found = scores_of(split, outputs)
    results = {
        **found,
        "global_step": step,
        "loss": np.mean(outputs.batch_losses),
    }
    report.write_eval_results(context.path("eval_results.txt"), results)
    write_reports(split, outputs, context=context)
    context.record.log_result(step, found)
    plots.plot_course(context)
    _log.info("***** Eval results *****")
    for name in sorted(results):
        _log.info("  %s = %s", name, results[name])
    _log.info("Reports: %s", context.path("classification_report.txt"))
    return {name: float(value) for name, value in results.items()}


def scores_of(split: Split, outputs: Outputs) -> dict[str, float]:
    """The scores of a labelled split, those that say most first.

    Args:
        split: The examples.
        outputs: What the model says of them.
    """
    return scores.of_labels(
        gold=split.dataset.label_ids,
        predicted=outputs.predicted,
        losses=outputs.losses,
        num_labels=len(split.labels),
    )


def accuracy(split: Split, outputs: Outputs) -> float:
    """Share of a split's examples that are told right."""
    return float(np.mean(outputs.predicted == split.dataset.label_ids))


def write_reports(
    split: Split,
    outputs: Outputs,
    *,
    context: RunContext,
    prefix: str = "",
    suffix: str = "",
) -> None:
    """Writes the reports on a labelled split.

    Args:
        split: The examples.
        outputs: What the model says of them.
        context: Where the run writes.
        prefix: How the names of the files begin.
        suffix: How they end.
    """
    for path, write_report in report_files(context, prefix=prefix, suffix=suffix):
        write_report(
            path,
            gold=split.dataset.label_ids,
            predicted=outputs.predicted,
            labels=split.labels,
        )


def report_files(
    context: RunContext, *, prefix: str, suffix: str
) -> list[tuple[str, Callable[..., None]]]:
    """Path and author of each report on a labelled split."""
    return [
        (context.path(f"{prefix}{stem}{suffix}{ending}"), author)
        for stem, ending, author in _REPORTS
    ]
