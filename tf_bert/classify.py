"""Fine-tune, evaluate and predict with a BERT classifier.

The order of work, the files and the numbers are those of google-research/bert's
`run_classifier.py`; `runtime.placement.place` must have run before this is imported,
because Keras takes its backend at import.
"""

from __future__ import annotations

import functools
import logging
import math
import sys
from collections.abc import Sequence

import keras
import numpy as np

from processors import plots, report
from processors.batches import BatchShape, TrainBatches, stack
from processors.token_dataset import UNLABELLED
from runtime import checkpoints, engine, loop, storage
from runtime.engine import Engine, EngineState
from runtime.errors import CheckpointError, DataError, SettingsError
from runtime.placement import Placement, refuse_disagreement
from runtime.progress import ProgressLine
from runtime.run_record import RunRecord
from tf_bert import distribution, outputs, splits, weights
from tf_bert.heads import BertClassifier, ClassificationObjective
from tf_bert.outputs import Outputs
from tf_bert.preparation import Job
from tf_bert.settings import MUST_MATCH, Resume
from tf_bert.splits import Split

_log = logging.getLogger(__name__)


def run(job: Job, *, placement: Placement) -> None:
    """Does what the job's settings ask for: train, evaluate, predict, in this order.

    Args:
        job: From `tf_bert.preparation.prepare`.
        placement: From `runtime.placement.place`.

    Raises:
        SettingsError: The batch does not divide by the replicas, the output directory
            holds another run, or the processes that share the run disagree.
        DataError: A split cannot be read.
        CheckpointError: A checkpoint does not fit.
        TrainingError: The loss is not finite.
    """
    job.settings.refuse_other_cores(placement)
    distribution.refuse_uneven_batches(job.settings, replicas=placement.replicas)
    _log.info("Running on %s", distribution.describe(job.settings, placement))
    refuse_disagreement(placement, distribution.starting_point(job))
    with distribution.own_folder(job, placement) as folder, RunRecord(folder) as record:
        classifier = ClassifierRun(
            job, placement=placement, folder=folder, record=record
        )
        if job.settings.do_train:
            classifier.train()
        if job.settings.do_eval:
            classifier.evaluate()
        if job.settings.do_predict:
            classifier.predict()


