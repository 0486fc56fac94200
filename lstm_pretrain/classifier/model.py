"""The classifier that some settings ask for."""

from __future__ import annotations

from lstm_pretrain.classifier.settings import ClassifierStepSettings
from lstm_pretrain.model.config import LstmConfig
from lstm_pretrain.model.heads import LstmClassifier
from lstm_pretrain.model.modeling import RowLayout
from processors.batches.batch_shape import PadTo
from runtime.devices.placement import Accelerator


def build_classifier(
    config: LstmConfig,
    *,
    settings: ClassifierStepSettings,
    num_labels: int,
    accelerator: Accelerator,
    dtype: str,
) -> LstmClassifier:
    """A classifier with all its variables, with random weights.

    Args:
        config: Sizes.
        settings: Pooling, dropout and how rows are laid out.
        num_labels: Number of classes.
        accelerator: What it runs on.
        dtype: Keras dtype policy.
    """
    model = LstmClassifier(
        config,
        num_labels=num_labels,
        pooling=settings.pooling,
        dropouts=settings.dropouts,
        layout=RowLayout(
            packed=settings.pad_to is PadTo.PACK,
            cudnn=accelerator is Accelerator.GPU,
        ),
        dtype=dtype,
    )
    model.build_variables()
    return model
