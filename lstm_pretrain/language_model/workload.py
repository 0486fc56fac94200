"""The steps of an LSTM language model, for those who compile them without data."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from lstm_pretrain import data
from lstm_pretrain.language_model.model import build_language_model
from lstm_pretrain.language_model.settings import (
    LanguageModelSettings,
    LanguageModelStepSettings,
)
from lstm_pretrain.model.heads import LanguageModelObjective
from lstm_pretrain.preparation import workload_config
from pipelines.steps import workload
from processors.batches.batches import Batch, stack
from runtime.devices.placement import Accelerator
from runtime.engine.engine import Arrays
from runtime.preflight.workload import BatchCut, Pipeline, Workload


def language_model_workload(
    settings: LanguageModelStepSettings, cut: BatchCut
) -> Workload:
    """The steps of a language model on full rows.

    Args:
        settings: Sizes, batches, precision and optimiser.
        cut: How a batch is cut.
    """

    def with_targets(batches: Sequence[Batch]) -> Arrays:
        return data.add_targets(stack(batches), max_row_shapes=1)

    return workload.on_full_rows(
        settings,
        cut,
        build_model=functools.partial(
            build_language_model,
            workload_config(settings),
            settings=settings,
            accelerator=Accelerator.TPU,
            dtype=settings.precision.keras_policy,
        ),
        objective=LanguageModelObjective(),
        arrays=with_targets,
    )


LANGUAGE_MODEL = Pipeline(
    settings=LanguageModelStepSettings,
    run_settings=LanguageModelSettings,
    make_workload=language_model_workload,
    script="scripts/pretrain_lstm.py",
)
"""Training and evaluating a language model."""
