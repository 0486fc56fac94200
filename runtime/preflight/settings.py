"""What a check for a TPU is told beside the flags of the run; each field is a flag."""

from __future__ import annotations

import dataclasses

from runtime import storage
from runtime.errors import SettingsError
from runtime.preflight import topologies
from runtime.preflight.compilation import Effort
from runtime.settings import setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class CheckSettings:
    """Which TPU, whose steps, and how much is asked of the compiler.

    Raises:
        SettingsError: There can be no such number of examples.
    """

    pipeline: str = setting(
        "classifier",
        help="Whose steps: classifier, pretraining, lstm_language_model, "
        "lstm_classifier, or package.module:NAME of your own.",
    )
    topology: str = setting(
        "v5e-1", help=f"The TPU: {', '.join(topologies.TOPOLOGIES)}."
    )
    search: bool = setting(True, help="Whether to look for the largest batch.")
    train_examples: int | None = setting(
        None, help="Examples of the run, to bound its time."
    )
    effort: Effort = setting(
        Effort.QUICK,
        help="quick compiles in less than half the time, to up to a tenth more memory.",
    )
    cache_dir: str = setting(
        storage.user_cache("tpu_check"), path=True, help="Where answers are kept."
    )

    def __post_init__(self) -> None:
        if self.train_examples is not None and self.train_examples < 1:
            raise SettingsError(
                f"--train_examples must be at least 1; got {self.train_examples}."
            )
