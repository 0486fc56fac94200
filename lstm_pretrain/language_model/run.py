"""Train a language model and measure its perplexity.

`runtime.devices.placement.place` must have run before this is imported, because Keras
takes its backend at import.
"""

from __future__ import annotations

import logging
import math

import keras
import numpy as np

from lstm_pretrain import data, vocabularies
from lstm_pretrain.language_model.preparation import LanguageModelJob
from lstm_pretrain.language_model.settings import LanguageModelSettings
from lstm_pretrain.model.heads import LanguageModel, LanguageModelObjective
from lstm_pretrain.model.modeling import RowLayout
from pipelines.classification import data_check, records_of_run
from pipelines.classification.splits import Split
from pipelines.language_model.run import LanguageModelRun
from processors.batches.batches import Batch, BatchShape, EvalBatches, PadTo, stack
from runtime.devices.placement import Accelerator, Placement
from runtime.engine import engine
from runtime.engine.engine import Engine, EngineState
from runtime.training import loop, training
from runtime.training.training import Initial, RunContext

_log = logging.getLogger(__name__)


def run(job: LanguageModelJob, *, placement: Placement) -> None:
    """Trains and evaluates a language model.

    Args:
        job: From `lstm_pretrain.language_model.preparation.prepare`.
        placement: From `runtime.devices.placement.place`.

    Raises:
        SettingsError: The output directory holds another run.
        CheckpointError: A checkpoint does not fit.
        TrainingError: The loss is not finite.
    """
    with training.open_context(job, placement) as context:
        PretrainingRun(job, context=context).carry_out()


class PretrainingRun(LanguageModelRun):
    """A run of an LSTM language model."""

    _job: LanguageModelJob
    _settings: LanguageModelSettings

    def __init__(self, job: LanguageModelJob, *, context: RunContext) -> None:
        super().__init__(job, context=context)
        self._splits = job.splits

    def carry_out(self) -> None:
        """See base class; records and the report on the texts come first."""
        records_of_run.keep(self._job, context=self._context)
        data_check.write_report(self._job, folder=self._context.folder)
        super().carry_out()

    def train(self) -> None:
        """Trains to the last step and leaves checkpoints and a learning curve.

        Raises:
            SettingsError: The folder is another run's.
        """
        split = self._splits["train"]
        made = self._start()
        self._training.claim_output_dir()
        vocabularies.keep(self._job.tokenizer, folder=self._context.folder)
        if made.step >= self._job.total_steps:
            _log.info("Skipping training since max_steps has already saved.")
        else:
            _log.info("***** Running training: %d sequences *****", len(split.dataset))
            self._training.fit(made, self._feed(split))
        self._plot()

    def evaluate(self) -> None:
        """Writes eval_results.txt: loss a token and perplexity of the dev split."""
        split = self._splits["dev"]
        made = self._trained()
        shape = self._shape(self._settings.eval_batch_size)
        losses, tokens = 0.0, 0
        for batch in EvalBatches(split.dataset, shape=shape):
            arrays = self._arrays([batch])
            found = made.predict({name: value[0, 0] for name, value in arrays.items()})
            real = arrays["target_weight"][0, 0] > 0
            losses += float(found["losses"][real].sum(dtype=np.float64))
            tokens += int(real.sum())
        results: dict[str, float] = {
            "eval_loss": losses / tokens,
            "eval_perplexity": math.exp(losses / tokens),
            "eval_tokens": tokens,
            "global_step": self._step,
        }
        if self._settings.report_padded_loss:
            lengths = split.dataset.lengths
            results["eval_padded_loss"] = losses / (len(lengths) * (lengths.max() - 1))
        logged = {name: results[name] for name in ("eval_loss", "eval_perplexity")}
        self._report(results, logged=logged)

    # -- data -------------------------------------------------------------------------

    def _feed(self, split: Split) -> loop.BatchFeed:
        settings = self._settings
        shape = self._shape(
            settings.train_batch_size,
            accumulation=settings.gradient_accumulation_steps,
        )
        batches = data.train_batches(
            split.dataset, settings=settings, shape=shape, seed=settings.seed
        )

        def feed(first: int, stop: int) -> loop.CallBatch:
            several = [batches.batch(step) for step in range(first, stop)]
            return loop.CallBatch(
                arrays=self._arrays(several),
                examples=sum(batch.example_index.size for batch in several),
                tokens=sum(batch.real_tokens for batch in several),
                names=lambda index: several[index].names(split.examples),
            )

        return feed

    def _arrays(self, batches: list[Batch]) -> dict[str, np.ndarray]:
        return data.add_targets(
            stack(batches), max_row_shapes=self._context.placement.max_row_shapes
        )

    def _shape(self, batch: int, *, accumulation: int = 1) -> BatchShape:
        return data.batch_shape(
            self._settings,
            batch=batch,
            accumulation=accumulation,
            placement=self._context.placement,
        )

    # -- model ------------------------------------------------------------------------

    def build(self, *, total: int) -> Engine:
        """See base class."""
        settings, placement = self._settings, self._context.placement

        def build_model() -> keras.Model:
            keras.utils.set_random_seed(settings.seed)
            model = LanguageModel(
                self._job.config,
                dropouts=settings.dropouts,
                layout=RowLayout(
                    packed=settings.pad_to is PadTo.PACK,
                    cudnn=placement.accelerator is Accelerator.GPU,
                ),
                dtype=placement.precision.keras_policy,
            )
            model.build_variables()
            return model

        return engine.create(
            placement,
            build_model=build_model,
            objective=LanguageModelObjective(),
            optimizer=settings.optimizer_settings(total),
            seed=settings.seed,
        )

    def initialise(self, made: Engine) -> Initial:
        """See base class."""
        if self._job.initial is None:
            return Initial(missing=tuple(made.weight_shapes()), step=0)
        made.load_state(EngineState(0, self._job.initial.weights, slots={}))
        _log.info("Starting from %s", self._settings.init_checkpoint)
        return Initial(missing=(), step=self._job.initial.step)
