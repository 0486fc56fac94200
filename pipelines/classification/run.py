"""Train, evaluate and predict with a classifier, whatever its model.

The order of work, the files and the numbers are those of google-research/bert's
`run_classifier.py`.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Mapping

from pipelines.classification import (
    comparison,
    data_check,
    evaluation,
    outputs,
    prediction,
    records_of_run,
)
from pipelines.classification.comparison import Accuracies, Baselines
from pipelines.classification.outputs import Outputs
from pipelines.classification.preparation import TaskJob
from pipelines.classification.splits import Split
from pipelines.reports import plots
from pipelines.steps.feed import feed
from runtime.devices.placement import Placement
from runtime.engine.engine import Engine
from runtime.training import training
from runtime.training.loop import BatchFeed
from runtime.training.model import Model, RunModel
from runtime.training.training import RunContext, Training

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Classifier(Model):
    """What a pipeline says of its classifier.

    Attributes:
        name: What it is called beside others.
        fit_at_once: Trains on a split without updates; None where it trains by them.
        baselines: What stands beside it in a comparison, apart from simple classifiers.
    """

    name: str = "this run"
    fit_at_once: Callable[[Engine, Split, RunContext], None] | None = None
    baselines: Baselines = lambda _train, _others, _context: {}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Results:
    """What came of a run; each part is empty where it was not asked for.

    Attributes:
        labels: The task's labels in order of their ids.
        scores: Those of the dev split, as eval_results.txt has them, and the
            `test_accuracy` of a test split with labels.
        outputs: What the model says of the examples of dev and test.
        accuracies: Classifier to split to accuracy, as compare.txt has them.
    """

    labels: tuple[str, ...]
    scores: Mapping[str, float] = dataclasses.field(default_factory=dict)
    outputs: Mapping[str, Outputs] = dataclasses.field(default_factory=dict)
    accuracies: Accuracies = dataclasses.field(default_factory=dict)

    def predicted(self, split: str) -> list[str]:
        """The most probable label of each example of dev or test."""
        return [self.labels[label] for label in self.outputs[split].predicted]


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
    settings, splits = job.settings, job.splits
    scores: dict[str, float] = {}
    found: dict[str, Outputs] = {}
    accuracies: Accuracies = {}
    with training.open_context(job, placement) as context:
        records_of_run.keep(job, context=context)
        data_check.write_report(job, folder=context.folder)
        model = RunModel(job, classifier, context=context)
        if settings.do_train:
            _train(job, classifier, model=model, context=context)
        if settings.do_eval:
            found["dev"] = _outputs(job, "dev", model=model, context=context)
            scores |= evaluation.write(
                splits["dev"], found["dev"], step=model.step, context=context
            )
        if settings.do_predict:
            found["test"] = _outputs(job, "test", model=model, context=context)
            scores |= prediction.write(
                splits["test"],
                found["test"],
                suffix=settings.predict_suffix,
                context=context,
            )
        if settings.compare:
            accuracies = comparison.compare(
                splits,
                found,
                name=classifier.name,
                baselines=classifier.baselines,
                context=context,
            )
    return Results(
        labels=job.labels, scores=scores, outputs=found, accuracies=accuracies
    )


def _train(
    job: TaskJob, classifier: Classifier, *, model: RunModel, context: RunContext
) -> None:
    """Trains to the last update and leaves checkpoints and a learning curve."""
    split, training_of = job.splits["train"], Training(job, context=context)
    engine = model.to_train()
    training_of.claim_output_dir()
    job.keep_vocabulary(context.folder)
    if engine.step >= job.total_steps:
        _log.info("Skipping training since max_steps has already saved.")
    elif classifier.fit_at_once is not None:
        _announce(job, split)
        classifier.fit_at_once(engine, split, context)
        engine.load_state(dataclasses.replace(engine.state(), step=job.total_steps))
        training_of.keep(engine)
    else:
        _announce(job, split)
        _log.info("  Num steps = %d", job.total_steps)
        training_of.fit(engine, _feed(job, split, placement=context.placement))
    plots.plot_learning_curve(
        context.path("learning_curve.png"), context.record.metrics()
    )


def _announce(job: TaskJob, split: Split) -> None:
    _log.info("***** Running training *****")
    _log.info("  Num examples = %d", len(split.dataset))
    _log.info("  Batch size = %d", job.settings.train_batch_size)


def _feed(job: TaskJob, split: Split, *, placement: Placement) -> BatchFeed:
    settings = job.settings
    batches = settings.train_order(
        split.dataset, shape=settings.train_shape(placement), seed=settings.seed
    )
    return feed(batches, names=lambda batch: batch.names(split.examples))


_WORK = {"dev": "evaluation", "test": "prediction"}


def _outputs(
    job: TaskJob, name: str, *, model: RunModel, context: RunContext
) -> Outputs:
    """What the trained model says of dev or test."""
    settings, split = job.settings, job.splits[name]
    batch = settings.eval_batch_size if name == "dev" else settings.predict_batch_size
    _log.info("***** Running %s *****", _WORK[name])
    _log.info("  Num examples = %d", len(split.dataset))
    _log.info("  Batch size = %d", batch)
    shape = settings.batch_shape(context.placement, batch=batch)
    return outputs.compute(model.trained(), split, shape=shape)
