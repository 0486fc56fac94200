"""Train a model that writes texts, measure it and let it write, whatever its model."""

from __future__ import annotations

import dataclasses
import functools
import logging
from collections.abc import Mapping

import numpy as np

from pipelines.classification import data_check, records_of_run
from pipelines.classification.splits import Split
from pipelines.generation import comparison, outputs, report, scores
from pipelines.generation.comparison import Written
from pipelines.generation.outputs import Loss, Outputs
from pipelines.generation.preparation import GenerationJob
from pipelines.reports import plots
from pipelines.reports import report as reports
from pipelines.reports.page import document
from pipelines.steps import training as steps
from pipelines.steps.feed import feed
from processors.batches.batch_shape import BatchShape, PadTo
from runtime.devices.placement import Placement
from runtime.training import training
from runtime.training.evaluations import Evaluation, Predictor
from runtime.training.loop import BatchFeed
from runtime.training.model import Model, RunModel
from runtime.training.training import RunContext

_THIS_RUN = "this run"

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Generator(Model):
    """What a pipeline says of its model that writes.

    Its objective's outputs are `target_losses` and `is_right` of arrays with targets,
    else `ids` and `scores` of the texts that it writes.
    """

    measured_by: str = "texts"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Results:
    """What came of a run; each part is empty where it was not asked for.

    Attributes:
        scores: Those of dev, as eval_results.txt has them, and `test_` ones where the
            targets of test are known.
        outputs: What was written for dev and test.
        comparison: Split to system to score to value, as compare.txt has them.
    """

    scores: Mapping[str, float] = dataclasses.field(default_factory=dict)
    outputs: Mapping[str, Outputs] = dataclasses.field(default_factory=dict)
    comparison: comparison.Table = dataclasses.field(default_factory=dict)


def run(job: GenerationJob, generator: Generator, *, placement: Placement) -> Results:
    """Does what the job's settings ask for: train, evaluate, write, compare.

    Args:
        job: From the pipeline's `prepare`.
        generator: Its model.
        placement: From `runtime.devices.placement.place`.

    Returns:
        Scores and texts.

    Raises:
        SettingsError: A batch does not divide by the replicas, the output directory
            holds another run, or the processes that share the run disagree.
        CheckpointError: A checkpoint does not fit, or there are no trained weights.
        TrainingError: The loss is not finite.
    """
    settings = job.settings
    found: dict[str, Outputs] = {}
    measured: dict[str, float] = {}
    compared: comparison.Table = {}
    with training.open_context(job, placement) as context:
        records_of_run.keep(job, context=context)
        data_check.write_report(job, folder=context.folder)
        model = RunModel(job, generator, context=context)
        if settings.do_train:
            steps.train(
                job,
                model=model,
                context=context,
                feed=lambda: _feed(job, placement),
                evaluation=_on_the_way(job, placement),
            )
        if settings.do_eval:
            found["dev"] = _write(job, "dev", model=model, placement=placement)
            measured |= _evaluate(job, found["dev"], model=model, context=context)
        if settings.do_predict:
            found["test"] = _write(job, "test", model=model, placement=placement)
            measured |= _predict(job, found["test"], model=model, context=context)
        if settings.compare:
            compared = _compare(job, found, context=context)
        document.keep(context)
    return Results(scores=measured, outputs=found, comparison=compared)


def _feed(job: GenerationJob, placement: Placement) -> BatchFeed:
    split, settings = job.splits["train"], job.settings
    batches = settings.train_order(
        split.dataset, shape=settings.train_shape(placement), seed=settings.seed
    )
    arrays = functools.partial(
        outputs.target_arrays,
        start_id=job.tokenizer.special.cls,
        max_row_shapes=placement.max_row_shapes,
    )
    return feed(
        batches,
        names=lambda batch: batch.names(split.examples),
        arrays=lambda several, _: arrays(several),
    )


def _on_the_way(job: GenerationJob, placement: Placement) -> Evaluation | None:
    """What is measured while it trains: the loss of the dev targets."""
    if not job.settings.do_eval:
        return None
    dev = job.splits["dev"]
    return Evaluation(
        scorer=lambda predictor: _loss(job, dev, predictor, placement).logged,
        train_examples=len(job.splits["train"].dataset),
    )


