"""What pre-training reads: masked sequences to train on, to measure and to show."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator, Sequence

import numpy as np

from pipelines.language_model import masked_words
from pipelines.language_model.masked_words import Shown
from pipelines.language_model.run import Measured
from pipelines.language_model.scores import Scores
from pipelines.steps.feed import feed
from processors.batches.batches import Batch, EvalBatches
from processors.batches.token_dataset import FILLER
from processors.data_check.report import report_file
from processors.pretraining import data_check
from processors.pretraining.batches import MaskedBatches
from processors.pretraining.dataset import PretrainingDataset
from processors.pretraining.dynamic_masks import rate_at
from runtime.devices.placement import Placement
from runtime.engine.engine import Arrays
from runtime.training.evaluations import Predictor
from runtime.training.loop import BatchFeed
from runtime.training.training import RunContext
from tf_bert.pretraining.preparation import PretrainingJob

_log = logging.getLogger(__name__)

_BEGINNING = 6  # tokens by which a sequence is recognised


class MaskedSequences:
    """The sequences of a run.

    Args:
        job: The run.
        placement: Its devices.
    """

    def __init__(self, job: PretrainingJob, *, placement: Placement) -> None:
        self._job = job
        self._settings = job.settings
        self._placement = placement

    @property
    def train_examples(self) -> int:
        """Sequences of an epoch of training."""
        return len(self._job.training)

    def keep(self, context: RunContext) -> None:
        """Writes the report on the data."""
        settings = self._settings
        data_check.write(
            context.path(report_file(trains=settings.do_train)),
            training=self._job.training,
            evaluation=self._job.evaluation if settings.do_eval else None,
        )

    def feed(self) -> BatchFeed:
        """The training batches."""
        data, total = self._job.training, self._job.total_steps
        masked = self._masked(data)

        def arrays(batches: Sequence[Batch], steps: range) -> Arrays:
            rates = [self._rate(step / max(total - 1, 1)) for step in steps]
            return masked.arrays(batches, rates=rates)

        batches = self._settings.train_order(
            data.tokens,
            shape=self._settings.train_shape(self._placement),
            seed=self._settings.seed,
        )
        return feed(
            batches, arrays=arrays, names=lambda batch: self._names(data, batch)
        )

    def evaluate(self, predictor: Predictor) -> Measured:
        """Measures a model, with google-research/bert's names."""
        scores = Scores()
        for arrays in self._evaluation():
            scores.add(predictor.predict(arrays), arrays)
        results = scores.results()
        logged = {
            "eval_loss": results["loss"],
            "eval_accuracy": results["masked_lm_accuracy"],
        }
        return Measured(results, logged)

    def show(self, predictor: Predictor) -> list[Shown]:
        """What a model predicts for some masked tokens of the evaluation."""
        tokenizer, count = self._job.tokenizer, self._settings.show_predictions
        if tokenizer is None or not count:
            return []
        found: list[Shown] = []
        for arrays in self._evaluation():
            found += masked_words.show(
                predictor.predict(arrays), arrays, tokenizer=tokenizer
            )
            if len(found) >= count:
                break
        return found[:count]

    def _evaluation(self) -> Iterator[dict[str, np.ndarray]]:
        """Batches of the evaluation, `[replicas, ...]`, the same every time."""
        settings, data = self._settings, self._job.evaluation
        shape = settings.batch_shape(self._placement, batch=settings.eval_batch_size)
        batches = EvalBatches(data.tokens, shape=shape)
        masked = self._masked(data)
        for batch in itertools.islice(batches, settings.max_eval_steps):
            arrays = masked.arrays([batch], rates=[self._rate(1.0)])
            yield {name: value[0, 0] for name, value in arrays.items()}

    def _masked(self, data: PretrainingDataset) -> MaskedBatches:
        return MaskedBatches(
            self._job.masked(data),
            max_predictions=self._settings.max_predictions_per_seq,
            max_row_shapes=self._placement.max_row_shapes,
        )

    def _rate(self, done: float) -> float:
        return rate_at(self._job.rates, done=done)

    def _names(self, data: PretrainingDataset, batch: Batch) -> list[str]:
        """Where the sequences of a batch lie, and how they begin."""
        used = batch.example_index[batch.example_index != FILLER].tolist()
        return [
            f"{data.place(number)}{self._start_of(data, number)}" for number in used
        ]

    def _start_of(self, data: PretrainingDataset, number: int) -> str:
        tokenizer = self._job.tokenizer
        if tokenizer is None:
            return ""
        first = data.tokens.example(number).input_ids[:_BEGINNING].tolist()
        return f" ({' '.join(tokenizer.convert_ids_to_tokens(first))})"
