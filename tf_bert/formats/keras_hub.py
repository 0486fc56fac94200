"""KerasHub presets: a folder with a `BertBackbone`, and a task on it.

Neither Keras nor KerasHub is needed, and no object is made from what the files say:
the configuration is read as JSON, the weights as arrays.

Source: keras-hub, preset_utils.py and bert_backbone.py.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from runtime import storage
from runtime.errors import CheckpointError, DataError, SettingsError
from runtime.files import hdf5_file, json_file
from runtime.files.hdf5_file import Hdf5File
from tf_bert.formats import dialects
from tf_bert.formats.names import Name, NameTable, WeightsFormat
from tf_bert.formats.source import Source, TranslatedSource, theirs_of
from tf_bert.formats.special_ids import SpecialIds
from tf_bert.model.config import BertConfig

CONFIG = "config.json"
WEIGHTS = "model.weights.h5"
SHARDED_WEIGHTS = "model.weights.json"
_TASK, _TASK_WEIGHTS, _METADATA = "task.json", "task.weights.h5", "metadata.json"

_NAMES = NameTable(WeightsFormat.KERAS_HUB)

_BACKBONE = "BertBackbone"
_CLASSIFIER, _MASKED_LM = "BertTextClassifier", "BertMaskedLM"
_TOKENIZER = "BertTokenizer"
_MODULES = {
    _BACKBONE: "bert_backbone",
    _TOKENIZER: "bert_tokenizer",
    _CLASSIFIER: "bert_text_classifier",
    _CLASSIFIER + "Preprocessor": "bert_text_classifier_preprocessor",
    _MASKED_LM: "bert_masked_lm",
    _MASKED_LM + "Preprocessor": "bert_masked_lm_preprocessor",
}
_HEADS = {_CLASSIFIER: "output_weights", _MASKED_LM: "cls/predictions/output_bias"}


# Reading -----------------------------------------------------------------------------


class KerasHubSource(TranslatedSource):
    """A folder that `save_to_preset` wrote.

    Args:
        folder: The folder.

    Raises:
        CheckpointError: A file is missing, damaged, outside the folder, or of another
            model than a `BertBackbone`.
    """

    kind = WeightsFormat.KERAS_HUB

    def __init__(self, folder: str) -> None:
        values = _backbone_config(folder)
        files = {"model": Hdf5File(storage.inside(folder, WEIGHTS))}
        task = _task(folder)
        if task:
            files["task"] = Hdf5File(storage.inside(folder, _TASK_WEIGHTS))
        found = {
            f"{file}/{name}": shape
            for file, opened in files.items()
            for name, shape in opened.shapes().items()
            if not name.startswith("optimizer/")
        }
        super().__init__(
            folder, found=found, known_as=_known_as(task), read=_reader(files)
        )
        try:
            self.config = dialects.from_keras_hub(values)
        except SettingsError as error:
            raise CheckpointError(f"{storage.join(folder, CONFIG)}: {error}") from error
        _check_heads(folder, found, heads=self.config.num_attention_heads)


def _object(folder: str, name: str) -> dict[str, Any]:
    """Returns a serialised object of the folder.

    Raises:
        CheckpointError: The file is missing or no such object.
    """
    path = storage.inside(folder, name)
    try:
        found = json_file.read_object(path)
    except DataError as error:
        raise CheckpointError(str(error)) from error
    if not isinstance(found.get("config"), dict):
        raise CheckpointError(f"{path}: expected an object with a `config`")
    return found


def _backbone_config(folder: str) -> dict[str, Any]:
    found = _object(folder, CONFIG)
    if found.get("class_name") != _BACKBONE:
        raise CheckpointError(
            f"{storage.join(folder, CONFIG)}: expected a {_BACKBONE}, found "
            f"{found.get('class_name')!r}"
        )
    return found["config"]


def _task(folder: str) -> str | None:
    """The class of the task in the folder, if its head can be used here."""
    files = (storage.inside(folder, name) for name in (_TASK, _TASK_WEIGHTS))
    if not all(map(storage.exists, files)):
        return None
    name = _object(folder, _TASK).get("class_name")
    return name if name in _HEADS else None


def _known_as(task: str | None) -> Callable[[str], Name | None]:
    """A task's `dense` is a classifier only in a classifier."""

    def known_as(name: str) -> Name | None:
        ours = _NAMES.ours(name)
        if ours is None or not name.startswith("task/"):
            return ours
        return (
            ours if ours.name.startswith("output_") == (task == _CLASSIFIER) else None
        )

    return known_as


