"""TensorFlow 1 checkpoints, whose names are ours."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import numpy as np

from runtime import storage
from runtime.errors import CheckpointError
from runtime.files import json_file, tf_checkpoint, tf_checkpoint_writer
from runtime.files.tf_checkpoint import TensorBundle
from tf_bert.formats import special_ids
from tf_bert.formats.names import WeightsFormat
from tf_bert.formats.source import Source, extras_of
from tf_bert.formats.special_ids import SpecialIds
from tf_bert.formats.variables import NOT_WEIGHTS
from tf_bert.model.config import BertConfig

CONFIG = "bert_config.json"
PREFIX = "bert_model.ckpt"
_STEP = "global_step"
# Source: tensorflow/python/checkpoint/util.py.
_OF_OBJECT = "/.ATTRIBUTES/VARIABLE_VALUE"


class TensorFlow1Source(Source):
    """A checkpoint of google-research/bert, bert-japanese and their kin.

    Args:
        path: Its prefix, or its folder.

    Raises:
        CheckpointError: A file is missing or damaged, or a tensor is not where the
            index says.
        SettingsError: The `bert_config.json` beside it describes no BERT.
    """

    kind = WeightsFormat.TF1

    def __init__(self, path: str) -> None:
        self.path = tf_checkpoint.find_prefix(path)
        self._refuse_links()
        self._bundle = TensorBundle(self.path)
        self._refuse_objects()
        for name in self._bundle.names():
            if not NOT_WEIGHTS.fullmatch(name):
                self._bundle.check(name)
        self.config = read_config(self.folder)
        if self.config is not None:
            values = json_file.read_object(storage.join(self.folder, CONFIG))
            self.special_ids = special_ids.from_settings(values)
            self.extras = extras_of(values, config=self.config)
        if _STEP in self._bundle.names():
            self.step = int(self._bundle.read(_STEP))

    def _refuse_objects(self) -> None:
        names = self._bundle.names()
        found = next((name for name in names if name.endswith(_OF_OBJECT)), None)
        if found is not None:
            raise CheckpointError(
                f"{self.path} is a checkpoint of TensorFlow 2, which names variables "
                f"by the objects of its own program ({found}), and is not read. Give "
                "the TensorFlow 1 checkpoint or the Hugging Face folder of this model."
            )

    def _refuse_links(self) -> None:
        for name in storage.list_dir(self.folder):
            if name.startswith(storage.basename(self.path) + "."):
                storage.inside(self.folder, name)

    @property
    def folder(self) -> str:
        """See `Source.folder`."""
        return storage.dirname(self.path) or "."

    def checksums(self) -> Sequence[object]:
        """See `TensorBundle.checksums`."""
        return self._bundle.checksums()

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
    folder: str,
    source: Source,
    *,
    names: Sequence[str],
    config: BertConfig,
    special: SpecialIds,
) -> None:
    """Writes `bert_model.ckpt.*` as TensorFlow does, and `bert_config.json`.

    Args:
        folder: Where to.
        source: The weights.
        names: Which of them.
        config: The model's settings.
        special: Ids of the special tokens, which google-research/bert passes over.
    """

    def tensors() -> Iterator[tuple[str, np.ndarray]]:
        for name in sorted(names):
            yield name, source.read(name)

    tf_checkpoint_writer.write(storage.join(folder, PREFIX), tensors())
    tf_checkpoint_writer.write_state(folder, PREFIX)
    values = {**config.to_dict(), **special_ids.to_settings(special)}
    text = json.dumps(values, indent=2, sort_keys=True)
    storage.write_text(storage.join(folder, CONFIG), text + "\n")
