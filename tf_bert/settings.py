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
        help="JSON with the sizes of the BERT; by default bert_config.json beside "
        "init_checkpoint, or with model_file BERT-base as bert-japanese.",
    )
    init_checkpoint: str | None = setting(
        None, help="Weights to start from: a TF1 checkpoint or one of this toolkit."
    )
    model_file: str | None = setting(None, help="SentencePiece model.")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClassifierSettings(StepSettings, TaskSettings):
    """Settings of `train`, `evaluate` and `predict`.

    Raises:
        SettingsError: One sentence for each value that cannot be used.
    """

    MUST_MATCH: ClassVar[tuple[str, ...]] = (*TaskSettings.MUST_MATCH, "do_lower_case")
    MAY_DIFFER: ClassVar[tuple[str, ...]] = (
        *TaskSettings.MAY_DIFFER,
        "bert_config_file",
        "vocab_file",
        "model_file",
        "init_checkpoint",
    )

    # The original's flags.
    vocab_file: str | None = setting(
        None, help="WordPiece vocabulary, or the .vocab file beside model_file."
    )
    do_lower_case: bool = setting(True, help="Whether to lower-case the text.")

    # New here.
    allow_partial_init: bool = setting(
        False, help="Accept an init_checkpoint that lacks parts of the encoder."
    )
    keep_voicing_marks: bool = setting(
        False, help="Keep Japanese voicing marks under WordPiece lower-casing."
    )

    def _missing(self) -> Iterator[str]:
        yield from super()._missing()
        if not (self.vocab_file or self.model_file):
            yield (
                "--vocab_file (WordPiece) or --model_file (SentencePiece) is required."
            )
