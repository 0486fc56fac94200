"""Pre-train a BERT on masked tokens, and measure how well it predicts them.

`runtime.devices.placement.place` must have run before this is imported, because Keras
takes its backend at import.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator, Sequence

import keras
import numpy as np

from pipelines.language_model import masked_words
from pipelines.language_model.masked_words import Shown
from pipelines.language_model.run import LanguageModelRun
from pipelines.language_model.scores import Scores
from processors.batches.batches import (
    FILLER,
    Batch,
    BatchShape,
    EvalBatches,
    TrainBatches,
)
from processors.data_check.report import report_file
from processors.pretraining import data_check
from processors.pretraining.batches import MaskedBatches
from processors.pretraining.dataset import PretrainingDataset
from processors.pretraining.dynamic_masks import rate_at
from runtime.devices.placement import Placement
from runtime.engine import engine
from runtime.engine.engine import Engine
from runtime.training import loop, training
from runtime.training.training import Initial
from tf_bert.formats import weights
from tf_bert.formats.names import pooler_names
from tf_bert.pretraining.heads import BertPretrainer, PretrainingObjective
from tf_bert.pretraining.preparation import PretrainingJob
from tf_bert.pretraining.settings import PretrainingSettings

_SHOWN_BEFORE = "masked_words_before"
"""In a checkpoint's state: what was predicted for masked tokens before training."""

_log = logging.getLogger(__name__)

_BEGINNING = 6  # tokens by which a sequence is recognised


def run(job: PretrainingJob, *, placement: Placement) -> None:
    """Does what the job's settings ask for: train, then evaluate.

    Args:
        job: From `tf_bert.pretraining.preparation.prepare`.
        placement: From `runtime.devices.placement.place`.

    Raises:
        SettingsError: The batch does not divide by the replicas, the output directory
            holds another run, or the processes that share the run disagree.
        CheckpointError: A checkpoint does not fit.
        TrainingError: The loss is not finite.
    """
    with training.open_context(job, placement) as context:
        PretrainingRun(job, context=context).carry_out()


