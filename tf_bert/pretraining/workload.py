"""The steps of pre-training, for those who compile them without data."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np

from pipelines.steps import workload
from processors.batches.batches import Batch
from processors.pretraining.batches import MaskedBatches
from processors.pretraining.dataset import Predictions
from runtime.engine.engine import Arrays
from runtime.preflight.workload import BatchCut, Pipeline, Workload
from tf_bert.formats import weights
from tf_bert.model import config as configs
from tf_bert.pretraining.heads import PretrainingObjective, build_pretrainer
from tf_bert.pretraining.settings import PretrainingSettings, PretrainingStepSettings


def pretraining_workload(settings: PretrainingStepSettings, cut: BatchCut) -> Workload:
    """The training and evaluation step on full rows with as many masks as may be.

    Args:
        settings: Sizes, batches, precision and optimiser.
        cut: How a batch is cut.

    Raises:
        SettingsError: The sizes of the BERT are nowhere to be found, or it has fewer
            positions than `max_seq_length`.
    """
    config = weights.find_config(
        bert_config_file=settings.bert_config_file,
        init_checkpoint=settings.init_checkpoint,
        model_file=None,
    )
    configs.check_sequence_length(config, max_seq_length=settings.max_seq_length)
    return workload.on_full_rows(
        settings,
        cut,
        build_model=functools.partial(
            build_pretrainer,
            config,
            relates_segments=True,
            dtype=settings.precision.keras_policy,
        ),
        objective=PretrainingObjective(),
        arrays=functools.partial(_masked, most=settings.max_predictions_per_seq),
        num_train_steps=settings.train_steps,
    )


def _masked(batches: Sequence[Batch], *, most: int) -> Arrays:
    """As many masked tokens in each of the sequences as there may be."""
    count = batches[0].example_index.size
    predictions = Predictions(
        positions=np.tile(np.arange(most, dtype=np.int32), count),
        ids=np.ones(count * most, np.int32),
        weights=np.ones(count * most, np.float32),
        offsets=np.arange(count + 1, dtype=np.int64) * most,
    )
    masked = MaskedBatches(predictions, max_predictions=most, max_row_shapes=1)
    return masked.arrays(batches, rates=[0.0] * len(batches))


PRETRAINING = Pipeline(
    settings=PretrainingStepSettings,
    run_settings=PretrainingSettings,
    make_workload=pretraining_workload,
    script="scripts/run_pretraining.py",
)
"""Masked LM and the relation of segments."""
