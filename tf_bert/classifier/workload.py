"""The steps of a BERT classifier, for those who compile them without data."""

from __future__ import annotations

import functools

import keras

from processors.batches.batches import BatchShape, EvalBatches, TrainBatches, stack
from processors.batches.token_dataset import TokenDataset
from runtime.engine.engine import Arrays
from runtime.engine.objectives import ClassificationObjective
from runtime.errors import SettingsError
from runtime.preflight.workload import BatchCut, Pipeline, Workload
from tf_bert.classifier.heads import BertClassifier
from tf_bert.classifier.settings import BertClassifierStepSettings, ClassifierSettings
from tf_bert.classifier.trained_part import TrainedPart
from tf_bert.formats import weights
from tf_bert.model import config as configs
from tf_bert.model.config import BertConfig

_CLASSES = 2  # where no labels are named: the head is a thousandth of the model


def classifier_workload(
    settings: BertClassifierStepSettings, cut: BatchCut
) -> Workload:
    """The training and evaluation step of a classifier on full rows.

    Packed or bucketed batches are never larger than these.

    Args:
        settings: Sizes, batches, precision and optimiser.
        cut: How a batch is cut.

    Raises:
        SettingsError: The sizes of the BERT are nowhere to be found, it has fewer
            positions than `max_seq_length`, or `train` asks for more layers or for none
            of these steps.
    """
    config = weights.find_config(
        bert_config_file=settings.bert_config_file,
        init_checkpoint=settings.init_checkpoint,
        model_file=settings.model_file,
    )
    configs.check_sequence_length(config, max_seq_length=settings.max_seq_length)
    _refuse_untrainable(settings.trained_part, config=config)
    shape = BatchShape(
        per_replica_batch=cut.per_replica_batch,
        replicas=cut.replicas,
        accumulation=settings.gradient_accumulation_steps,
        max_seq_length=settings.max_seq_length,
        pad_to=settings.pad_to,
    )
    return Workload(
        build_model=functools.partial(build_classifier, config, settings=settings),
        objective=ClassificationObjective(),
        optimizer=settings.optimizer_settings(settings.max_steps or 1000),
        train=_training_call(shape, calls=settings.steps_per_call),
        evaluate=_evaluation_call(settings, replicas=cut.replicas),
        examples=shape.global_batch,
    )


def build_classifier(
    config: BertConfig, *, settings: BertClassifierStepSettings
) -> keras.Model:
    """A classifier with random weights, in the settings' precision."""
    model = BertClassifier(
        config,
        num_labels=len(settings.labels) or _CLASSES,
        dtype=settings.precision.keras_policy,
    )
    model.build_variables()
    settings.trained_part.freeze(model)
    return model


def _refuse_untrainable(part: TrainedPart, *, config: BertConfig) -> None:
    part.refuse_beyond(config.num_hidden_layers)
    if part.is_head_alone:
        raise SettingsError(
            "--train=head fits a logistic regression on the CPU: there is no training "
            "step to compile. Its vectors need no more memory than an evaluation."
        )


def _training_call(shape: BatchShape, *, calls: int) -> Arrays:
    examples = TokenDataset.full(shape.global_batch, length=shape.max_seq_length)
    batches = TrainBatches(examples, shape=shape, seed=0)
    return stack([batches.batch(step) for step in range(calls)])


def _evaluation_call(settings: BertClassifierStepSettings, *, replicas: int) -> Arrays:
    shape = BatchShape(
        per_replica_batch=max(settings.eval_batch_size // replicas, 1),
        replicas=replicas,
        max_seq_length=settings.max_seq_length,
        pad_to=settings.pad_to,
    )
    examples = TokenDataset.full(shape.global_batch, length=shape.max_seq_length)
    [batch] = EvalBatches(examples, shape=shape)
    return {name: array[0] for name, array in batch.arrays.items()}


CLASSIFIER = Pipeline(
    settings=BertClassifierStepSettings,
    run_settings=ClassifierSettings,
    make_workload=classifier_workload,
    script="scripts/run_classifier.py",
)
"""Fine-tuning and evaluating a classifier."""
