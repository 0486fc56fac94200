"""Train, evaluate and predict with a bi-encoder.

`runtime.devices.placement.place` must have run before this is imported, because Keras
takes its backend at import.
"""

from __future__ import annotations

import functools

from pipelines.classification import run as classification
from pipelines.classification.run import Classifier, Results
from runtime.devices.placement import Placement
from runtime.engine.engine import Engine
from runtime.training.model import Initial, from_random
from tf_bert.classifier import run as classifier_run
from tf_bert.classifier.preparation import BertClassifierJob
from tf_bert.formats import weights
from tf_bert.pairs import comparison, frozen, ranking
from tf_bert.pairs.heads import PREFIX
from tf_bert.pairs.modeling import build_bi_encoder
from tf_bert.pairs.preparation import BiEncoderJob
from tf_bert.pairs.settings import TextPooling

_POOLER = "bert/pooler/"


def run(job: BiEncoderJob, *, placement: Placement) -> Results:
    """Does what the job's settings ask for: train, evaluate, predict, in this order.

    Args:
        job: From `tf_bert.pairs.preparation.prepare`.
        placement: From `runtime.devices.placement.place`.

    Returns:
        Scores and predictions.

    Raises:
        SettingsError: As `tf_bert.classifier.run.run`, as are the others.
        CheckpointError: A checkpoint does not fit.
        TrainingError: The loss is not finite.
    """
    settings = job.settings
    classifier = Classifier(
        name=f"this run, --architecture=bi --combine={settings.combine.value}"
        f" --attend={settings.attend.value} --train={settings.train}",
        build=functools.partial(
            build_bi_encoder,
            job.config,
            head=settings.head,
            pooling=settings.pooling,
            num_labels=len(job.labels),
            trained_part=settings.trained_part,
            dtype=placement.precision.keras_policy,
        ),
        objective=ranking.objective_of(settings, labels=job.labels),
        initialise=functools.partial(initialise, job),
        ready=functools.partial(frozen.ready, job),
        baselines=comparison.of_bi_encoder(job).baselines,
    )
    return classification.run(job, classifier, placement=placement)


def run_cross(job: BertClassifierJob, *, placement: Placement) -> Results:
    """Runs a classifier; in a comparison of pairs a bi-encoder stands beside it.

    Args:
        job: From `tf_bert.classifier.preparation.prepare`.
        placement: As for `run`, as are results and errors.
    """
    is_compared = job.settings.compare
    beside = comparison.of_cross_encoder(job) if is_compared else None
    return classifier_run.run(job, placement=placement, baselines=beside)


def initialise(job: BiEncoderJob, engine: Engine) -> Initial:
    """Loads the weights that the settings name to start from, if they name any.

    A head is taken from a bi-encoder of the same labels alone.

    Args:
        job: The run.
        engine: Holds the model with random weights.

    Returns:
        What stayed random, and of what step the rest is.

    Raises:
        CheckpointError: The weights do not fit, or lack what is not trained here.
    """
    settings, start = job.settings, job.start
    if start is None:
        return from_random(engine)
    shapes = engine.weight_shapes()
    if start.labels and start.labels != job.labels:
        shapes = {n: s for n, s in shapes.items() if not n.startswith(PREFIX)}
    found = weights.take_weights(
        start, expected=shapes, allow_partial=settings.allow_partial_init
    )
    left = {*engine.weight_shapes()} - {*found.values}
    missing = [*sorted(left), *found.report.untrained]
    if settings.pooling is not TextPooling.POOLED:  # nothing reads it
        missing = [name for name in missing if not name.startswith(_POOLER)]
    return classifier_run.load(found, engine, job=job, missing=missing)
