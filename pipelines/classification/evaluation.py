"""A classifier on the dev split: eval_results.txt and the reports beside it."""

from __future__ import annotations

import logging

import numpy as np

from pipelines.classification.answers import Answers
from pipelines.classification.outputs import Outputs
from pipelines.classification.splits import Split
from pipelines.reports import plots, report
from pipelines.reports.page import run_files
from runtime.training.training import RunContext

_log = logging.getLogger(__name__)


def write(
    split: Split,
    outputs: Outputs,
    *,
    answers: Answers,
    step: int,
    context: RunContext,
) -> dict[str, float]:
    """Writes eval_results.txt, the answers and the reports on the dev split.

    Args:
        split: The dev split.
        outputs: What the model says of it.
        answers: What that means.
        step: Updates that the model is the outcome of.
        context: Where the run writes.

    Returns:
        The scores, as eval_results.txt has them.
    """
    scores = answers.scores(split, outputs)
    results = {**scores, "global_step": step, "loss": np.mean(outputs.batch_losses)}
    report.write_eval_results(context.path("eval_results.txt"), results)
    for name, write_report in answers.reports.items():
        write_report(context.path(name), split, outputs)
    answers.write_predictions(context.path(run_files.DEV_FILE), split, outputs)
    context.record.log_result(step, scores)
    plots.plot_course(context)
    _log.info("***** Eval results *****")
    for name in sorted(results):
        _log.info("  %s = %s", name, report.result_text(results[name]))
    _log.info("Reports: %s", context.path(next(iter(answers.reports))))
    return {name: float(value) for name, value in results.items()}
