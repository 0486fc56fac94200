"""What a run's folder says of the model in it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from pipelines.classification.preparation import PAIRS
from processors.batches.batch_shape import PadTo
from processors.labels import targets
from processors.labels.targets import Targets
from processors.tokenization import kept
from processors.tokenization.base import Tokenizer
from runtime import storage
from runtime.checkpoints import checkpoints
from runtime.devices.placement import Backend, Precision
from runtime.errors import SettingsError
from runtime.training import run_record

_MAX_SEQ_LENGTH = 128  # the default of every model's settings
_BATCH_SIZE = 32


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recorded:
    """A run, or what a conversion made of weights.

    Attributes:
        folder: The run's; that of the checkpoint where it lies by itself.
        checkpoint: The `step-*` folder to use.
        state: What that says.
        settings: The run's, by flag; fewer where the checkpoint lies by itself.
    """

    folder: str
    checkpoint: str
    state: Mapping[str, Any]
    settings: Mapping[str, Any]

    @property
    def step(self) -> int:
        """Updates that its weights are the outcome of."""
        return int(storage.basename(self.checkpoint).rpartition("-")[2])

    @property
    def targets(self) -> Targets | None:
        """What the model answers; None where nothing says it."""
        return targets.of_settings(self.settings)

    @property
    def pairs(self) -> bool | None:
        """Whether it reads pairs of texts; None where that is not known."""
        return self.state.get(PAIRS)

    @property
    def precision(self) -> Precision:
        """Arithmetic of its step."""
        return Precision(self.settings.get("precision", Precision.FLOAT32))

    @property
    def backend(self) -> Backend:
        """What the run was told to run with."""
        return Backend(self.settings.get("backend", Backend.AUTO))

    @property
    def max_seq_length(self) -> int:
        """Tokens of the longest row."""
        return int(self.settings.get("max_seq_length", _MAX_SEQ_LENGTH))

    @property
    def batch_size(self) -> int:
        """Examples a batch of its predictions."""
        return int(self.settings.get("predict_batch_size", _BATCH_SIZE))

    @property
    def pad_to(self) -> PadTo:
        """How its examples are brought to one length."""
        return PadTo(self.settings.get("pad_to", PadTo.PACK))

    def thresholds(self, labels: Sequence[str]) -> tuple[float, ...]:
        """From which probability on each label is a text's.

        Args:
            labels: The model's.

        Raises:
            SettingsError: They were to be chosen by the dev split, and never were.
        """
        if self.targets is not Targets.LABELS:
            return ()
        from pipelines.classification import thresholds  # scikit-learn takes a second

        said = str(self.settings["threshold"])
        return tuple(thresholds.of_run(said, labels=labels, folders=[self.folder]))

    def tokenizer(self) -> Tokenizer:
        """Texts to ids.

        Raises:
            SettingsError: Its files are gone, or the checkpoint says nothing of it.
        """
        if not self.state.get("tokenizer"):
            raise SettingsError(
                f"{self.folder} does not say how texts become ids. Convert the weights"
                " together with their vocabulary (scripts/convert_checkpoint.py"
                " --vocab_file), or name a run."
            )
        return kept.read(self.folder, state=self.state)


def read(path: str) -> Recorded | None:
    """What lies at a path; None where it is nothing that a run wrote.

    Args:
        path: A run's folder, its checkpoints, one of them, or its file of weights.

    Raises:
        CheckpointError: It is damaged.
    """
    checkpoint = checkpoints.meant_by(path)
    if checkpoint is None:
        return None
    above = storage.dirname(checkpoint)
    is_run = storage.basename(above) == checkpoints.DIRECTORY
    folder = storage.dirname(above) or "." if is_run else checkpoint
    state = checkpoints.read_state(checkpoint)
    return Recorded(
        folder=folder,
        checkpoint=checkpoint,
        state=state,
        settings={**run_record.read(folder), **state.get("settings", {})},
    )
