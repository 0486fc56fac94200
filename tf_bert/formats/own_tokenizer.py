"""The tokenizer that lies beside the weights a run starts from."""

from __future__ import annotations

from typing import Protocol

from processors.tokenization.hugging_face import CONFIG
from runtime import storage
from tf_bert.formats import bundled


class StartingSettings(Protocol):
    """Settings of a tokenizer and of weights."""

    @property
    def init_checkpoint(self) -> str | None:
        """Weights to start from."""

    def names_files(self) -> bool:
        """Whether a file or a folder says the tokens."""


def take(settings: StartingSettings) -> None:
    """Lets settings in the making that name no tokenizer take that of their weights.

    Args:
        settings: Get a `tokenizer_dir` where their weights' folder describes one.
    """
    if settings.names_files() or not settings.init_checkpoint:
        return
    folder = bundled.resolve(settings.init_checkpoint)
    if storage.exists(storage.join(folder, CONFIG)):
        object.__setattr__(settings, "tokenizer_dir", folder)