def _loss(
    job: GenerationJob, split: Split, predictor: Predictor, placement: Placement
) -> Loss:
    settings = job.settings
    return outputs.measure(
        predictor,
        split.dataset,
        shape=settings.batch_shape(placement, batch=settings.eval_batch_size),
        start_id=job.tokenizer.special.cls,
        max_row_shapes=placement.max_row_shapes,
    )


def _write(
    job: GenerationJob, name: str, *, model: RunModel, placement: Placement
) -> Outputs:
    """What the trained model writes for dev or test."""
    settings, dataset = job.settings, job.splits[name].dataset
    _log.info("***** Writing for %s *****", name)
    _log.info("  Num examples = %d", len(dataset))
    _log.info("  Batch size = %d", settings.predict_batch_size)
    return outputs.write(
        model.trained(),
        dataset,
        shape=BatchShape.on(
            placement,
            batch=settings.predict_batch_size,
            max_seq_length=settings.max_seq_length,
            pad_to=PadTo.BUCKET,
        ),
        tokenizer=job.tokenizer,
        unknown_text=settings.unknown_text,
    )


def _evaluate(
    job: GenerationJob, written: Outputs, *, model: RunModel, context: RunContext
) -> dict[str, float]:
    """Writes the results of an evaluation; returns them."""
    split = job.splits["dev"]
    loss = _loss(job, split, model.trained(), context.placement)
    results = {
        **loss.logged,
        "eval_token_accuracy": loss.accuracy,
        **_scores(job, split, written),
        "global_step": model.step,
    }
    reports.write_eval_results(context.path("eval_results.txt"), results)
    report.write_samples(context.path("samples.txt"), split.examples, written)
    context.record.log_result(model.step, loss.logged)
    plots.plot_course(context)
    _tell("Eval", results)
    return results


def _predict(
    job: GenerationJob, written: Outputs, *, model: RunModel, context: RunContext
) -> dict[str, float]:
    """Writes what was written for test, and scores where all targets are known."""
    split, suffix = job.splits["test"], job.settings.predict_suffix
    examples = split.examples
    path = context.path(f"predictions{suffix}.tsv")
    report.write_predictions(path, examples, written)
    report.write_all(context.path(f"predictions{suffix}.jsonl"), examples, written)
    _log.info("Predictions: %s", path)
    if any(example.text_b is None for example in examples):
        return {}
    loss = _loss(job, split, model.trained(), context.placement)
    found = {**loss.logged, **_scores(job, split, written)}
    results = {f"test_{name.removeprefix('eval_')}": v for name, v in found.items()}
    reports.write_eval_results(context.path(f"test_scores{suffix}.txt"), results)
    _tell("Test", results)
    return results


def _scores(job: GenerationJob, split: Split, written: Outputs) -> dict[str, float]:
    """How good the best text of each example is, and how they are written."""
    best = [texts[0] for texts in written]
    ours = [text.text for text in best]
    given = [example.text_b or "" for example in split.examples]
    training_examples, _ = job.training_examples()
    known = [example.text_b or "" for example in training_examples]
    return {
        **scores.likeness(ours, given),
        **scores.habits(ours, given, training=known),
        "ended": float(np.mean([text.has_ended for text in best])),
    }


def _tell(name: str, results: Mapping[str, float]) -> None:
    _log.info("***** %s results *****", name)
    for key in sorted(results):
        _log.info("  %s = %s", key, reports.result_text(results[key]))


def _compare(
    job: GenerationJob, found: Mapping[str, Outputs], *, context: RunContext
) -> comparison.Table:
    """Sets the run beside what needs no model, where the targets are known."""
    known = {
        name: job.splits[name].examples
        for name in found
        if all(each.text_b is not None for each in job.splits[name].examples)
    }
    if not known:
        _log.warning("No target is known: there is nothing to compare.")
        return {}
    others = comparison.baselines(job.splits["train"].examples, known)
    splits = {
        name: Written(
            given=[each.text_b or "" for each in examples],
            systems={
                **others[name],
                _THIS_RUN: [texts[0].text for texts in found[name]],
            },
        )
        for name, examples in known.items()
    }
    return comparison.compare(splits, name=_THIS_RUN, context=context)
