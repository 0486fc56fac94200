"""The steps of both models, for those who compile them without data."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable

import keras

from lstm_pretrain import data, vocabularies
from lstm_pretrain.classifier.settings import (
    ClassifierStepSettings,
    LstmClassifierSettings,
)
from lstm_pretrain.language_model.settings import (
    LanguageModelSettings,
    LanguageModelStepSettings,
)
from lstm_pretrain.model.config import LstmConfig
from lstm_pretrain.model.heads import (
    LanguageModel,
    LanguageModelObjective,
    LstmClassifier,
)
from lstm_pretrain.model.modeling import RowLayout
from lstm_pretrain.preparation import initial_config
from lstm_pretrain.settings import EncoderSettings
from processors.batches.batches import (
    Batch,
    BatchShape,
    EvalBatches,
    PadTo,
    TrainBatches,
    stack,
)
from processors.batches.token_dataset import TokenDataset
from runtime.engine.engine import Arrays
from runtime.engine.objectives import ClassificationObjective
from runtime.preflight.workload import BatchCut, Pipeline, Workload

_CLASSES = 2  # where no labels are named: the head is a thousandth of the model


def language_model_workload(
    settings: LanguageModelStepSettings, cut: BatchCut
) -> Workload:
    """The steps of a language model on full rows.

    Args:
        settings: Sizes, batches, precision and optimiser.
        cut: How a batch is cut.
    """

    def with_targets(batches: list[Batch]) -> Arrays:
        return data.add_targets(stack(batches), max_row_shapes=1)

    config, shape = _config(settings), _shape(settings, cut)
    return Workload(
        build_model=functools.partial(_build_language_model, settings, config),
        objective=LanguageModelObjective(),
        optimizer=settings.optimizer_settings(settings.max_steps or 1000),
        train=_training_call(settings, shape, arrays=with_targets),
        evaluate=_evaluation_call(settings, cut, arrays=with_targets),
        examples=shape.global_batch,
    )


def classifier_workload(settings: ClassifierStepSettings, cut: BatchCut) -> Workload:
    """The steps of a classifier on full rows.

    Args:
        settings: Sizes, batches, precision and optimiser.
        cut: How a batch is cut.
    """
    config, shape = _config(settings), _shape(settings, cut)
    settings = dataclasses.replace(settings, num_layers=config.num_layers)
    return Workload(
        build_model=functools.partial(_build_classifier, settings, config),
        objective=ClassificationObjective(),
        optimizer=settings.optimizer_settings(settings.max_steps or 1000),
        train=_training_call(settings, shape, arrays=stack),
        evaluate=_evaluation_call(settings, cut, arrays=stack),
        examples=shape.global_batch,
    )


def _build_language_model(
    settings: LanguageModelStepSettings, config: LstmConfig
) -> keras.Model:
    model = LanguageModel(
        config,
        dropouts=settings.dropouts,
        layout=_layout(settings),
        dtype=settings.precision.keras_policy,
    )
    model.build_variables()
    return model


def _build_classifier(
    settings: ClassifierStepSettings, config: LstmConfig
) -> keras.Model:
    model = LstmClassifier(
        dataclasses.replace(config, tie_weights=False),
        num_labels=len(settings.labels) or _CLASSES,
        pooling=settings.pooling,
        dropouts=settings.dropouts,
        layout=_layout(settings),
        dtype=settings.precision.keras_policy,
    )
    model.build_variables()
    return model


def _config(settings: EncoderSettings) -> LstmConfig:
    """Sizes as a run with these settings finds them; of a full vocabulary."""
    vocab_size = settings.vocab_size or vocabularies.VOCAB_SIZE
    return initial_config(settings) or settings.config(vocab_size=vocab_size)


def _layout(settings: EncoderSettings) -> RowLayout:
    return RowLayout(packed=settings.pad_to is PadTo.PACK)


def _shape(settings: EncoderSettings, cut: BatchCut) -> BatchShape:
    return BatchShape(
        per_replica_batch=cut.per_replica_batch,
        replicas=cut.replicas,
        accumulation=settings.gradient_accumulation_steps,
        max_seq_length=settings.max_seq_length,
        pad_to=settings.pad_to,
    )


def _training_call(
    settings: EncoderSettings,
    shape: BatchShape,
    *,
    arrays: Callable[[list[Batch]], Arrays],
) -> Arrays:
    examples = TokenDataset.full(shape.global_batch, length=shape.max_seq_length)
    batches = TrainBatches(examples, shape=shape, seed=0)
    return arrays([batches.batch(step) for step in range(settings.steps_per_call)])


def _evaluation_call(
    settings: EncoderSettings,
    cut: BatchCut,
    *,
    arrays: Callable[[list[Batch]], Arrays],
) -> Arrays:
    shape = BatchShape(
        per_replica_batch=max(settings.eval_batch_size // cut.replicas, 1),
        replicas=cut.replicas,
        max_seq_length=settings.max_seq_length,
        pad_to=settings.pad_to,
    )
    examples = TokenDataset.full(shape.global_batch, length=shape.max_seq_length)
    stacked = arrays(list(EvalBatches(examples, shape=shape)))
    return {name: array[0, 0] for name, array in stacked.items()}


LANGUAGE_MODEL = Pipeline(
    settings=LanguageModelStepSettings,
    run_settings=LanguageModelSettings,
    make_workload=language_model_workload,
    script="scripts/pretrain_lstm.py",
)
"""Training and evaluating a language model."""

CLASSIFIER = Pipeline(
    settings=ClassifierStepSettings,
    run_settings=LstmClassifierSettings,
    make_workload=classifier_workload,
    script="scripts/finetune_lstm.py",
)
"""Fine-tuning and evaluating a classifier."""
