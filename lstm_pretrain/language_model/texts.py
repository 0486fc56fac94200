"""What a language model reads: texts to train on and texts to measure it by."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from lstm_pretrain import data
from lstm_pretrain.language_model.preparation import LanguageModelJob
from pipelines.classification import data_check, records_of_run
from pipelines.language_model.masked_words import Shown
from pipelines.language_model.run import Measured
from pipelines.steps.feed import feed
from processors.batches.batches import Batch, EvalBatches, stack
from runtime.devices.placement import Placement
from runtime.training.evaluations import Predictor
from runtime.training.loop import BatchFeed
from runtime.training.training import RunContext


class Texts:
    """The texts of a run.

    Args:
        job: The run.
        placement: Its devices.
    """

    def __init__(self, job: LanguageModelJob, *, placement: Placement) -> None:
        self._job = job
        self._settings = job.settings
        self._placement = placement

    @property
    def train_examples(self) -> int:
        """Sequences of an epoch of training."""
        return len(self._job.splits["train"].dataset)

    def keep(self, context: RunContext) -> None:
        """Writes their records and the report on them."""
        records_of_run.keep(self._job, context=context)
        data_check.write_report(self._job, folder=context.folder)

    def feed(self) -> BatchFeed:
        """The training batches."""
        split, settings = self._job.splits["train"], self._settings
        batches = settings.train_order(
            split.dataset,
            shape=settings.train_shape(self._placement),
            seed=settings.seed,
        )
        return feed(
            batches,
            arrays=lambda several, _: self._arrays(several),
            names=lambda batch: batch.names(split.examples),
        )

    def evaluate(self, predictor: Predictor) -> Measured:
        """Loss a token and perplexity of the dev texts."""
        dataset, settings = self._job.splits["dev"].dataset, self._settings
        shape = settings.batch_shape(self._placement, batch=settings.eval_batch_size)
        losses, tokens = 0.0, 0
        for batch in EvalBatches(dataset, shape=shape):
            arrays = {name: a[0, 0] for name, a in self._arrays([batch]).items()}
            real = arrays["target_weight"] > 0
            found = predictor.predict(arrays)["losses"][real]
            losses += float(found.sum(dtype=np.float64))
            tokens += int(real.sum())
        mean = losses / tokens
        logged = {"eval_loss": mean, "eval_perplexity": math.exp(mean)}
        results = {**logged, "eval_tokens": tokens}
        if settings.report_padded_loss:
            lengths = dataset.lengths
            results["eval_padded_loss"] = losses / (len(lengths) * (lengths.max() - 1))
        return Measured(results, logged)

    def show(self, predictor: Predictor) -> Sequence[Shown]:
        """Nothing: no token is masked."""
        del predictor
        return ()

    def _arrays(self, batches: Sequence[Batch]) -> dict[str, np.ndarray]:
        return data.add_targets(
            stack(batches), max_row_shapes=self._placement.max_row_shapes
        )
