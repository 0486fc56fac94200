"""The steps of pre-training, for those who compile them without data."""

from __future__ import annotations

import functools

import keras
import numpy as np

from processors.batches.batches import BatchShape, EvalBatches, TrainBatches
from processors.batches.token_dataset import TokenDataset
from processors.pretraining.batches import MaskedBatches
from processors.pretraining.dataset import Predictions
from runtime.engine.engine import Arrays
from runtime.preflight.workload import BatchCut, Pipeline, Workload
from tf_bert.formats import weights
from tf_bert.model import config as configs
from tf_bert.model.config import BertConfig
from tf_bert.pretraining.heads import BertPretrainer, PretrainingObjective
from tf_bert.pretraining.settings import PretrainingSettings, PretrainingStepSettings


def pretraining_workload(settings: PretrainingStepSettings, cut: BatchCut) -> Workload:
    """The training and evaluation step on full rows with as many masks as may be.

    Packed or bucketed batches are never larger than these.

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
    shape = BatchShape(
        per_replica_batch=cut.per_replica_batch,
        replicas=cut.replicas,
        accumulation=settings.gradient_accumulation_steps,
        max_seq_length=settings.max_seq_length,
        pad_to=settings.pad_to,
    )
    return Workload(
        build_model=functools.partial(build_pretrainer, config, settings=settings),
        objective=PretrainingObjective(),
        optimizer=settings.optimizer_settings(settings.train_steps),
        train=_training_call(settings, shape),
        evaluate=_evaluation_call(settings, replicas=cut.replicas),
        examples=shape.global_batch,
    )


def build_pretrainer(
    config: BertConfig, *, settings: PretrainingStepSettings
) -> keras.Model:
    """A model with both heads and random weights, in the settings' precision."""
    model = BertPretrainer(
        config, relates_segments=True, dtype=settings.precision.keras_policy
    )
    model.build_variables()
    return model


def _training_call(settings: PretrainingStepSettings, shape: BatchShape) -> Arrays:
    tokens = TokenDataset.full(shape.global_batch, length=shape.max_seq_length)
    batches = TrainBatches(tokens, shape=shape, seed=0)
    calls = settings.steps_per_call
    several = [batches.batch(step) for step in range(calls)]
    return _masked(settings, len(tokens)).arrays(several, rates=[0.0] * calls)


def _evaluation_call(settings: PretrainingStepSettings, *, replicas: int) -> Arrays:
    shape = BatchShape(
        per_replica_batch=max(settings.eval_batch_size // replicas, 1),
        replicas=replicas,
        max_seq_length=settings.max_seq_length,
        pad_to=settings.pad_to,
    )
    tokens = TokenDataset.full(shape.global_batch, length=shape.max_seq_length)
    [batch] = EvalBatches(tokens, shape=shape)
    arrays = _masked(settings, len(tokens)).arrays([batch], rates=[0.0])
    return {name: array[0, 0] for name, array in arrays.items()}


def _masked(settings: PretrainingStepSettings, count: int) -> MaskedBatches:
    """As many masked tokens in each of the sequences as there may be."""
    most = settings.max_predictions_per_seq
    predictions = Predictions(
        positions=np.tile(np.arange(most, dtype=np.int32), count),
        ids=np.ones(count * most, np.int32),
        weights=np.ones(count * most, np.float32),
        offsets=np.arange(count + 1, dtype=np.int64) * most,
    )
    return MaskedBatches(predictions, max_predictions=most, max_row_shapes=1)


PRETRAINING = Pipeline(
    settings=PretrainingStepSettings,
    run_settings=PretrainingSettings,
    make_workload=pretraining_workload,
    script="scripts/run_pretraining.py",
)
"""Masked LM and the relation of segments."""
