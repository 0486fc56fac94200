"""This toolkit's own checkpoints: a `step-*` folder."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from processors.labels import targets
from runtime import storage
from runtime.checkpoints import checkpoints
from runtime.errors import CheckpointError, SettingsError
from tf_bert.formats.names import WeightsFormat
from tf_bert.formats.source import Source
from tf_bert.formats.special_ids import SpecialIds
from tf_bert.model.config import BertConfig
from tf_bert.model.encoder_decoder_config import EncoderDecoderConfig

ENCODER_DECODER = "encoder_decoder_config"
"""Where the state of a checkpoint has the settings of an encoder-decoder."""

_BERT = "bert_config"
_LSTM = "lstm_config"  # what checkpoints of the other pipeline carry
_STEP_FOLDER = re.compile(r"step-\d{8,}")


class NativeSource(Source):
    """A checkpoint that a run or a conversion wrote.

    Args:
        folder: The `step-*` folder, see `newest`.

    Raises:
        CheckpointError: It is incomplete or damaged.
    """

    kind = WeightsFormat.NATIVE

    def __init__(self, folder: str) -> None:
        found = checkpoints.load(folder, with_slots=False)
        if _LSTM in found.state:
            raise CheckpointError(
                f"{folder} is the checkpoint of an LSTM, not of a BERT. "
                "scripts/finetune_lstm.py starts from it."
            )
        self.path = folder
        self._weights = found.weights
        self.step = found.step
        self.tokenizer = found.state.get("tokenizer") or {}
        self.special_ids = found.state.get("special_ids") or {}
        self.untrained = tuple(found.state.get("untrained") or ())
        self.labels = tuple(found.state.get("labels") or ())
        self.targets = targets.of_settings(found.state.get("settings", {}))
        one, two = (found.state.get(key) for key in (_BERT, ENCODER_DECODER))
        try:
            self.config = BertConfig.from_dict(one) if one else None
            self.encoder_decoder = EncoderDecoderConfig.from_dict(two) if two else None
        except SettingsError as error:
            raise CheckpointError(f"{folder}: {error}") from error

    @property
    def folder(self) -> str:
        """See `Source.folder`: the run's."""
        above = storage.dirname(self.path)
        is_run = storage.basename(above) == checkpoints.DIRECTORY
        return storage.dirname(above) or "." if is_run else self.path

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """See `Source.shapes`."""
        return dict(sorted(self._weights.shapes().items()))

    def _read(self, name: str) -> np.ndarray:
        return self._weights[name]


def newest(path: str, present: Sequence[str]) -> str | None:
    """The `step-*` folder that a path means: itself, or the one to use of a run.

    Args:
        path: A folder.
        present: What it holds.
    """
    if _STEP_FOLDER.fullmatch(storage.basename(path)):
        return path
    if any(map(_STEP_FOLDER.fullmatch, present)):
        return checkpoints.chosen(path)
    if checkpoints.DIRECTORY in present:
        return checkpoints.chosen(storage.join(path, checkpoints.DIRECTORY))
    return None


def write(
    folder: str,
    source: Source,
    *,
    names: Sequence[str],
    config: BertConfig | EncoderDecoderConfig,
    special: SpecialIds,
) -> None:
    """Writes `checkpoints/step-00000000`, for `--init_checkpoint` to name.

    Args:
        folder: Where to.
        source: The weights.
        names: Which of them.
        config: The model's settings.
        special: Ids of the special tokens.
    """
    state = {
        _BERT if isinstance(config, BertConfig) else ENCODER_DECODER: config.to_dict(),
        "labels": list(source.labels),
        "special_ids": dict(special),
    }
    if source.targets is not None:
        said = targets.settings_of(source.targets)
        state["settings"] = {**said, "objective": said["objective"].value}
    if source.tokenizer:
        state["tokenizer"] = dict(source.tokenizer)
    checkpoints.save(
        storage.join(folder, checkpoints.DIRECTORY),
        step=0,
        weights={name: source.read(name) for name in names},
        slots={},
        state=state,
    )
