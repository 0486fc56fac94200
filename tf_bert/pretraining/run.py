"""Pre-train a BERT on masked tokens, and measure how well it predicts them.

`runtime.devices.placement.place` must have run before this is imported, because Keras
takes its backend at import.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Mapping

from pipelines.language_model import run as language_model
from pipelines.language_model.run import LanguageModel
from runtime.devices.placement import Placement
from runtime.engine.engine import Engine
from runtime.training.model import Initial, from_random
from tf_bert.formats import weights
from tf_bert.formats.names import pooler_names
from tf_bert.pretraining.heads import PretrainingObjective, build_pretrainer
from tf_bert.pretraining.preparation import PretrainingJob
from tf_bert.pretraining.sequences import MaskedSequences

_log = logging.getLogger(__name__)


def run(job: PretrainingJob, *, placement: Placement) -> Mapping[str, float]:
    """Does what the job's settings ask for: train, then evaluate.

    Args:
        job: From `tf_bert.pretraining.preparation.prepare`.
        placement: From `runtime.devices.placement.place`.

    Returns:
        The scores, as eval_results.txt has them; none without an evaluation.

    Raises:
        SettingsError: The batch does not divide by the replicas, the output directory
            holds another run, or the processes that share the run disagree.
        CheckpointError: A checkpoint does not fit.
        TrainingError: The loss is not finite.
    """
    model = LanguageModel(
        build=functools.partial(
            build_pretrainer,
            job.config,
            relates_segments=job.relates_segments,
            dtype=placement.precision.keras_policy,
        ),
        objective=PretrainingObjective(),
        initialise=functools.partial(initialise, job),
        sequences=MaskedSequences(job, placement=placement),
    )
    return language_model.run(job, model, placement=placement)


def initialise(job: PretrainingJob, engine: Engine) -> Initial:
    """Loads the weights that the settings name to go on with, if they name any.

    Args:
        job: The run.
        engine: Holds the model with random weights.

    Returns:
        What stayed random, and of what step the rest is.

    Raises:
        CheckpointError: The weights do not fit.
    """
    if job.start is None:
        return from_random(engine)
    found = weights.take_weights(
        job.start,
        expected=engine.weight_shapes(),
        allow_partial=job.settings.allow_partial_init,
    )
    engine.load_weights(found.values)
    _log.info("%s", found.report)
    unused = [] if job.relates_segments else pooler_names()
    missing = [name for name in found.report.not_trained if name not in unused]
    return Initial(missing=missing, step=found.step)
