"""Fine-tune, evaluate and predict with an LSTM classifier.

`runtime.devices.placement.place` must have run before this is imported, because Keras
takes its backend at import.
"""

from __future__ import annotations

import dataclasses
import functools
import logging
from collections.abc import Mapping

import numpy as np

from lstm_pretrain.classifier import frozen
from lstm_pretrain.classifier.model import build_classifier
from lstm_pretrain.classifier.preparation import ClassifierJob
from lstm_pretrain.model.config import Trained
from pipelines.classification import run as classification
from pipelines.classification.run import Classifier, Results
from runtime.devices.placement import Placement
from runtime.engine import objectives
from runtime.engine.engine import Engine
from runtime.training.model import Initial, from_random

_log = logging.getLogger(__name__)


def run(job: ClassifierJob, *, placement: Placement) -> Results:
    """Does what the job's settings ask for: train, evaluate, predict, in this order.

    Args:
        job: From `lstm_pretrain.classifier.preparation.prepare`.
        placement: From `runtime.devices.placement.place`.

    Returns:
        Scores and predictions.

    Raises:
        SettingsError: The output directory holds another run.
        CheckpointError: A checkpoint does not fit.
        TrainingError: The loss is not finite.
    """
    classifier = classifier_of(job, placement=placement)
    if job.settings.train is Trained.HEAD:
        classifier = dataclasses.replace(
            classifier,
            fit_at_once=lambda engine, split, context: frozen.fit_head(
                engine,
                split,
                classifier=classifier,
                settings=job.settings,
                placement=context.placement,
            ),
        )
    return classification.run(job, classifier, placement=placement)


def classifier_of(job: ClassifierJob, *, placement: Placement) -> Classifier:
    """The classifier of a run.

    Args:
        job: The run.
        placement: Its devices.
    """
    return Classifier(
        build=functools.partial(
            build_classifier,
            job.config,
            settings=job.settings,
            num_labels=len(job.labels),
            accelerator=placement.accelerator,
            dtype=placement.precision.keras_policy,
        ),
        objective=objectives.of_targets(
            job.settings.targets.value, label_smoothing=job.settings.label_smoothing
        ),
        initialise=functools.partial(initialise, job),
    )


def initialise(job: ClassifierJob, engine: Engine) -> Initial:
    """Loads what the checkpoint to start from has learned, if there is one.

    Args:
        job: The run.
        engine: Holds the classifier with random weights.

    Returns:
        What stayed random, and of what step the rest is.
    """
    start = job.initial
    if start is None:
        return from_random(engine)
    takes = job.settings.transfer.takes
    taken = {name: start.weights[name] for name in start.weights if takes(name)}
    return Initial(missing=_transfer(taken, engine), step=start.step)


def _transfer(weights: Mapping[str, np.ndarray], engine: Engine) -> list[str]:
    """Loads weights but those of another head; returns which stay random."""
    shapes = engine.weight_shapes()
    found = {
        name: value
        for name, value in weights.items()
        if shapes.get(name) == value.shape
    }
    engine.load_weights(found)
    missing = sorted(set(shapes) - set(found))
    _log.info(
        "%d weights transferred: %s. Random: %s.",
        len(found),
        ", ".join(sorted(found)),
        ", ".join(missing) or "none",
    )
    return missing
