"""The training of a run, from its first checkpoint to its learning curve."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Mapping
from typing import Any

from pipelines.reports import plots
from runtime.engine.engine import Engine
from runtime.training.evaluations import Evaluation
from runtime.training.job import Job
from runtime.training.loop import BatchFeed
from runtime.training.model import RunModel
from runtime.training.training import RunContext, Training

_log = logging.getLogger(__name__)


def train(
    job: Job,
    *,
    model: RunModel,
    context: RunContext,
    feed: Callable[[], BatchFeed],
    evaluation: Evaluation | None,
    state: Callable[[Engine], Mapping[str, Any]] = lambda _: {},
    examples: int | None = None,
    fit_at_once: Callable[[Engine], None] | None = None,
) -> Engine:
    """Trains to the last update and leaves checkpoints and a learning curve.

    Args:
        job: The run.
        model: Its model.
        context: Where it runs and writes.
        feed: Makes the training batches.
        evaluation: What is measured on the way; None where nothing is.
        state: What checkpoints carry beside what the job says; called before the first
            update.
        examples: How many there are to learn from, for the log.
        fit_at_once: Trains without updates; None where it trains by them.

    Returns:
        The engine, with the weights that are to be used.
    """
    engine, training_of = model.to_train(), Training(job, context=context)
    training_of.claim_output_dir()
    job.keep_vocabulary(context.folder)
    carried = state(engine)
    if not training_of.has_ended(engine):
        _log.info("***** Running training *****")
        if examples is not None:
            _log.info("  Num examples = %d", examples)
        _log.info("  Batch size = %d", job.settings.train_batch_size)
        if fit_at_once is None:
            _log.info("  Num steps = %d", job.total_steps)
            training_of.fit(engine, feed(), state=carried, evaluation=evaluation)
        else:
            fit_at_once(engine)
            engine.load_state(dataclasses.replace(engine.state(), step=job.total_steps))
            training_of.keep(engine)
    training_of.load_best(engine)
    plots.plot_course(context)
    return engine
