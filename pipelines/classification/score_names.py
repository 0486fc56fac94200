"""The scores that a task has; what computes them is heavy and loaded later."""

from __future__ import annotations

from collections.abc import Mapping

from processors.labels.targets import Targets
from runtime.training.evaluation_settings import Better

SCORES: Mapping[Targets, Mapping[str, Better]] = {
    Targets.LABEL: {
        "eval_accuracy": Better.LARGER,
        "eval_loss": Better.SMALLER,
        "eval_macro_f1": Better.LARGER,
        "eval_mcc": Better.LARGER,
        "eval_weighted_f1": Better.LARGER,
    },
    Targets.LABELS: {
        "eval_average_precision": Better.LARGER,
        "eval_loss": Better.SMALLER,
        "eval_macro_f1": Better.LARGER,
        "eval_micro_f1": Better.LARGER,
        "eval_subset_accuracy": Better.LARGER,
    },
    Targets.NUMBER: {
        "eval_loss": Better.SMALLER,
        "eval_mse": Better.SMALLER,
        "eval_pearson": Better.LARGER,
        "eval_spearman": Better.LARGER,
    },
}
"""Name to which value is the better one, sorted."""
