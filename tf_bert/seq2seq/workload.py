"""The steps of an encoder-decoder, for those who compile them without data."""

from __future__ import annotations

import dataclasses
import functools

from pipelines.generation import outputs
from pipelines.steps import workload
from processors.batches.batch_shape import BatchShape, PadTo
from processors.batches.batches import EvalBatches
from processors.batches.token_dataset import TokenDataset
from processors.tokenization.base import SpecialTokens
from runtime.engine.engine import Arrays
from runtime.errors import SettingsError
from runtime.preflight.workload import BatchCut, Pipeline, Workload
from tf_bert.seq2seq import start as starts
from tf_bert.seq2seq.modeling import build_encoder_decoder
from tf_bert.seq2seq.preparation import length_problems, open_start
from tf_bert.seq2seq.run import objective
from tf_bert.seq2seq.settings import Seq2SeqSettings, Seq2SeqStepSettings

# Which they are does not change what is computed.
_SPECIAL = SpecialTokens(pad=0, unk=1, cls=2, sep=3, mask=4)


def seq2seq_workload(settings: Seq2SeqStepSettings, cut: BatchCut) -> Workload:
    """The training, the evaluation and the search step on full rows.

    Args:
        settings: Sizes, batches, search, precision and optimiser.
        cut: How a training batch is cut.

    Raises:
        SettingsError: The sizes of the BERTs are nowhere to be found, or one has fewer
            positions than sources or targets may have tokens.
    """
    config = starts.find_config(
        open_start(settings),
        bert_config_file=settings.bert_config_file,
        model_file=settings.model_file,
    )
    if problems := length_problems(settings, config):
        raise SettingsError(*problems)
    steps = workload.on_full_rows(
        settings,
        cut,
        build_model=functools.partial(
            build_encoder_decoder, config, dtype=settings.precision.keras_policy
        ),
        objective=objective(settings, special=_SPECIAL),
        arrays=functools.partial(
            outputs.target_arrays, start_id=_SPECIAL.cls, max_row_shapes=1
        ),
    )
    return dataclasses.replace(steps, write=_sources(settings, cut))


def _sources(settings: Seq2SeqStepSettings, cut: BatchCut) -> Arrays:
    shape = BatchShape(
        per_replica_batch=max(settings.predict_batch_size // cut.replicas, 1),
        replicas=cut.replicas,
        max_seq_length=settings.max_seq_length,
        pad_to=PadTo.MAX,
    )
    full = TokenDataset.full(shape.global_batch, length=settings.max_seq_length)
    [batch] = EvalBatches(full, shape=shape)
    return outputs.source_arrays(batch)


SEQ2SEQ = Pipeline(
    settings=Seq2SeqStepSettings,
    run_settings=Seq2SeqSettings,
    make_workload=seq2seq_workload,
    script="scripts/run_seq2seq.py",
)
"""Training an encoder-decoder, and writing with it."""
