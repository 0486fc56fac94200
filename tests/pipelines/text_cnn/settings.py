"""Everything a text CNN's run is told."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from pipelines.classification.settings import TaskSettings, TaskStepSettings
from processors.batches.batch_shape import PadTo
from processors.tokenization.settings import TOKENIZER, TokenizerSettings
from runtime.settings import fixed, setting
from runtime.training.run_settings import Carried


@dataclasses.dataclass(frozen=True, kw_only=True)
class CnnStepSettings(TaskStepSettings):
    """What decides the steps of a text CNN."""

    PACKS: ClassVar[bool] = False

    init_checkpoint: str | None = fixed(None)
    learning_rate: float = setting(1e-3, help="Peak learning rate.")
    pad_to: PadTo = setting(PadTo.BUCKET, help="bucket or max; see run_classifier.")
    filters: int = setting(100, help="Filters of each width.")
    vocab_size: int = setting(8000, help="Most tokens of the vocabulary.")


@dataclasses.dataclass(frozen=True, kw_only=True)
class CnnSettings(CnnStepSettings, TaskSettings, TokenizerSettings):
    """Settings of a text CNN's training, evaluation and prediction."""

    MUST_MATCH: ClassVar[tuple[str, ...]] = (*TaskSettings.MUST_MATCH, "filters")
    CARRIED: ClassVar[tuple[Carried, ...]] = (*TaskSettings.CARRIED, TOKENIZER)
