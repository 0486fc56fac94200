"""A BERT as it starts, frozen: its vectors under a logistic regression."""

from __future__ import annotations

import functools
import logging
from collections.abc import Mapping

import numpy as np

from pipelines.classification import logistic
from pipelines.classification.comparison import Accuracies
from pipelines.classification.splits import Split
from processors.batches.windows import Windows
from processors.labels.targets import Targets
from runtime.engine.engine import Engine
from runtime.training.training import RunContext
from tf_bert.classifier.preparation import BertClassifierJob
from tf_bert.formats import find
from tf_bert.formats.source import Source, untrained_pooler
from tf_bert.vectors.encoder import (
    CachedEncoder,
    Encodes,
    VectorEncoder,
    WantedVectors,
)
from tf_bert.vectors.settings import Pooling

_log = logging.getLogger(__name__)


class FrozenBert:
    """The BERT that a run starts from, with its vectors kept in the run's folder.

    Args:
        job: The run.
    """

    def __init__(self, job: BertClassifierJob) -> None:
        self._job = job
        self._settings = job.settings

    def fit_head(self, engine: Engine, split: Split, context: RunContext) -> None:
        """Fits the head of a classifier on pooled vectors.

        Args:
            engine: Holds the classifier.
            split: The training split.
            context: Where the run runs.
        """
        encoder = self._encoder(Pooling.POOLED, context=context)
        head = logistic.fit(
            self._vectors_of(encoder, split),
            split.dataset.label_ids,
            num_labels=len(split.labels),
            seed=self._settings.seed,
        )
        _log.info("Logistic regression with C = %s", head.strength)
        engine.load_weights({"output_weights": head.weights, "output_bias": head.bias})

    def baselines(
        self, train: Split, others: Mapping[str, Split], context: RunContext
    ) -> Accuracies:
        """Accuracies of a logistic regression on each kind of vectors.

        Args:
            train: What it learns from.
            others: Labelled splits.
            context: Where the run runs.
        """
        return {
            f"frozen BERT, {pooling.value}": self._accuracies(
                self._encoder(pooling, context=context), train, others
            )
            for pooling in self._poolings()
        }

    def _accuracies(
        self, encoder: Encodes, train: Split, others: Mapping[str, Split]
    ) -> dict[str, float]:
        head = logistic.fit(
            self._vectors_of(encoder, train),
            train.dataset.label_ids,
            num_labels=len(train.labels),
            seed=self._settings.seed,
        )
        return {
            name: float(
                np.mean(
                    head.predicted(self._vectors_of(encoder, split))
                    == split.dataset.label_ids
                )
            )
            for name, split in others.items()
        }

    def _vectors_of(self, encoder: Encodes, split: Split) -> np.ndarray:
        """The vectors of a split's examples, float32 `[examples, size]`.

        Of a text in windows it is the first that is read.
        """
        dataset = split.dataset
        if self._settings.in_windows:
            length = self._settings.max_seq_length
            dataset = Windows.cut(dataset, max_seq_length=length).first()
        examples = [dataset.example(number) for number in range(len(dataset))]
        return np.stack(encoder.vectors(examples)).reshape(len(examples), -1)

    def _poolings(self) -> tuple[Pooling, ...]:
        """The kinds of vectors that a regression on labels can be fitted to."""
        is_of_labels = self._settings.targets is Targets.LABEL
        if not (is_of_labels and self._settings.init_checkpoint):
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
        """The weights that the run starts from, or started from."""
        return self._job.start or find.open_source(str(self._settings.init_checkpoint))

    def _encoder(self, pooling: Pooling, *, context: RunContext) -> CachedEncoder:
        encoder = VectorEncoder(
            self._job.config,
            source=self._source,
            wanted=WantedVectors(
                pooling=pooling,
                max_seq_length=self._settings.max_seq_length,
                batch_size=self._settings.eval_batch_size,
            ),
            placement=context.placement,
        )
        return CachedEncoder(encoder, folder=context.path("vectors"))
