"""Fine-tune, evaluate and predict with an LSTM classifier.

`runtime.devices.placement.place` must have run before this is imported, because Keras
takes its backend at import.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping, Sequence

import keras
import numpy as np

from lstm_pretrain import data, vocabularies
from lstm_pretrain.classifier.preparation import ClassifierJob
from lstm_pretrain.model.heads import LstmClassifier
from lstm_pretrain.model.modeling import RowLayout
from pipelines.classification.run import ClassificationRun
from pipelines.classification.splits import Split
from processors.batches.batches import BatchShape, PadTo, TrainBatches
from runtime.devices.placement import Accelerator, Placement
from runtime.engine import engine
from runtime.engine.engine import Engine
from runtime.engine.objectives import ClassificationObjective
from runtime.training import training
from runtime.training.training import Initial

_log = logging.getLogger(__name__)


def run(job: ClassifierJob, *, placement: Placement) -> None:
    """Does what the job's settings ask for: train, evaluate, predict, in this order.

    Args:
        job: From `lstm_pretrain.classifier.preparation.prepare`.
        placement: From `runtime.devices.placement.place`.

    Raises:
        SettingsError: The output directory holds another run.
        CheckpointError: A checkpoint does not fit.
        TrainingError: The loss is not finite.
    """
    with training.open_context(job, placement) as context:
        LstmRun(job, context=context).carry_out()


class LstmRun(ClassificationRun):
    """A run of an LSTM classifier."""

    _job: ClassifierJob

    def train(self) -> None:
        """See base class; the vocabulary is kept beside the checkpoints."""
        super().train()
        vocabularies.keep(self._job.tokenizer, folder=self._context.folder)

    def build(self, labels: Sequence[str], *, total: int) -> Engine:
        """See base class."""
        placement = self._context.placement
        return build(
            self._job, num_labels=len(labels), total=total, placement=placement
        )

    def initialise(self, made: Engine) -> Initial:
        """See base class."""
        initial = self._job.initial
        if initial is None:
            return Initial(missing=tuple(made.weight_shapes()), step=0)
        missing = transfer(initial.weights, made)
        return Initial(missing=missing, step=initial.step)

    def train_batches(self, split: Split, *, shape: BatchShape) -> TrainBatches:
        """See base class; by length, where that is asked for."""
        settings = self._job.settings
        return data.train_batches(
            split.dataset, settings=settings, shape=shape, seed=settings.seed
        )

    def _shape(self, batch: int, *, accumulation: int = 1) -> BatchShape:
        return data.batch_shape(
            self._job.settings,
            batch=batch,
            accumulation=accumulation,
            placement=self._context.placement,
        )


def build(
    job: ClassifierJob, *, num_labels: int, total: int, placement: Placement
) -> Engine:
    """Builds a classifier with random weights.

    Args:
        job: Its sizes and settings.
        num_labels: Number of classes.
        total: Updates of the whole run.
        placement: The devices.
    """
    settings = job.settings

    def build_model() -> keras.Model:
        keras.utils.set_random_seed(settings.seed)
        model = LstmClassifier(
            job.config,
            num_labels=num_labels,
            pooling=settings.pooling,
            dropouts=settings.dropouts,
            layout=RowLayout(
                packed=settings.pad_to is PadTo.PACK,
                cudnn=placement.accelerator is Accelerator.GPU,
            ),
            dtype=placement.precision.keras_policy,
        )
        model.build_variables()
        return model

    return engine.create(
        placement,
        build_model=build_model,
        objective=ClassificationObjective(),
        optimizer=settings.optimizer_settings(total),
        seed=settings.seed,
    )


def transfer(weights: Mapping[str, np.ndarray], made: Engine) -> list[str]:
    """Loads what a language model, or a classifier, has learned into a classifier.

    Args:
        weights: By name; those of another head are left out.
        made: The classifier's engine.

    Returns:
        Names of the weights that stay random.
    """
    shapes = made.weight_shapes()
    found = {
        name: value
        for name, value in weights.items()
        if shapes.get(name) == value.shape
    }
    made.load_weights(found)
    missing = sorted(set(shapes) - set(found))
    _log.info(
        "%d weights transferred: %s. Random: %s.",
        len(found),
        ", ".join(sorted(found)),
        ", ".join(missing) or "none",
    )
    return missing


def choose(split: Split, *, count: int | None, seed: int) -> Split:
    """Draws the labelled examples to train on; see `data.draw`.

    Args:
        split: The training split.
        count: How many; None for all.
        seed: Seed of the draw.

    Returns:
        The split with these examples alone, in the order of the draw.
    """
    known = (*split.labels, None)  # UNLABELLED is the last
    labels = [known[label] for label in split.dataset.label_ids]
    order = data.choose(labels, count=count, seed=seed)
    if count is None:
        return split
    return dataclasses.replace(
        split,
        examples=[split.examples[place] for place in order],
        dataset=split.dataset.take(np.array(order)),
    )
