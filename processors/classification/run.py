"""Train, evaluate and predict with a classifier, whatever its model.

The order of work, the files and the numbers are those of google-research/bert's
`run_classifier.py`. A pipeline subclasses `ClassificationRun` and says how its model is
built and what it starts from.
"""

from __future__ import annotations

import abc
import logging
from collections.abc import Sequence

import numpy as np

from processors import plots, report
from processors.batches import BatchShape, TrainBatches, stack
from processors.classification import data_check, outputs, splits
from processors.classification.outputs import Outputs
from processors.classification.preparation import TaskJob
from processors.classification.splits import Split
from processors.token_dataset import UNLABELLED
from runtime import loop
from runtime.engine import Engine, EngineState
from runtime.errors import CheckpointError, SettingsError
from runtime.placement import refuse_disagreement
from runtime.training import Site, Training

_log = logging.getLogger(__name__)


class ClassificationRun(abc.ABC):
    """One run: its job, where it runs and, once a split is read, its model.

    Args:
        job: What to do.
        site: Where.
    """

    def __init__(self, job: TaskJob, *, site: Site) -> None:
        self._job = job
        self._settings = job.settings
        self._site = site
        self._training = Training(job, site=site)
        self._engine: Engine | None = None
        self._predicted: dict[str, np.ndarray] = {}
        self._splits: dict[str, Split] = {}

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
    def initialise(self, made: Engine) -> Sequence[str] | None:
        """Loads the weights that the settings name to start from.

        Args:
            made: From `build`.

        Returns:
            Names of the weights that stay random; None where no weights are named.
        """

    # -- the work ---------------------------------------------------------------------

    def carry_out(self) -> None:
        """Does what the settings ask for: train, evaluate, predict, in this order.

        Raises:
            SettingsError: The output directory holds another run.
            DataError: A split cannot be read.
            CheckpointError: A checkpoint does not fit.
            TrainingError: The loss is not finite.
        """
        if self._settings.do_train:
            self._training.refuse_other_settings()
        self._check_data()
        if self._settings.do_train:
            self.train()
        if self._settings.do_eval:
            self.evaluate()
        if self._settings.do_predict:
            self.predict()

    def train(self) -> None:
        """Trains to the last step and leaves checkpoints and a learning curve.

        Raises:
            SettingsError: No update would be done, or the folder is another run's.
        """
        split = self._read("train")
        total = self._settings.num_train_steps(len(split.dataset))
        if total == 0:
            raise SettingsError(
                f"{len(split.dataset)} training examples are fewer than "
                f"--train_batch_size={self._settings.train_batch_size} allows for "
                f"{self._settings.num_train_epochs} epochs: no update would be done."
            )
        self._engine = self._start(split, total=total)
        self._claim(split, total=total)
        if self._engine.step >= total:
            _log.info("Skipping training since max_steps has already saved.")
            return
        self._announce("training", split, total=total)
        self._fit(split, total=total)
        self._plot_learning_curve()

    def _start(self, split: Split, *, total: int) -> Engine:
        made = self.build(split.labels, total=total)
        if not self._training.restore(made):
            self.initialise(made)
        return made

    def _fit(self, split: Split, *, total: int) -> None:
        settings = self._settings
        batches = TrainBatches(
            split.dataset,
            shape=self._shape(
                settings.train_batch_size,
                accumulation=settings.gradient_accumulation_steps,
            ),
            seed=settings.seed,
        )

        def feed(first: int, stop: int) -> loop.Call:
            several = [batches.batch(step) for step in range(first, stop)]
            return loop.Call(
                arrays=stack(several),
                examples=sum(batch.example_index.size for batch in several),
                tokens=sum(batch.real_tokens for batch in several),
                names=lambda index: several[index].names(split.examples),
            )

        self._training.fit(
            self._made,
            feed,
            total=total,
            state=self._state(split),
        )

    def _state(self, split: Split) -> dict[str, object]:
        """What checkpoints carry of the task."""
        return {
            "labels": list(split.labels),
            "max_seq_length": self._settings.max_seq_length,
        }

    def _claim(self, split: Split, *, total: int) -> None:
        self._training.claim_output_dir(
            {
                "labels": split.labels,
                "num_train_examples": len(split.dataset),
                "train_data_crc32c": split.checksums,
            },
            total=total,
        )

    def evaluate(self) -> None:
        """Writes eval_results.txt and the reports on the dev split."""
        split = self._read("dev")
        gold = split.dataset.label_ids
        self._announce("evaluation", split)
        found = self._outputs(split, self._settings.eval_batch_size)
        self._predicted["dev"] = found.predicted
        accuracy = np.mean(found.predicted == gold)
        results = {
            "eval_accuracy": np.float32(accuracy),
            "eval_loss": np.mean(found.losses),
            "global_step": self._made.step,
            "loss": np.mean(found.batch_losses),
        }
        report.write_eval_results(self._site.path("eval_results.txt"), results)
        self._write_reports(split, found, prefix="")
        self._site.record.log(
            self._made.step,
            {name: results[name] for name in ("eval_accuracy", "eval_loss")},
        )
        self._plot_learning_curve()
        _log.info("***** Eval results *****")
        for name in sorted(results):
            _log.info("  %s = %s", name, results[name])
        _log.info("Reports: %s", self._site.path("classification_report.txt"))

    def predict(self) -> None:
        """Writes test_results.tsv, labels.txt and predictions.tsv of the test split."""
        split = self._read("test")
        self._announce("prediction", split)
        found = self._outputs(split, self._settings.predict_batch_size)
        self._predicted["test"] = found.predicted
        report.write_test_results(
            self._site.path("test_results.tsv"), found.probabilities
        )
        report.write_labels(self._site.path("labels.txt"), split.labels)
        report.write_predictions(
            self._site.path("predictions.tsv"),
            examples=split.examples,
            predicted=found.predicted,
            probabilities=found.probabilities,
            labels=split.labels,
        )
        _log.info("***** Predict results *****")
        if (split.dataset.label_ids != UNLABELLED).all():
            self._write_reports(split, found, prefix="test_")
            accuracy = np.mean(found.predicted == split.dataset.label_ids)
            _log.info("  test_accuracy = %s", np.float32(accuracy))
        _log.info("Predictions: %s", self._site.path("predictions.tsv"))

    # -- splits -----------------------------------------------------------------------

    def _check_data(self) -> None:
        """Reads the splits of all the work ahead and reports on them.

        Raises:
            DataError: A split cannot be read, or has more copies than are allowed.
        """
        ahead = {
            "train": self._settings.do_train,
            "dev": self._settings.do_eval,
            "test": self._settings.do_predict,
        }
        read = {name: self._read(name) for name, is_ahead in ahead.items() if is_ahead}
        data_check.check(self._job, read, folder=self._site.folder)

    def _read(self, name: str) -> Split:
        if name not in self._splits:
            split = splits.read(self._job, name, folder=self._site.folder)
            refuse_disagreement(self._site.placement, {f"{name} data": split.identity})
            self._splits[name] = split
        return self._splits[name]

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
        else:
            self._refuse_untrained(self.initialise(made))
        self._engine = made
        return made

    def _refuse_untrained(self, missing: Sequence[str] | None) -> None:
        if missing is None:
            raise CheckpointError(
                f"{self._job.output_dir} holds no checkpoint and --init_checkpoint was "
                "not given: there is nothing to evaluate. Add --do_train."
            )
        if missing:
            raise CheckpointError(
                f"{self._settings.init_checkpoint} has no trained "
                f"{', '.join(missing)}. Train first, or name a fine-tuned checkpoint."
            )

    def _outputs(self, split: Split, batch_size: int) -> Outputs:
        return outputs.compute(
            self._trained(split.labels), split, shape=self._shape(batch_size)
        )

    def _shape(self, batch: int, *, accumulation: int = 1) -> BatchShape:
        return BatchShape.on(
            self._site.placement,
            batch=batch,
            accumulation=accumulation,
            max_seq_length=self._settings.max_seq_length,
            pad_to=self._settings.pad_to,
        )

    # -- files ------------------------------------------------------------------------

    def _write_reports(self, split: Split, found: Outputs, *, prefix: str) -> None:
        compared = {
            "gold": split.dataset.label_ids,
            "predicted": found.predicted,
            "labels": split.labels,
        }
        for write, name in (
            (report.write_classification_report, "classification_report.txt"),
            (report.write_confusion_matrix, "confusion_matrix.txt"),
            (plots.plot_confusion_matrix, "confusion_matrix.png"),
        ):
            write(self._site.path(prefix + name), **compared)  # type: ignore[arg-type]

    def _plot_learning_curve(self) -> None:
        plots.plot_learning_curve(
            self._site.path("learning_curve.png"), self._site.record.metrics()
        )
