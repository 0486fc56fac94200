"""Train a language model, then measure it, whatever its model."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Mapping, Sequence

from pipelines.language_model import masked_words
from pipelines.language_model.masked_words import Shown
from pipelines.reports import plots, report
from runtime.devices.placement import Placement
from runtime.engine.engine import Engine
from runtime.training import training
from runtime.training.job import Job
from runtime.training.loop import BatchFeed
from runtime.training.model import Model, RunModel
from runtime.training.training import RunContext, Training

_SHOWN_BEFORE = "masked_words_before"
"""In a checkpoint's state: what was predicted for masked tokens before training."""

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """How well a language model predicts.

    Attributes:
        results: Name to value, as eval_results.txt has them.
        logged: As the metrics and the learning curve have them.
    """

    results: Mapping[str, float]
    logged: Mapping[str, float]


@dataclasses.dataclass(frozen=True, kw_only=True)
class LanguageModel(Model):
    """What a pipeline says of its language model and of what that reads.

    Attributes:
        keep_data: Writes what the run keeps of its texts, and the report on them.
        feed: Gives the training batches.
        evaluate: Measures it on the dev texts.
        show: What it predicts for some masked tokens, for people to read.
        measured_by: See base class.
    """

    keep_data: Callable[[RunContext], None]
    feed: Callable[[], BatchFeed]
    evaluate: Callable[[Engine], Evaluation]
    show: Callable[[Engine], Sequence[Shown]] = lambda _: ()
    measured_by: str = "scores"


def run(
    job: Job, language_model: LanguageModel, *, placement: Placement
) -> Mapping[str, float]:
    """Does what the job's settings ask for: train, then evaluate.

    Args:
        job: From the pipeline's `prepare`.
        language_model: Its model.
        placement: From `runtime.devices.placement.place`.

    Returns:
        The scores, as eval_results.txt has them; none without an evaluation.

    Raises:
        SettingsError: A batch does not divide by the replicas, the output directory
            holds another run, or the processes that share the run disagree.
        CheckpointError: A checkpoint does not fit, or there are no trained weights.
        TrainingError: The loss is not finite.
    """
    with training.open_context(job, placement) as context:
        language_model.keep_data(context)
        model = RunModel(job, language_model, context=context)
        if job.settings.trains:
            _train(job, language_model, model=model, context=context)
        if not job.settings.evaluates:
            return {}
        found = language_model.evaluate(model.trained())
        return _report(found, step=model.step, context=context)


def _train(
    job: Job, language_model: LanguageModel, *, model: RunModel, context: RunContext
) -> None:
    """Trains to the last update and leaves checkpoints and a learning curve."""
    engine, training_of = model.to_train(), Training(job, context=context)
    training_of.claim_output_dir()
    job.keep_vocabulary(context.folder)
    before = _shown_before(job, language_model, engine)
    if engine.step >= job.total_steps:
        _log.info("Skipping training since max_steps has already saved.")
    else:
        _log.info("***** Running training *****")
        _log.info("  Batch size = %d", job.settings.train_batch_size)
        _log.info("  Num steps = %d", job.total_steps)
        state = {_SHOWN_BEFORE: masked_words.as_json(before)} if before else {}
        training_of.fit(engine, language_model.feed(), state=state)
    if before and (after := language_model.show(engine)):
        masked_words.write(
            context.path("masked_words.txt"),
            before=before[: len(after)],
            after=after[: len(before)],
        )
    _plot(context)


def _shown_before(
    job: Job, language_model: LanguageModel, engine: Engine
) -> Sequence[Shown]:
    """What was predicted before the first update; checkpoints carry it."""
    if engine.step == 0 or job.restored is None:
        return language_model.show(engine)
    return masked_words.from_json(job.restored.state.get(_SHOWN_BEFORE, []))


def _report(
    found: Evaluation, *, step: int, context: RunContext
) -> Mapping[str, float]:
    """Writes the results of an evaluation; returns them."""
    results = {**found.results, "global_step": step}
    report.write_eval_results(context.path("eval_results.txt"), results)
    context.record.log_result(step, found.logged)
    _plot(context)
    _log.info("***** Eval results *****")
    for name in sorted(results):
        _log.info("  %s = %s", name, results[name])
    return results


def _plot(context: RunContext) -> None:
    plots.plot_learning_curve(
        context.path("learning_curve.png"), context.record.metrics()
    )
