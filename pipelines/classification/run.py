"""Train, evaluate and predict with a classifier, whatever its model.

The order of work, the files and the numbers are those of google-research/bert's
`run_classifier.py`.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Mapping, Sequence

from pipelines.classification import answers as kinds
from pipelines.classification import (
    class_weights,
    comparison,
    data_check,
    evaluation,
    outputs,
    prediction,
    records_of_run,
)
from pipelines.classification.answers import Answers
from pipelines.classification.comparison import Accuracies, Baselines
from pipelines.classification.outputs import Outputs
from pipelines.classification.preparation import TaskJob
from pipelines.classification.splits import Split
from pipelines.reports.page import document
from pipelines.steps import training as steps
from pipelines.steps.feed import feed
from runtime.devices.placement import Placement
from runtime.engine.engine import Engine
from runtime.training import training
from runtime.training.evaluations import Evaluation, Predictor
from runtime.training.loop import BatchFeed
from runtime.training.model import Model, RunModel
from runtime.training.training import RunContext

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Classifier(Model):
    """What a pipeline says of its classifier.

    Attributes:
        name: What it is called beside others.
        fit_at_once: Trains on a split without updates; None where it trains by them.
        ready: Makes splits ready to be read, before anything is made of them.
        baselines: What stands beside it in a comparison, apart from simple classifiers.
    """

    name: str = "this run"
    fit_at_once: Callable[[Engine, Split, RunContext], None] | None = None
    ready: Callable[[Mapping[str, Split], RunContext], Mapping[str, Split]] = (
        lambda splits, _context: splits
    )
    baselines: Baselines = lambda _train, _others, _context: {}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Results:
    """What came of a run; each part is empty where it was not asked for.

    Attributes:
        answers: What the outputs mean.
        scores: `eval_` ones of the dev split, as eval_results.txt has them, and
            `test_` ones of a test split with labels.
        outputs: What the model says of the examples of dev and test.
        accuracies: Classifier to split to accuracy, as compare.txt has them.
    """

    answers: Answers
    scores: Mapping[str, float] = dataclasses.field(default_factory=dict)
    outputs: Mapping[str, Outputs] = dataclasses.field(default_factory=dict)
    accuracies: Accuracies = dataclasses.field(default_factory=dict)

    def predicted(self, split: str) -> Sequence[str | tuple[str, ...] | float]:
        """The answer to each example of dev or test: a label, labels or a number."""
        return self.answers.in_words(self.outputs[split])


def run(job: TaskJob, classifier: Classifier, *, placement: Placement) -> Results:
    """Does what the job's settings ask for.

    Args:
        job: From the pipeline's `prepare`.
        classifier: Its model.
        placement: From `runtime.devices.placement.place`.

    Returns:
        Scores and predictions.

    Raises:
        SettingsError: A batch does not divide by the replicas, the output directory
            holds another run, or the processes that share the run disagree.
        CheckpointError: A checkpoint does not fit, or there are no trained weights.
        TrainingError: The loss is not finite.
    """
    settings = job.settings
    answers = kinds.of_job(job)
    scores: dict[str, float] = {}
    found: dict[str, Outputs] = {}
    accuracies: Accuracies = {}
    with training.open_context(job, placement) as context:
        records_of_run.keep(job, context=context)
        data_check.write_report(job, folder=context.folder)
        splits = classifier.ready(job.splits, context)
        job = dataclasses.replace(job, splits=splits)
        model = RunModel(job, classifier, context=context)
        if settings.do_train:
            _train(job, classifier, answers=answers, model=model, context=context)
        if settings.do_eval:
            found["dev"] = _outputs(job, "dev", answers, model=model, context=context)
            answers = answers.tuned(splits["dev"], found["dev"])
            answers.keep(context)
            scores |= evaluation.write(
                splits["dev"],
                found["dev"],
                answers=answers,
                step=model.step,
                context=context,
            )
        if settings.do_predict:
            found["test"] = _outputs(job, "test", answers, model=model, context=context)
            scores |= prediction.write(
                splits["test"],
                found["test"],
                answers=answers,
                suffix=settings.predict_suffix,
                context=context,
            )
        if settings.compare:
            accuracies = comparison.compare(
                splits,
                found,
                answers=answers,
                name=classifier.name,
                baselines=classifier.baselines,
                context=context,
            )
        document.keep(context)
    return Results(answers=answers, scores=scores, outputs=found, accuracies=accuracies)


def _train(
    job: TaskJob,
    classifier: Classifier,
    *,
    answers: Answers,
    model: RunModel,
    context: RunContext,
) -> None:
    """Trains to the last update and leaves checkpoints and a learning curve."""
    split, at_once = job.splits["train"], classifier.fit_at_once
    steps.train(
        job,
        model=model,
        context=context,
        feed=lambda: _feed(job, split, placement=context.placement),
        evaluation=_on_the_way(job, answers, placement=context.placement),
        examples=len(split.dataset),
        fit_at_once=at_once and (lambda engine: at_once(engine, split, context)),
    )


def _feed(job: TaskJob, split: Split, *, placement: Placement) -> BatchFeed:
    settings = job.settings
    batches = settings.train_order(
        split.dataset,
        shape=settings.train_shape(placement),
        seed=settings.seed,
        class_weights=class_weights.of_split(
            settings.class_weights,
            labels=split.labels,
            label_ids=split.dataset.label_ids,
        ),
    )
    return feed(batches, names=lambda batch: batch.names(split.examples))


def _on_the_way(
    job: TaskJob, answers: Answers, *, placement: Placement
) -> Evaluation | None:
    """What is measured while it trains: the scores of the dev split."""
    settings = job.settings
    if not settings.do_eval:
        return None
    dev = job.splits["dev"]
    shape = settings.batch_shape(placement, batch=settings.eval_batch_size)

    def scores(predictor: Predictor) -> Mapping[str, float]:
        found = outputs.compute(predictor, dev, losses_of=answers.losses, shape=shape)
        return answers.tuned(dev, found).scores(dev, found)

    return Evaluation(scorer=scores, train_examples=len(job.splits["train"].dataset))


_WORK = {"dev": "evaluation", "test": "prediction"}


def _outputs(
    job: TaskJob,
    name: str,
    answers: Answers,
    *,
    model: RunModel,
    context: RunContext,
) -> Outputs:
    """What the trained model says of dev or test."""
    settings, split = job.settings, job.splits[name]
    batch = settings.eval_batch_size if name == "dev" else settings.predict_batch_size
    _log.info("***** Running %s *****", _WORK[name])
    _log.info("  Num examples = %d", len(split.dataset))
    _log.info("  Batch size = %d", batch)
    shape = settings.batch_shape(context.placement, batch=batch)
    return outputs.compute(
        model.trained(), split, losses_of=answers.losses, shape=shape
    )
