"""The steps of a bi-encoder, for those who compile them without data."""

from __future__ import annotations

import functools

from pipelines.steps import workload
from runtime.preflight.workload import BatchCut, Pipeline, Workload
from tf_bert.formats import weights
from tf_bert.model import config as configs
from tf_bert.pairs import ranking
from tf_bert.pairs.modeling import build_bi_encoder
from tf_bert.pairs.settings import BiEncoderSettings, BiEncoderStepSettings


def bi_encoder_workload(settings: BiEncoderStepSettings, cut: BatchCut) -> Workload:
    """The training and evaluation step of a bi-encoder on distinct, full texts.

    Args:
        settings: Sizes, batches, precision and optimiser.
        cut: How a batch is cut.

    Raises:
        SettingsError: The sizes of the BERT are nowhere to be found, or do not fit.
    """
    config = weights.find_config(
        bert_config_file=settings.bert_config_file,
        init_checkpoint=settings.init_checkpoint,
        model_file=settings.model_file,
    )
    configs.check_sequence_length(config, max_seq_length=settings.max_seq_length)
    settings.trained_part.refuse_beyond(config.num_hidden_layers)
    settings.refuse_other_sizes(hidden_size=config.hidden_size)
    return workload.on_full_rows(
        settings,
        cut,
        build_model=functools.partial(
            build_bi_encoder,
            config,
            head=settings.head,
            pooling=settings.pooling,
            num_labels=settings.num_outputs,
            trained_part=settings.trained_part,
            dtype=settings.precision.keras_policy,
        ),
        target_shape=settings.targets.shape(settings.num_outputs),
        objective=ranking.objective_of(
            settings, labels=settings.labels or (str(settings.ranking_label),)
        ),
    )


BI_ENCODER = Pipeline(
    settings=BiEncoderStepSettings,
    run_settings=BiEncoderSettings,
    make_workload=bi_encoder_workload,
    script="scripts/run_classifier.py --architecture=bi",
)
"""Fine-tuning and evaluating a bi-encoder."""
