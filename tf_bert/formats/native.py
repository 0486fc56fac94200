"""This toolkit's own checkpoints: a `step-*` folder."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from runtime import checkpoints, storage
from runtime.errors import CheckpointError, SettingsError
from tf_bert.config import BertConfig
from tf_bert.formats.names import Kind
from tf_bert.formats.source import Source


class NativeSource(Source):
    """A checkpoint that a run or a conversion wrote.

    Args:
        folder: The `step-*` folder, see `newest`.

    Raises:
        CheckpointError: It is incomplete or damaged.
    """

    kind = Kind.NATIVE

    def __init__(self, folder: str) -> None:
        found = checkpoints.load(folder)
        self.path = folder
        self._weights = found.weights
        self.step = found.step
        self.tokenizer = found.state.get("tokenizer") or {}
        self.labels = tuple(found.state.get("labels") or ())
        stored = found.state.get("bert_config")
        if stored is not None:
            try:
                self.config = BertConfig.from_dict(stored)
            except SettingsError as error:
                raise CheckpointError(f"{folder}: {error}") from error

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """See `Source.shapes`."""
        return {name: value.shape for name, value in sorted(self._weights.items())}

    def _read(self, name: str) -> np.ndarray:
        return self._weights[name]


def newest(path: str) -> str | None:
    """The `step-*` folder that a path means: itself, or the newest of a run.

    Args:
        path: A folder.
    """
    return checkpoints.meant_by(path)


def write(
    folder: str, source: Source, *, names: Sequence[str], config: BertConfig
) -> None:
    """Writes `checkpoints/step-00000000`, for `--init_checkpoint` to name.

    Args:
        folder: Where to.
        source: The weights.
        names: Which of them.
        config: The model's settings.
    """
    checkpoints.save(
        storage.join(folder, checkpoints.DIRECTORY),
        step=0,
        weights={name: source.read(name) for name in names},
        slots={},
        state={"bert_config": config.to_dict(), "labels": list(source.labels)},
    )
