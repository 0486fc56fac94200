"""Fine-tune, evaluate and predict with a BERT classifier.

`runtime.devices.placement.place` must have run before this is imported, because Keras
takes its backend at import.
"""

from __future__ import annotations

import dataclasses
import functools
import logging
from collections.abc import Sequence

import keras
import numpy as np

from pipelines.classification import comparison, logistic
from pipelines.classification.run import ClassificationRun
from pipelines.reports import plots
from processors.batches.token_dataset import UNLABELLED
from runtime.devices.placement import Placement
from runtime.engine import engine
from runtime.engine.engine import Engine
from runtime.engine.objectives import ClassificationObjective
from runtime.training import training, untrained
from runtime.training.training import Initial
from tf_bert.classifier import compare
from tf_bert.classifier.heads import BertClassifier
from tf_bert.classifier.preparation import BertClassifierJob
from tf_bert.formats import find, weights
from tf_bert.formats.source import Source, untrained_pooler
from tf_bert.vectors.encoder import CachedEncoder, VectorEncoder, WantedVectors
from tf_bert.vectors.settings import Pooling

_log = logging.getLogger(__name__)


def run(job: BertClassifierJob, *, placement: Placement) -> None:
    """Does what the job's settings ask for: train, evaluate, predict, in this order.

    Args:
        job: From `tf_bert.classifier.preparation.prepare`.
        placement: From `runtime.devices.placement.place`.

    Raises:
        SettingsError: The batch does not divide by the replicas, the output directory
            holds another run, or the processes that share the run disagree.
        CheckpointError: A checkpoint does not fit.
        TrainingError: The loss is not finite.
    """
    with training.open_context(job, placement) as context:
        BertRun(job, context=context).carry_out()


class BertRun(ClassificationRun):
    """A run of a BERT classifier."""

    _job: BertClassifierJob
    _labels: tuple[str, ...] = ()

    def carry_out(self) -> None:
        """Trains, evaluates, predicts and compares; see base class."""
        super().carry_out()
        if self._job.settings.compare:
            self.compare()

    def train(self) -> None:
        """Trains by gradient, or a head on frozen vectors; see base class.

        Raises:
            SettingsError: The folder is another run's.
        """
        if not self._job.settings.trained_part.is_head_alone:
            super().train()
            return
        split, total = self._splits["train"], self._job.total_steps
        made = self._engine = self._start(split, total=total)
        self._training.claim_output_dir()
        if made.step:
            _log.info("Skipping training since max_steps has already saved.")
            return
        self._announce("training", split)
        head = logistic.fit(
            compare.vectors_of(self._frozen(Pooling.POOLED), split),
            split.dataset.label_ids,
            num_labels=len(split.labels),
            seed=self._settings.seed,
        )
        _log.info("Logistic regression with C = %s", head.strength)
        made.load_weights({"output_weights": head.weights, "output_bias": head.bias})
        made.load_state(dataclasses.replace(made.state(), step=1))
        self._training.keep(made)

    def compare(self) -> None:
        """Writes compare.txt and compare.png of the labelled splits that were read."""
        train = self._splits["train"]
        others = {
            name: split
            for name in self._predicted
            if (split := self._splits[name]).dataset.label_ids.min() != UNLABELLED
        }
        if not others:
            _log.warning("No split is labelled: there is nothing to compare.")
            return
        found = compare.simple(train, others)
        settings = self._job.settings
        for pooling in self._poolings():
            found[f"frozen BERT, {pooling.value}"] = compare.frozen(
                self._frozen(pooling), train, others, seed=settings.seed
            )
        found[f"this run, --train={settings.train}"] = {
            name: float(np.mean(self._predicted[name] == split.dataset.label_ids))
            for name, split in others.items()
        }
        comparison.write(self._context.path("compare.txt"), found)
        plots.plot_accuracies(self._context.path("compare.png"), found)
        for line in comparison.table(found):
            _log.info("%s", line)

    def _poolings(self) -> tuple[Pooling, ...]:
        """The kinds of vectors that the BERT it starts from has."""
        if not self._job.settings.init_checkpoint:
            return ()
        if not untrained_pooler(self._source):
            return (Pooling.POOLED, Pooling.MEAN)
        _log.info(
            "%s has no trained pooler: frozen BERT, pooled, is not compared.",
            self._source.path,
        )
        return (Pooling.MEAN,)

    @functools.cached_property
    def _source(self) -> Source:
        """The weights it starts from, or started from."""
        return self._job.start or find.open_source(
            str(self._job.settings.init_checkpoint)
        )

    def _frozen(self, pooling: Pooling) -> CachedEncoder:
        """The BERT as it starts, with its vectors kept in the output directory."""
        settings = self._job.settings
        encoder = VectorEncoder(
            self._job.config,
            source=self._source,
            wanted=WantedVectors(
                pooling=pooling,
                max_seq_length=settings.max_seq_length,
                batch_size=settings.eval_batch_size,
            ),
            placement=self._context.placement,
        )
        return CachedEncoder(encoder, folder=self._context.path("vectors"))

    def build(self, labels: Sequence[str], *, total: int) -> Engine:
        """See base class."""
        settings, placement = self._job.settings, self._context.placement
        self._labels = tuple(labels)

        def build_model() -> keras.Model:
            keras.utils.set_random_seed(settings.seed)
            model = BertClassifier(
                self._job.config,
                num_labels=len(labels),
                dtype=placement.precision.keras_policy,
            )
            model.build_variables()
            settings.trained_part.freeze(model)
            return model

        return engine.create(
            placement,
            build_model=build_model,
            objective=ClassificationObjective(),
            optimizer=settings.optimizer_settings(total),
            seed=settings.seed,
        )

    def initialise(self, made: Engine) -> Initial:
        """See base class."""
        settings, start = self._job.settings, self._job.start
        if start is None:
            return Initial(missing=tuple(made.weight_shapes()), step=0)
        found = weights.take_weights(
            start,
            expected=made.weight_shapes(),
            allow_partial=settings.allow_partial_init,
            labels=self._labels,
        )
        layers = self._job.config.num_hidden_layers
        untrained.refuse(
            settings.trained_part.frozen(found.report.not_trained, layers=layers),
            path=start.path,
            work="what they compute for the layers above",
            advice=f"They are not trained with --train={settings.train}: use full.",
        )
        made.load_weights(found.values)
        _log.info("%s", found.report)
        return Initial(missing=found.report.not_trained, step=found.step)