class ClassifierRun:
    """One run: its job, its devices and, once a split is read, its model.

    Args:
        job: From `tf_bert.preparation.prepare`.
        placement: From `runtime.placement.place`.
        folder: Where this process writes.
        record: The record in that folder.
    """

    def __init__(
        self, job: Job, *, placement: Placement, folder: str, record: RunRecord
    ) -> None:
        self._job = job
        self._settings = job.settings
        self._placement = placement
        self._folder = folder
        self._record = record
        self._engine: Engine | None = None

    # -- train ------------------------------------------------------------------------

    def train(self) -> None:
        """Trains to the last step and leaves checkpoints and a learning curve.

        Raises:
            SettingsError: No update would be done, or the folder is another run's.
        """
        self._refuse_other_settings()
        split = self._read("train")
        total = self._settings.num_train_steps(len(split.dataset))
        if total == 0:
            raise SettingsError(
                f"{len(split.dataset)} training examples are fewer than "
                f"--train_batch_size={self._settings.train_batch_size} allows for "
                f"{self._settings.num_train_epochs} epochs: no update would be done."
            )
        self._engine = self._start(split, total=total)
        self._claim_output_dir(split, total=total)
        if self._engine.step >= total:
            _log.info("Skipping training since max_steps has already saved.")
            return
        self._announce("training", split, total=total)
        self._fit(split, total=total)
        self._plot_learning_curve()

    def _refuse_other_settings(self) -> None:
        """Refuses another run's output directory before anything in it is replaced."""
        if self._settings.resume is not Resume.NEVER:
            RunRecord(self._job.output_dir).refuse_if_different(
                self._settings.as_json(), fields=MUST_MATCH
            )

    def _claim_output_dir(self, split: Split, *, total: int) -> None:
        """Refuses another run's output directory, else records this run in it."""
        settings = self._settings.as_json()
        fingerprints = {
            "bert_config": self._job.config.to_dict(),
            "tokenizer": self._job.tokenizer.fingerprint(),
            "labels": split.labels,
            "num_train_examples": len(split.dataset),
            "train_data_crc32c": split.checksums,
            "num_train_steps": total,
        }
        if self._settings.resume is Resume.NEVER:
            checkpoints.delete_all(self._checkpoint_dir)
        else:
            RunRecord(self._job.output_dir).refuse_if_different(
                {**settings, **fingerprints}, fields=[*MUST_MATCH, *fingerprints]
            )
        self._record.rewind(
            -1 if self._job.restored is None else self._job.restored.step
        )
        self._record.write(
            settings=settings, fingerprints=fingerprints, command_line=sys.argv
        )

    def _start(self, split: Split, *, total: int) -> Engine:
        made = self._build(split.labels, total=total)
        restored = self._job.restored
        if restored is not None:
            _log.info(
                "Going on from step %d of %s", restored.step, self._job.output_dir
            )
            made.load_state(
                EngineState(restored.step, restored.weights, restored.slots)
            )
        elif self._settings.init_checkpoint:
            self._initialise(made)
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
            )

        plan = loop.Plan(
            total_steps=total,
            steps_per_call=settings.updates_per_call,
            save_every=settings.save_checkpoints_steps,
            keep=settings.keep_checkpoints,
            directory=self._checkpoint_dir,
            state={
                "bert_config": self._job.config.to_dict(),
                "labels": list(split.labels),
                "max_seq_length": settings.max_seq_length,
                "seed": settings.seed,
                "tokenizer": self._job.tokenizer.fingerprint(),
            },
        )
        made = self._made
        line = functools.partial(
            ProgressLine, total, stream=sys.stderr, start=made.step
        )
        loop.run(
            made,
            feed,
            plan=plan,
            record=self._record,
            progress=line,
            saver=loop.save if self._placement.is_chief else loop.leave_to_chief,
        )

    # -- evaluate ---------------------------------------------------------------------

    def evaluate(self) -> None:
        """Writes eval_results.txt and the reports on the dev split.

        Raises:
            DataError: A dev example has no label.
        """
        split = self._read("dev")
        gold = split.dataset.label_ids
        if (gold == UNLABELLED).any():
            missing = int((gold == UNLABELLED).sum())
            raise DataError(
                f"Evaluation needs labels; {missing} of {len(gold)} dev examples "
                "have none."
            )
        self._announce("evaluation", split)
        found = self._outputs(split, self._settings.eval_batch_size)
        accuracy = np.mean(found.predicted == gold)
        results = {
            "eval_accuracy": np.float32(accuracy),
            "eval_loss": np.mean(found.losses),
            "global_step": self._made.step,
            "loss": np.mean(found.batch_losses),
        }
        report.write_eval_results(self._path("eval_results.txt"), results)
        self._write_reports(split, found, prefix="")
        self._record.log(
            self._made.step,
            {name: results[name] for name in ("eval_accuracy", "eval_loss")},
        )
        self._plot_learning_curve()
        _log.info("***** Eval results *****")
        for name in sorted(results):
            _log.info("  %s = %s", name, results[name])
        _log.info("Reports: %s", self._path("classification_report.txt"))

    # -- predict ----------------------------------------------------------------------

    def predict(self) -> None:
        """Writes test_results.tsv and predictions.tsv of the test split."""
        split = self._read("test")
        self._announce("prediction", split)
        found = self._outputs(split, self._settings.predict_batch_size)
        report.write_test_results(self._path("test_results.tsv"), found.probabilities)
        report.write_predictions(
            self._path("predictions.tsv"),
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
        _log.info("Predictions: %s", self._path("predictions.tsv"))

    # -- splits -----------------------------------------------------------------------

    def _read(self, name: str) -> Split:
        split = splits.read(self._job, name, folder=self._folder)
        refuse_disagreement(self._placement, {f"{name} data": split.identity})
        return split

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

    def _build(self, labels: Sequence[str], *, total: int) -> Engine:
        policy = self._placement.precision.keras_policy

        def build_model() -> keras.Model:
            keras.utils.set_random_seed(self._settings.seed)
            model = BertClassifier(
                self._job.config, num_labels=len(labels), dtype=policy
            )
            model.build_variables()
            return model

        return engine.create(
            self._placement,
            build_model=build_model,
            objective=ClassificationObjective(),
            optimizer=self._settings.optimizer_settings(total),
            seed=self._settings.seed,
        )

    def _initialise(self, made: Engine) -> weights.MatchReport:
        initial = weights.read_weights(
            str(self._settings.init_checkpoint),
            expected=made.weight_shapes(),
            allow_partial=self._settings.allow_partial_init,
        )
        made.load_weights(initial.values)
        _log.info("%s", initial.report)
        return initial.report

    def _trained(self, labels: Sequence[str]) -> Engine:
        """The model to evaluate: this run's, else the newest checkpoint's.

        Raises:
            CheckpointError: There are no trained weights, or they lack the head.
        """
        if self._engine is not None:
            return self._engine
        made = self._build(labels, total=0)
        restored = self._job.restored
        if restored is not None:
            _log.info("Using step %d of %s", restored.step, self._job.output_dir)
            made.load_state(EngineState(restored.step, restored.weights, slots={}))
        elif self._settings.init_checkpoint:
            missing = self._initialise(made).missing
            if missing:
                raise CheckpointError(
                    f"{self._settings.init_checkpoint} has no trained "
                    f"{', '.join(missing)}. Train first, or name a "
                    "fine-tuned checkpoint."
                )
        else:
            raise CheckpointError(
                f"{self._job.output_dir} holds no checkpoint and --init_checkpoint was "
                "not given: there is nothing to evaluate. Add --do_train."
            )
        self._engine = made
        return made

    def _outputs(self, split: Split, batch_size: int) -> Outputs:
        return outputs.compute(
            self._trained(split.labels), split, shape=self._shape(batch_size)
        )

    def _shape(self, batch: int, *, accumulation: int = 1) -> BatchShape:
        per_replica = batch // (self._placement.replicas * accumulation)
        return BatchShape(
            per_replica_batch=per_replica,
            replicas=self._placement.replicas,
            accumulation=accumulation,
            max_seq_length=self._settings.max_seq_length,
            pad_to=self._settings.pad_to,
            row_multiple=math.ceil(per_replica / self._placement.row_counts),
        )

    # -- files ------------------------------------------------------------------------

    def _path(self, name: str) -> str:
        return storage.join(self._folder, name)

    @property
    def _checkpoint_dir(self) -> str:
        return self._path(checkpoints.DIRECTORY)

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
            write(self._path(prefix + name), **compared)  # type: ignore[arg-type]

    def _plot_learning_curve(self) -> None:
        plots.plot_learning_curve(
            self._path("learning_curve.png"), self._record.metrics()
        )
