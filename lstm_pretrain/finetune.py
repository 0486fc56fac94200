"""Fine-tune, evaluate and predict with an LSTM classifier.

`runtime.placement.place` must have run before this is imported, because Keras takes its
backend at import.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping, Sequence

import keras
import numpy as np

from lstm_pretrain import data, vocabularies
from lstm_pretrain.heads import LstmClassifier
from lstm_pretrain.modeling import Layout
from lstm_pretrain.preparation import ClassifierJob
from processors.batches import BatchShape, PadTo
from processors.classification.run import ClassificationRun
from processors.classification.splits import Split
from processors.token_dataset import UNLABELLED
from runtime import engine, training
from runtime.engine import Engine
from runtime.errors import DataError
from runtime.objectives import ClassificationObjective
from runtime.placement import Accelerator, Placement

_log = logging.getLogger(__name__)


def run(job: ClassifierJob, *, placement: Placement) -> None:
    """Does what the job's settings ask for: train, evaluate, predict, in this order.

    Args:
        job: From `lstm_pretrain.preparation.prepare_classifier`.
        placement: From `runtime.placement.place`.

    Raises:
        SettingsError: The output directory holds another run.
        DataError: A split cannot be read.
        CheckpointError: A checkpoint does not fit.
        TrainingError: The loss is not finite.
    """
    with training.open_site(job, placement) as site:
        LstmRun(job, site=site).carry_out()


class LstmRun(ClassificationRun):
    """A run of an LSTM classifier."""

    _job: ClassifierJob

    def train(self) -> None:
        """See base class; the vocabulary is kept beside the checkpoints."""
        super().train()
        vocabularies.keep(self._job.tokenizer, folder=self._site.folder)

    def build(self, labels: Sequence[str], *, total: int) -> Engine:
        """See base class."""
        placement = self._site.placement
        return build(
            self._job, num_labels=len(labels), total=total, placement=placement
        )

    def initialise(self, made: Engine) -> Sequence[str] | None:
        """See base class."""
        initial = self._job.initial
        if initial is None:
            return None
        return transfer(initial.weights, made)

    def _read(self, name: str) -> Split:
        split = super()._read(name)
        if name != "train":
            return split
        return choose(
            split, count=self._job.settings.train_examples, seed=self._job.settings.seed
        )

    def _shape(self, batch: int, *, accumulation: int = 1) -> BatchShape:
        return data.batch_shape(
            self._job.settings,
            batch=batch,
            accumulation=accumulation,
            placement=self._site.placement,
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
            layout=Layout(
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
    """Draws the labelled examples to train on.

    Args:
        split: The training split.
        count: How many; None for all.
        seed: Seed of the draw. Of one seed, a smaller draw is the start of a larger.

    Returns:
        The split with these examples alone, in the order of the draw.

    Raises:
        DataError: There are fewer, or they are of one class only.
    """
    available = len(split.dataset)
    if count is not None and count > available:
        raise DataError(
            f"--train_examples={count} were asked for; the training split has "
            f"{available}. Ask for fewer, or for all by leaving the flag out."
        )
    if count is not None:
        order = np.random.RandomState(seed).permutation(available)[:count]
        split = dataclasses.replace(
            split,
            examples=[split.examples[place] for place in order],
            dataset=split.dataset.take(order),
        )
    label_ids = np.unique(split.dataset.label_ids)
    seen = [split.labels[label] for label in label_ids if label != UNLABELLED]
    if len(seen) < 2:
        raise DataError(
            f"All {len(split.dataset)} training examples have the label "
            f"{', '.join(seen)}: there is nothing to tell apart. Draw more of them, or "
            "look at the label column."
        )
    return split
