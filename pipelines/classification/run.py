"""Train, evaluate and predict with a classifier, whatever its model.

The order of work, the files and the numbers are those of google-research/bert's
`run_classifier.py`. A pipeline subclasses `ClassificationRun` and says how its model is
built and what it starts from.
"""

from __future__ import annotations

import abc
import logging
from collections.abc import Callable, Sequence

import numpy as np

from pipelines.classification import data_check, outputs, records_of_run
from pipelines.classification.outputs import Outputs
from pipelines.classification.preparation import TaskJob
from pipelines.classification.splits import Split
from pipelines.reports import plots, report
from processors.batches.batches import BatchShape, TrainBatches, stack
from processors.batches.token_dataset import UNLABELLED
from runtime import storage
from runtime.engine.engine import Engine, EngineState
from runtime.errors import CheckpointError
from runtime.training import loop, untrained
from runtime.training.training import Initial, RunContext, Training

_log = logging.getLogger(__name__)


def _reports() -> tuple[tuple[str, str, Callable[..., None]], ...]:
    """Name, ending and author of each report on a labelled split."""
    return (
        ("classification_report", ".txt", report.write_classification_report),
        ("confusion_matrix", ".txt", report.write_confusion_matrix),
        ("confusion_matrix", ".png", plots.plot_confusion_matrix),
    )