def _reader(files: Mapping[str, Hdf5File]) -> Callable[[str], np.ndarray]:
    def read(name: str) -> np.ndarray:
        file, _, inside = name.partition("/")
        return files[file].read(inside)

    return read


def _check_heads(
    folder: str, found: Mapping[str, tuple[int, ...]], *, heads: int
) -> None:
    """The heads of the attention are an axis of its weights: both must agree.

    Raises:
        CheckpointError: They do not.
    """
    for name, shape in found.items():
        if name.endswith("/query_dense/vars/1") and shape[:1] != (heads,):
            raise CheckpointError(
                f"{folder}: {name} has shape {shape}, but {CONFIG} says "
                f"num_heads={heads}"
            )


# Writing -----------------------------------------------------------------------------


def knows(name: str) -> bool:
    """Whether one of our variables has a name there."""
    return _NAMES.theirs(name) is not None


def task_of(names: Sequence[str]) -> str | None:
    """The task that has these heads; of several, the classifier."""
    return next((task for task, head in _HEADS.items() if head in names), None)


def in_task(name: str, task: str | None) -> bool:
    """Whether a variable of ours is the encoder's or of that task."""
    if name.startswith("bert/"):
        return True
    if task is None:
        return False
    return name.startswith("output_") == (task == _CLASSIFIER)


def tokenizer_object(*, lowercase: bool, strip_accents: bool) -> dict[str, Any]:
    """The `BertTokenizer` that reads `assets/tokenizer/vocabulary.txt`."""
    return _serialised(
        _TOKENIZER,
        {
            "config_file": "tokenizer.json",
            "lowercase": lowercase,
            "strip_accents": strip_accents,
        },
    )


def write(
    folder: str,
    source: Source,
    *,
    names: Sequence[str],
    config: BertConfig,
    special: SpecialIds,
    tokenizer: Mapping[str, Any] | None = None,
) -> None:
    """Writes the preset that `from_preset` reads; `config.json` comes last.

    Args:
        folder: Where to.
        source: The weights.
        names: Which of them, by our names; each must be one that `knows` and, beside
            the encoder, of one task.
        config: The model's settings.
        special: Ids of the special tokens, which KerasHub finds in the vocabulary.
        tokenizer: From `tokenizer_object`, for a task that takes texts.
    """
    del special
    files: dict[str, dict[str, np.ndarray]] = {"model": {}, "task": {}}
    heads = config.num_attention_heads
    for name in names:
        there, value = theirs_of(_NAMES, source.read(name), name=name, heads=heads)
        file, _, inside = there.partition("/")
        files[file][inside] = value
    backbone = _serialised(_BACKBONE, dialects.to_keras_hub(config))
    task = task_of(names)
    if task is not None:
        about: dict[str, Any] = {
            "backbone": backbone,
            "preprocessor": tokenizer and _preprocessor(task, tokenizer, config),
        }
        if task == _CLASSIFIER:
            about["num_classes"] = source.shapes()["output_weights"][0]
        _write_arrays(storage.join(folder, _TASK_WEIGHTS), files["task"])
        _write_json(storage.join(folder, _TASK), _serialised(task, about))
    _write_arrays(storage.join(folder, WEIGHTS), files["model"])
    _write_json(storage.join(folder, _METADATA), _metadata(source, names))
    _write_json(storage.join(folder, CONFIG), backbone)


def _preprocessor(
    task: str, tokenizer: Mapping[str, Any], config: BertConfig
) -> dict[str, Any]:
    return _serialised(
        task + "Preprocessor",
        {
            "tokenizer": tokenizer,
            "sequence_length": config.max_position_embeddings,
            "config_file": "preprocessor.json",
        },
    )


def _serialised(name: str, config: Mapping[str, object]) -> dict[str, Any]:
    return {
        "module": f"keras_hub.src.models.bert.{_MODULES[name]}",
        "class_name": name,
        "config": dict(config),
        "registered_name": f"keras_hub>{name}",
    }


def _metadata(source: Source, names: Sequence[str]) -> dict[str, Any]:
    shapes = source.shapes()
    count = sum(int(np.prod(shapes[n])) for n in names if n.startswith("bert/"))
    return {"parameter_count": count}


def _write_arrays(path: str, arrays: Mapping[str, np.ndarray]) -> None:
    storage.write_bytes(path, hdf5_file.file_bytes(arrays))


def _write_json(path: str, content: Mapping[str, object]) -> None:
    storage.write_text(path, json.dumps(content, indent=4) + "\n")
