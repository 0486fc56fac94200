"""Train a language model, then measure it, whatever its model."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from pipelines.language_model import masked_words
from pipelines.language_model.masked_words import Shown
from pipelines.reports import plots, report
from pipelines.steps import training as training_steps
from runtime.devices.placement import Placement
from runtime.engine.engine import Engine
from runtime.training import training
from runtime.training.evaluations import Evaluation, Predictor
from runtime.training.job import Job
from runtime.training.loop import BatchFeed
from runtime.training.model import Model, RunModel
from runtime.training.training import RunContext

_SHOWN_BEFORE = "masked_words_before"
"""In a checkpoint's state: what was predicted for masked tokens before training."""

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Measured:
    """How well a language model predicts.

    Attributes:
        results: Name to value, as eval_results.txt has them.
        logged: As the metrics and the learning curve have them.
    """

    results: Mapping[str, float]
    logged: Mapping[str, float]


class Sequences(Protocol):
    """What a language model reads, as its pipeline knows it."""

    @property
    def train_examples(self) -> int:
        """Sequences of an epoch of training."""

    def keep(self, context: RunContext, /) -> None:
        """Writes what the run keeps of its texts, and the report on them."""

    def feed(self) -> BatchFeed:
        """The training batches."""

    def evaluate(self, predictor: Predictor, /) -> Measured:
        """How well a model predicts the dev texts."""

    def show(self, predictor: Predictor, /) -> Sequence[Shown]:
        """What a model predicts for some masked tokens, for people to read."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class LanguageModel(Model):
    """What a pipeline says of its language model.

    Attributes:
        sequences: What it reads.
        measured_by: See base class.
    """

    sequences: Sequences
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
        language_model.sequences.keep(context)
        model = RunModel(job, language_model, context=context)
        if job.settings.trains:
            _train(job, language_model, model=model, context=context)
        if not job.settings.evaluates:
            return {}
        _log.info("***** Running evaluation *****")
        _log.info("  Batch size = %d", job.settings.eval_batch_size)
        found = language_model.sequences.evaluate(model.trained())
        return _report(found, step=model.step, context=context)


def _train(
    job: Job, language_model: LanguageModel, *, model: RunModel, context: RunContext
) -> None:
    """Trains to the last update and leaves checkpoints and a learning curve."""
    sequences = language_model.sequences
    before: list[Shown] = []

    def state(engine: Engine) -> Mapping[str, Any]:
        before.extend(_shown_before(job, sequences, engine))
        return {_SHOWN_BEFORE: masked_words.as_json(before)} if before else {}

    engine = training_steps.train(
        job,
        model=model,
        context=context,
        feed=sequences.feed,
        evaluation=_on_the_way(job, sequences),
        state=state,
    )
    if before and (after := sequences.show(engine)):
        masked_words.write(
            context.path("masked_words.txt"),
            before=before[: len(after)],
            after=after[: len(before)],
        )


def _on_the_way(job: Job, sequences: Sequences) -> Evaluation | None:
    """What is measured while it trains."""
    if not job.settings.evaluates:
        return None
    return Evaluation(
        scorer=lambda predictor: sequences.evaluate(predictor).logged,
        train_examples=sequences.train_examples,
    )


def _shown_before(job: Job, sequences: Sequences, engine: Engine) -> Sequence[Shown]:
    """What was predicted before the first update; checkpoints carry it."""
    if engine.step == 0 or job.restored is None:
        return sequences.show(engine)
    return masked_words.from_json(job.restored.state.get(_SHOWN_BEFORE, []))


def _report(found: Measured, *, step: int, context: RunContext) -> Mapping[str, float]:
    """Writes the results of an evaluation; returns them."""
    results = {**found.results, "global_step": step}
    report.write_eval_results(context.path("eval_results.txt"), results)
    context.record.log_result(step, found.logged)
    plots.plot_course(context)
    _log.info("***** Eval results *****")
    for name in sorted(results):
        _log.info("  %s = %s", name, results[name])
    return results
