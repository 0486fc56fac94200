"""Everything a BERT classifier's run is told; each field is a command-line flag.

The names, defaults and meanings of google-research/bert's and bert-japanese's
`run_classifier.py` are kept; what they did not have stands below. What a run of any
model is told is in `processors.classification.settings` and `runtime.run_settings`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import ClassVar

from processors.classification.settings import TaskSettings, TaskStepSettings
from processors.tokenization.settings import TokenizerSettings
from runtime.settings import setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class StepSettings(TaskStepSettings):
    """What decides the steps that a device computes.

    Raises:
        SettingsError: One sentence for each value that cannot be used.
    """

    # The original's flags.
    bert_config_file: str | None = setting(
        None,
        help="JSON with the sizes of the BERT; by default what is stored with "
        "init_checkpoint, or with model_file BERT-base as bert-japanese.",
    )
    init_checkpoint: str | None = setting(
        None,
        help="Weights to start from: a TF1 checkpoint, a Hugging Face folder, a "
        "KerasHub preset, or a checkpoint of this toolkit.",
    )
    model_file: str | None = setting(None, help="SentencePiece model.")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClassifierSettings(StepSettings, TaskSettings, TokenizerSettings):
    """Settings of `train`, `evaluate` and `predict`.

    Raises:
        SettingsError: One sentence for each value that cannot be used.
    """

    MAY_DIFFER: ClassVar[tuple[str, ...]] = (
        *TaskSettings.MAY_DIFFER,
        "bert_config_file",
        "vocab_file",
        "model_file",
        "tokenizer_dir",
        "init_checkpoint",
    )

    allow_partial_init: bool = setting(
        False, help="Accept an init_checkpoint that lacks parts of the encoder."
    )

    def _missing(self) -> Iterator[str]:
        yield from super()._missing()
        yield from self.tokenizer_problems()
