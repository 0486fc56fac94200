"""The language model that some settings ask for."""

from __future__ import annotations

from lstm_pretrain.language_model.settings import LanguageModelStepSettings
from lstm_pretrain.model.config import LstmConfig
from lstm_pretrain.model.heads import LanguageModel
from lstm_pretrain.model.modeling import RowLayout
from processors.batches.batch_shape import PadTo
from runtime.devices.placement import Accelerator


def build_language_model(
    config: LstmConfig,
    *,
    settings: LanguageModelStepSettings,
    accelerator: Accelerator,
    dtype: str,
) -> LanguageModel:
    """A language model with all its variables, with random weights.

    Args:
        config: Sizes.
        settings: Dropout and how rows are laid out.
        accelerator: What it runs on.
        dtype: Keras dtype policy.
    """
    model = LanguageModel(
        config,
        dropouts=settings.dropouts,
        layout=RowLayout(
            packed=settings.pad_to is PadTo.PACK,
            cudnn=accelerator is Accelerator.GPU,
        ),
        dtype=dtype,
    )
    model.build_variables()
    return model
