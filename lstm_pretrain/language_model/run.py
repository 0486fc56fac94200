"""Train a language model and measure its perplexity.

`runtime.devices.placement.place` must have run before this is imported, because Keras
takes its backend at import.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Mapping

from lstm_pretrain.language_model.model import build_language_model
from lstm_pretrain.language_model.preparation import LanguageModelJob
from lstm_pretrain.language_model.texts import Texts
from lstm_pretrain.model.heads import LanguageModelObjective
from pipelines.language_model import run as language_model
from pipelines.language_model.run import LanguageModel
from runtime.devices.placement import Placement
from runtime.engine.engine import Engine, EngineState
from runtime.training.model import Initial, from_random

_log = logging.getLogger(__name__)


def run(job: LanguageModelJob, *, placement: Placement) -> Mapping[str, float]:
    """Trains and evaluates a language model.

    Args:
        job: From `lstm_pretrain.language_model.preparation.prepare`.
        placement: From `runtime.devices.placement.place`.

    Returns:
        The scores, as eval_results.txt has them; none without an evaluation.

    Raises:
        SettingsError: The output directory holds another run.
        CheckpointError: A checkpoint does not fit.
        TrainingError: The loss is not finite.
    """
    model = LanguageModel(
        build=functools.partial(
            build_language_model,
            job.config,
            settings=job.settings,
            accelerator=placement.accelerator,
            dtype=placement.precision.keras_policy,
        ),
        objective=LanguageModelObjective(),
        initialise=functools.partial(initialise, job),
        sequences=Texts(job, placement=placement),
    )
    return language_model.run(job, model, placement=placement)


def initialise(job: LanguageModelJob, engine: Engine) -> Initial:
    """Loads the language model that the settings name to start from, if they name one.

    Args:
        job: The run.
        engine: Holds the model with random weights.

    Returns:
        What stayed random, and of what step the rest is.
    """
    if job.initial is None:
        return from_random(engine)
    engine.load_state(EngineState(0, job.initial.weights, slots={}))
    _log.info("Starting from %s", job.settings.init_checkpoint)
    return Initial(missing=(), step=job.initial.step)
