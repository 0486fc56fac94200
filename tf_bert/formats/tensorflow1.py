"""TensorFlow 1 checkpoints, whose names are ours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from runtime import storage
from runtime.files import tensor_bundle, tensor_bundle_writer
from runtime.files.tensor_bundle import TensorBundle
from tf_bert.config import BertConfig
from tf_bert.formats.names import Kind
from tf_bert.formats.source import Source
from tf_bert.formats.variables import NOT_WEIGHTS

CONFIG = "bert_config.json"
PREFIX = "bert_model.ckpt"
_STEP = "global_step"


class TensorFlow1Source(Source):
    """A checkpoint of google-research/bert, bert-japanese and their kin.

    Args:
        path: Its prefix, or its folder.

    Raises:
        CheckpointError: A file is missing or damaged, or a tensor is not where the
            index says.
        SettingsError: The `bert_config.json` beside it describes no BERT.
    """

    kind = Kind.TF1

    def __init__(self, path: str) -> None:
        self.path = tensor_bundle.find_prefix(path)
        self._refuse_links()
        self._bundle = TensorBundle(self.path)
        for name in self._bundle.names():
            if not NOT_WEIGHTS.fullmatch(name):
                self._bundle.check(name)
        self.config = read_config(self.folder)
        if _STEP in self._bundle.names():
            self.step = int(self._bundle.read(_STEP))

    def _refuse_links(self) -> None:
        for name in storage.list_dir(self.folder):
            if name.startswith(storage.basename(self.path) + "."):
                storage.inside(self.folder, name)

    @property
    def folder(self) -> str:
        """Where its files lie."""
        return storage.dirname(self.path) or "."

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """See `Source.shapes`."""
        return self._bundle.shapes()

    def _read(self, name: str) -> np.ndarray:
        return self._bundle.read(name)


def read_config(folder: str) -> BertConfig | None:
    """The `bert_config.json` of a folder; None where there is none.

    Raises:
        SettingsError: It describes no BERT.
    """
    path = storage.inside(folder, CONFIG)
    return BertConfig.from_json_file(path) if storage.exists(path) else None


def write(
    folder: str, source: Source, *, names: Sequence[str], config: BertConfig
) -> None:
    """Writes `bert_model.ckpt.*` as TensorFlow does, and `bert_config.json`.

    Args:
        folder: Where to.
        source: The weights.
        names: Which of them.
        config: The model's settings.
    """

    def tensors() -> Iterator[tuple[str, np.ndarray]]:
        for name in sorted(names):
            yield name, source.read(name)

    tensor_bundle_writer.write(storage.join(folder, PREFIX), tensors())
    tensor_bundle_writer.write_state(folder, PREFIX)
    storage.write_text(storage.join(folder, CONFIG), config.to_json_string())
