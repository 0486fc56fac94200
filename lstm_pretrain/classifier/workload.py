"""The steps of an LSTM classifier, for those who compile them without data."""

from __future__ import annotations

import dataclasses
import functools

from lstm_pretrain.classifier.model import build_classifier
from lstm_pretrain.classifier.settings import (
    ClassifierStepSettings,
    LstmClassifierSettings,
)
from lstm_pretrain.preparation import workload_config
from pipelines.steps import workload
from runtime.devices.placement import Accelerator
from runtime.engine import objectives
from runtime.preflight.workload import BatchCut, Pipeline, Workload


def classifier_workload(settings: ClassifierStepSettings, cut: BatchCut) -> Workload:
    """The steps of a classifier on full rows.

    Args:
        settings: Sizes, batches, precision and optimiser.
        cut: How a batch is cut.
    """
    config = dataclasses.replace(workload_config(settings), tie_weights=False)
    settings = dataclasses.replace(settings, num_layers=config.num_layers)
    return workload.on_full_rows(
        settings,
        cut,
        build_model=functools.partial(
            build_classifier,
            config,
            settings=settings,
            num_labels=settings.num_outputs,
            accelerator=Accelerator.TPU,
            dtype=settings.precision.keras_policy,
        ),
        target_shape=settings.targets.shape(settings.num_outputs),
        objective=objectives.of_targets(
            settings.targets.value, label_smoothing=settings.label_smoothing
        ),
    )


CLASSIFIER = Pipeline(
    settings=ClassifierStepSettings,
    run_settings=LstmClassifierSettings,
    make_workload=classifier_workload,
    script="scripts/finetune_lstm.py",
)
"""Fine-tuning and evaluating a classifier."""