class PretrainingRun(LanguageModelRun):
    """A run of masked tokens and, maybe, of how segments relate."""

    _job: PretrainingJob
    _settings: PretrainingSettings

    def carry_out(self) -> None:
        """Reports on the data, then trains and evaluates; see base class."""
        data_check.write(
            self._context.path(report_file(trains=self._settings.do_train)),
            training=self._job.training,
            evaluation=self._job.evaluation if self._settings.do_eval else None,
        )
        super().carry_out()

    def train(self) -> None:
        """Trains to the last step and leaves checkpoints and a learning curve.

        Raises:
            SettingsError: The folder is another run's.
        """
        total = self._job.total_steps
        made = self._start()
        data = self._job.training
        self._training.claim_output_dir()
        before = self._shown_before(made)
        if made.step >= total:
            _log.info("Skipping training since max_steps has already saved.")
        else:
            self._fit(made, data, total=total, before=before)
        if before:
            masked_words.write(
                self._context.path("masked_words.txt"),
                before=before,
                after=self._show(len(before)),
            )
        self._plot()

    def _fit(
        self,
        made: Engine,
        data: PretrainingDataset,
        *,
        total: int,
        before: Sequence[Shown],
    ) -> None:
        _log.info("***** Running training *****")
        _log.info("  Num sequences = %d", len(data))
        _log.info("  Batch size = %d", self._settings.train_batch_size)
        _log.info("  Num steps = %d", total)
        state = {_SHOWN_BEFORE: masked_words.as_json(before)}
        self._training.fit(made, self._feed(data, total), state=state)

    def evaluate(self) -> None:
        """Writes eval_results.txt, with google-research/bert's names."""
        made = self._trained()
        _log.info("***** Running evaluation *****")
        _log.info("  Batch size = %d", self._settings.eval_batch_size)
        scores = Scores()
        for arrays in self._evaluation():
            scores.add(made.predict(arrays), arrays)
        results = {**scores.results(), "global_step": self._step}
        logged = {
            "eval_loss": results["loss"],
            "eval_accuracy": results["masked_lm_accuracy"],
        }
        self._report(results, logged=logged)

    # -- data -------------------------------------------------------------------------

    def _feed(self, data: PretrainingDataset, total: int) -> loop.BatchFeed:
        settings = self._settings
        shape = self._shape(
            settings.train_batch_size,
            accumulation=settings.gradient_accumulation_steps,
        )
        batches = TrainBatches(data.tokens, shape=shape, seed=settings.seed)
        masked = self._masked(data)

        def feed(first: int, stop: int) -> loop.CallBatch:
            several = [batches.batch(step) for step in range(first, stop)]
            return loop.CallBatch(
                arrays=masked.arrays(
                    several,
                    rates=[self._rate(step, total) for step in range(first, stop)],
                ),
                examples=sum(batch.example_index.size for batch in several),
                tokens=sum(batch.real_tokens for batch in several),
                names=lambda index: self._names(data, several[index]),
            )

        return feed

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

    def _rate(self, step: int, total: int) -> float:
        return rate_at(self._job.rates, done=step / max(total - 1, 1))

    def _evaluation(self) -> Iterator[dict[str, np.ndarray]]:
        """Batches of the evaluation, `[replicas, ...]`, the same every time."""
        data = self._job.evaluation
        batches = EvalBatches(
            data.tokens, shape=self._shape(self._settings.eval_batch_size)
        )
        masked = self._masked(data)
        rate = rate_at(self._job.rates, done=1.0)
        for batch in itertools.islice(batches, self._settings.max_eval_steps):
            arrays = masked.arrays([batch], rates=[rate])
            yield {name: value[0, 0] for name, value in arrays.items()}

    def _masked(self, data: PretrainingDataset) -> MaskedBatches:
        return MaskedBatches(
            self._job.masked(data),
            max_predictions=self._settings.max_predictions_per_seq,
            max_row_shapes=self._context.placement.max_row_shapes,
        )

    def _shape(self, batch: int, *, accumulation: int = 1) -> BatchShape:
        return BatchShape.on(
            self._context.placement,
            batch=batch,
            accumulation=accumulation,
            max_seq_length=self._settings.max_seq_length,
            pad_to=self._settings.pad_to,
        )

    # -- model ------------------------------------------------------------------------

    def build(self, *, total: int) -> Engine:
        """See base class."""
        settings, placement = self._settings, self._context.placement

        def build_model() -> keras.Model:
            keras.utils.set_random_seed(settings.seed)
            model = BertPretrainer(
                self._job.config,
                relates_segments=self._job.relates_segments,
                dtype=placement.precision.keras_policy,
            )
            model.build_variables()
            return model

        return engine.create(
            placement,
            build_model=build_model,
            objective=PretrainingObjective(),
            optimizer=settings.optimizer_settings(total),
            seed=settings.seed,
        )

    def initialise(self, made: Engine) -> Initial:
        """See base class."""
        if self._job.start is None:
            return Initial(missing=tuple(made.weight_shapes()), step=0)
        initial = weights.take_weights(
            self._job.start,
            expected=made.weight_shapes(),
            allow_partial=self._settings.allow_partial_init,
        )
        made.load_weights(initial.values)
        _log.info("%s", initial.report)
        unused = [] if self._job.relates_segments else pooler_names()
        missing = [name for name in initial.report.not_trained if name not in unused]
        return Initial(missing=missing, step=initial.step)

    # -- files ------------------------------------------------------------------------

    def _shown_before(self, made: Engine) -> list[Shown]:
        """What was predicted before the first update; checkpoints carry it."""
        wanted = self._settings.show_predictions
        restored = self._job.restored
        if made.step == 0 or restored is None:
            return self._show(wanted)
        return masked_words.from_json(restored.state.get(_SHOWN_BEFORE, []))[:wanted]

    def _show(self, count: int) -> list[Shown]:
        """What is predicted for some masked tokens of the evaluation."""
        tokenizer = self._job.tokenizer
        if tokenizer is None or not count:
            return []
        made = self._trained()
        found: list[Shown] = []
        for arrays in self._evaluation():
            found += masked_words.show(
                made.predict(arrays), arrays, tokenizer=tokenizer
            )
            if len(found) >= count:
                break
        return found[:count]