class ClassificationRun(abc.ABC):
    """One run: its job, where it runs and, once it is needed, its model.

    Args:
        job: What to do.
        context: Where.
    """

    def __init__(self, job: TaskJob, *, context: RunContext) -> None:
        self._job = job
        self._settings = job.settings
        self._context = context
        self._training = Training(job, context=context)
        self._engine: Engine | None = None
        self._predicted: dict[str, np.ndarray] = {}
        self._splits = job.splits
        self._steps_elsewhere = 0

    # -- what a pipeline says of its model --------------------------------------------

    @abc.abstractmethod
    def build(self, labels: Sequence[str], *, total: int) -> Engine:
        """Builds the model with random weights.

        Args:
            labels: The task's labels in order of their ids.
            total: Updates of the whole run; 0 where the engine is only to predict.

        Returns:
            Its engine.
        """

    @abc.abstractmethod
    def initialise(self, made: Engine) -> Initial:
        """Loads the weights that the settings name to start from, if they name any.

        Args:
            made: From `build`.

        Returns:
            What stayed random, and of what step the rest is.
        """

    def train_batches(self, split: Split, *, shape: BatchShape) -> TrainBatches:
        """The batches to train on; by default in an order that looks at no text.

        Args:
            split: The examples.
            shape: Of the batches.
        """
        return TrainBatches(split.dataset, shape=shape, seed=self._settings.seed)

    # -- the work ---------------------------------------------------------------------

    def carry_out(self) -> None:
        """Does what the settings ask for: train, evaluate, predict, in this order.

        Raises:
            SettingsError: The output directory holds another run.
            CheckpointError: A checkpoint does not fit.
            TrainingError: The loss is not finite.
        """
        records_of_run.keep(self._job, context=self._context)
        data_check.write_report(self._job, folder=self._context.folder)
        if self._settings.do_train:
            self.train()
        if self._settings.do_eval:
            self.evaluate()
        if self._settings.do_predict:
            self.predict()

    def train(self) -> None:
        """Trains to the last step and leaves checkpoints and a learning curve.

        Raises:
            SettingsError: The folder is another run's.
        """
        split, total = self._splits["train"], self._job.total_steps
        self._engine = self._start(split, total=total)
        self._training.claim_output_dir()
        if self._engine.step >= total:
            _log.info("Skipping training since max_steps has already saved.")
        else:
            self._announce("training", split, total=total)
            self._fit(split)
        self._plot_learning_curve()

    def _start(self, split: Split, *, total: int) -> Engine:
        made = self.build(split.labels, total=total)
        if not self._training.restore(made):
            self.initialise(made)
        return made

    def _fit(self, split: Split) -> None:
        settings = self._settings
        batches = self.train_batches(
            split,
            shape=self._shape(
                settings.train_batch_size,
                accumulation=settings.gradient_accumulation_steps,
            ),
        )

        def feed(first: int, stop: int) -> loop.CallBatch:
            several = [batches.batch(step) for step in range(first, stop)]
            return loop.CallBatch(
                arrays=stack(several),
                examples=sum(batch.example_index.size for batch in several),
                tokens=sum(batch.real_tokens for batch in several),
                names=lambda index: several[index].names(split.examples),
            )

        self._training.fit(self._made, feed)

    def evaluate(self) -> None:
        """Writes eval_results.txt and the reports on the dev split."""
        split = self._splits["dev"]
        gold = split.dataset.label_ids
        self._announce("evaluation", split)
        found = self._outputs(split, self._settings.eval_batch_size)
        self._predicted["dev"] = found.predicted
        accuracy = np.mean(found.predicted == gold)
        results = {
            "eval_accuracy": np.float32(accuracy),
            "eval_loss": np.mean(found.losses),
            "global_step": self._step,
            "loss": np.mean(found.batch_losses),
        }
        report.write_eval_results(self._context.path("eval_results.txt"), results)
        self._write_reports(split, found, prefix="")
        self._context.record.log_result(
            self._step,
            {name: results[name] for name in ("eval_accuracy", "eval_loss")},
        )
        self._plot_learning_curve()
        _log.info("***** Eval results *****")
        for name in sorted(results):
            _log.info("  %s = %s", name, results[name])
        _log.info("Reports: %s", self._context.path("classification_report.txt"))

    def predict(self) -> None:
        """Writes test_results.tsv, labels.txt and predictions.tsv of the test split."""
        split, suffix = self._splits["test"], self._settings.predict_suffix
        self._announce("prediction", split)
        found = self._outputs(split, self._settings.predict_batch_size)
        self._predicted["test"] = found.predicted
        report.write_test_results(
            self._context.path(f"test_results{suffix}.tsv"), found.probabilities
        )
        report.write_labels(self._context.path(f"labels{suffix}.txt"), split.labels)
        path = self._context.path(f"predictions{suffix}.tsv")
        report.write_predictions(
            path,
            examples=split.examples,
            predicted=found.predicted,
            probabilities=found.probabilities,
            labels=split.labels,
        )
        _log.info("***** Predict results *****")
        if (split.dataset.label_ids != UNLABELLED).all():
            self._write_reports(split, found, prefix="test_", suffix=suffix)
            accuracy = np.mean(found.predicted == split.dataset.label_ids)
            _log.info("  test_accuracy = %s", np.float32(accuracy))
        else:
            self._delete_reports(prefix="test_", suffix=suffix)
        _log.info("Predictions: %s", path)

    def _announce(self, work: str, split: Split, *, total: int | None = None) -> None:
        batch = {
            "training": self._settings.train_batch_size,
            "evaluation": self._settings.eval_batch_size,
            "prediction": self._settings.predict_batch_size,
        }[work]
        _log.info("***** Running %s *****", work)
        _log.info("  Num examples = %d", len(split.dataset))
        _log.info("  Batch size = %d", batch)
        if total is not None:
            _log.info("  Num steps = %d", total)

    # -- model ------------------------------------------------------------------------

    @property
    def _made(self) -> Engine:
        if self._engine is None:
            raise CheckpointError("No model was built; read a split first.")
        return self._engine

    @property
    def _step(self) -> int:
        """Updates that the weights are the outcome of, this run's or another's."""
        return self._made.step + self._steps_elsewhere

    def _trained(self, labels: Sequence[str]) -> Engine:
        """The model to evaluate: this run's, else the newest checkpoint's.

        Raises:
            CheckpointError: There are no trained weights, or they lack the head.
        """
        if self._engine is not None:
            return self._engine
        made = self.build(labels, total=0)
        restored = self._job.restored
        if restored is not None:
            _log.info("Using step %d of %s", restored.step, self._job.output_dir)
            made.load_state(EngineState(restored.step, restored.weights, slots={}))
            restored.close()
        else:
            initial = self.initialise(made)
            self._refuse_untrained(initial)
            self._steps_elsewhere = initial.step
        self._engine = made
        return made

    def _refuse_untrained(self, initial: Initial) -> None:
        untrained.refuse(
            initial.missing,
            path=self._settings.init_checkpoint,
            work="predictions",
            advice="Train first, or name a fine-tuned checkpoint.",
        )

    def _outputs(self, split: Split, batch_size: int) -> Outputs:
        return outputs.compute(
            self._trained(split.labels), split, shape=self._shape(batch_size)
        )

    def _shape(self, batch: int, *, accumulation: int = 1) -> BatchShape:
        return BatchShape.on(
            self._context.placement,
            batch=batch,
            accumulation=accumulation,
            max_seq_length=self._settings.max_seq_length,
            pad_to=self._settings.pad_to,
        )

    # -- files ------------------------------------------------------------------------

    def _write_reports(
        self, split: Split, found: Outputs, *, prefix: str, suffix: str = ""
    ) -> None:
        compared = {
            "gold": split.dataset.label_ids,
            "predicted": found.predicted,
            "labels": split.labels,
        }
        for stem, kind, write in _reports():
            write(self._context.path(f"{prefix}{stem}{suffix}{kind}"), **compared)

    def _delete_reports(self, *, prefix: str, suffix: str) -> None:
        """Deletes those on an earlier test set, which the predictions are not of."""
        for stem, kind, _ in _reports():
            path = self._context.path(f"{prefix}{stem}{suffix}{kind}")
            if storage.exists(path):
                storage.delete(path)

    def _plot_learning_curve(self) -> None:
        plots.plot_learning_curve(
            self._context.path("learning_curve.png"), self._context.record.metrics()
        )
