"""Fine-tune, evaluate and predict with a BERT classifier.

`runtime.devices.placement.place` must have run before this is imported, because Keras
takes its backend at import.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Sequence

from pipelines.classification import run as classification
from pipelines.classification.comparison import Baselines
from pipelines.classification.run import Classifier, Results
from runtime.devices.placement import Placement
from runtime.engine import objectives
from runtime.engine.engine import Engine
from runtime.training import untrained
from runtime.training.model import Initial, from_random
from tf_bert.classifier.frozen import FrozenBert
from tf_bert.classifier.heads import build_classifier
from tf_bert.classifier.preparation import BertClassifierJob
from tf_bert.formats import weights
from tf_bert.formats.weights import InitialWeights

_log = logging.getLogger(__name__)


def run(
    job: BertClassifierJob, *, placement: Placement, baselines: Baselines | None = None
) -> Results:
    """Does what the job's settings ask for: train, evaluate, predict, in this order.

    Args:
        job: From `tf_bert.classifier.preparation.prepare`.
        placement: From `runtime.devices.placement.place`.
        baselines: What stands beside the model in a comparison; by default the BERT
            that it starts from, frozen.

    Returns:
        Scores and predictions.

    Raises:
        SettingsError: The batch does not divide by the replicas, the output directory
            holds another run, or the processes that share the run disagree.
        CheckpointError: A checkpoint does not fit.
        TrainingError: The loss is not finite.
    """
    settings, frozen = job.settings, FrozenBert(job)
    classifier = Classifier(
        name=f"this run, --train={settings.train}",
        build=functools.partial(
            build_classifier,
            job.config,
            num_labels=len(job.labels),
            trained_part=settings.trained_part,
            dtype=placement.precision.keras_policy,
        ),
        objective=objectives.of_targets(
            settings.targets.value, label_smoothing=settings.label_smoothing
        ),
        initialise=functools.partial(initialise, job),
        fit_at_once=frozen.fit_head if settings.trained_part.is_head_alone else None,
        baselines=baselines or frozen.baselines,
    )
    return classification.run(job, classifier, placement=placement)


def initialise(job: BertClassifierJob, engine: Engine) -> Initial:
    """Loads the weights that the settings name to start from, if they name any.

    Args:
        job: The run.
        engine: Holds the classifier with random weights.

    Returns:
        What stayed random, and of what step the rest is.

    Raises:
        CheckpointError: The weights do not fit, or lack what is not trained here.
    """
    settings, start = job.settings, job.start
    if start is None:
        return from_random(engine)
    found = weights.take_weights(
        start,
        expected=engine.weight_shapes(),
        allow_partial=settings.allow_partial_init,
        labels=job.labels,
    )
    return load(found, engine, job=job, missing=found.report.not_trained)


def load(
    found: InitialWeights,
    engine: Engine,
    *,
    job: BertClassifierJob,
    missing: Sequence[str],
) -> Initial:
    """Loads weights to start from.

    Args:
        found: The weights.
        engine: Takes them.
        job: The run.
        missing: What stays random.

    Returns:
        What stays random, and of what step the rest is.

    Raises:
        CheckpointError: Some of it is not trained here.
    """
    settings = job.settings
    untrained.refuse(
        settings.trained_part.frozen(missing, layers=job.config.num_hidden_layers),
        path=found.report.source,
        work="what they compute for the layers above",
        advice=f"They are not trained with --train={settings.train}: use full.",
    )
    engine.load_weights(found.values)
    _log.info("%s", found.report)
    return Initial(missing=missing, step=found.step)
