"""The steps of a BERT classifier, for those who compile them without data."""

from __future__ import annotations

import functools

from pipelines.steps import workload
from runtime.engine import objectives
from runtime.errors import SettingsError
from runtime.preflight.workload import BatchCut, Pipeline, Workload
from tf_bert.classifier.heads import build_classifier
from tf_bert.classifier.settings import BertClassifierStepSettings, ClassifierSettings
from tf_bert.classifier.trained_part import TrainedPart
from tf_bert.formats import weights
from tf_bert.model import config as configs
from tf_bert.model.config import BertConfig


def classifier_workload(
    settings: BertClassifierStepSettings, cut: BatchCut
) -> Workload:
    """The training and evaluation step of a classifier on full rows.

    Args:
        settings: Sizes, batches, precision and optimiser.
        cut: How a batch is cut.

    Raises:
        SettingsError: The sizes of the BERT are nowhere to be found, it has fewer
            positions than `max_seq_length`, or `train` asks for more layers or for none
            of these steps.
    """
    config = weights.find_config(
        bert_config_file=settings.bert_config_file,
        init_checkpoint=settings.init_checkpoint,
        model_file=settings.model_file,
    )
    configs.check_sequence_length(config, max_seq_length=settings.max_seq_length)
    _refuse_untrainable(settings.trained_part, config=config)
    return workload.on_full_rows(
        settings,
        cut,
        build_model=functools.partial(
            build_classifier,
            config,
            num_labels=settings.num_outputs,
            trained_part=settings.trained_part,
            dtype=settings.precision.keras_policy,
        ),
        target_shape=settings.targets.shape(settings.num_outputs),
        objective=objectives.of_targets(
            settings.targets.value, label_smoothing=settings.label_smoothing
        ),
    )


def _refuse_untrainable(part: TrainedPart, *, config: BertConfig) -> None:
    part.refuse_beyond(config.num_hidden_layers)
    if part.is_head_alone:
        raise SettingsError(
            "--train=head fits a logistic regression on the CPU: there is no training "
            "step to compile. Its vectors need no more memory than an evaluation."
        )


CLASSIFIER = Pipeline(
    settings=BertClassifierStepSettings,
    run_settings=ClassifierSettings,
    make_workload=classifier_workload,
    script="scripts/run_classifier.py",
)
"""Fine-tuning and evaluating a classifier."""
