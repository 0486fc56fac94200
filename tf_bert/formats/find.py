"""Which kind of weights lies at a path."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from runtime import storage
from runtime.errors import CheckpointError
from runtime.files import tensor_bundle
from tf_bert.config import BertConfig
from tf_bert.formats import bundled, hugging_face, keras_hub, native, tensorflow1
from tf_bert.formats.hugging_face import HuggingFaceSource
from tf_bert.formats.keras_hub import KerasHubSource
from tf_bert.formats.names import Kind
from tf_bert.formats.native import NativeSource
from tf_bert.formats.source import Source
from tf_bert.formats.tensorflow1 import TensorFlow1Source

# The files by which a folder shows its kind, and each of which may stand for it.
_MARKS = {
    hugging_face.WEIGHTS: Kind.HUGGING_FACE,
    hugging_face.INDEX: Kind.HUGGING_FACE,
    keras_hub.WEIGHTS: Kind.KERAS_HUB,
}

_REFUSED = {
    "pytorch_model.bin": (
        "is a pickle, which can run any program, and is not read. Where the model is "
        "trusted, convert it once with transformers: "
        "AutoModel.from_pretrained(FOLDER).save_pretrained(FOLDER, "
        "safe_serialization=True)"
    ),
    "tf_model.h5": "is no longer written by transformers and not read; "
    "give its model.safetensors",
    "flax_model.msgpack": "is no longer written by transformers and not read; "
    "give its model.safetensors",
    keras_hub.SHARDED_WEIGHTS: "names weights in shards, which no BERT needs and are "
    "not read; save with save_to_preset(FOLDER, max_shard_size=100)",
}
_REFUSED["pytorch_model.bin.index.json"] = _REFUSED["pytorch_model.bin"]

_OPENERS: dict[Kind, Callable[[str], Source]] = {
    Kind.TF1: TensorFlow1Source,
    Kind.HUGGING_FACE: HuggingFaceSource,
    Kind.KERAS_HUB: KerasHubSource,
    Kind.NATIVE: NativeSource,
}


def open_source(path: str) -> Source:
    """Opens whatever weights lie at a path.

    Args:
        path: `bundled:NAME`; the prefix of a TensorFlow 1 checkpoint; a folder of any
            kind; a run's output folder; or the file that holds the weights, where a
            folder holds several kinds.

    Raises:
        CheckpointError: Nothing that can be read lies there, or several kinds do.
        SettingsError: The configuration beside it describes no BERT.
    """
    kind, place = locate(path)
    return _OPENERS[kind](place)


def locate(path: str) -> tuple[Kind, str]:
    """The kind of the weights at a path, and the folder or prefix that they have.

    Args:
        path: As for `open_source`.

    Raises:
        CheckpointError: As `open_source`.
    """
    path = bundled.resolve(path)
    if not storage.is_dir(path):
        return _kind_of_file(path)
    kinds = dict(_kinds_of_folder(path))
    if len(kinds) > 1:
        found = " and ".join(sorted(kind.value for kind in kinds))
        raise CheckpointError(
            f"{path}: holds weights of several kinds: {found}. Name the one that is "
            f"meant by its file (such as {hugging_face.WEIGHTS} or "
            f"{keras_hub.WEIGHTS}), its prefix or its step folder"
        )
    if not kinds:
        _refuse(path, storage.list_dir(path))
        kinds[Kind.TF1] = path  # says what was looked for
    [found_kind] = kinds.items()
    return found_kind


def find_config(path: str) -> BertConfig | None:
    """The settings stored with weights; a prefix's weights need not be there.

    Args:
        path: As for `open_source`.

    Raises:
        CheckpointError: As `open_source`.
        SettingsError: They describe no BERT.
    """
    path = bundled.resolve(path)
    if not storage.is_dir(path) and not storage.exists(path):
        return tensorflow1.read_config(storage.dirname(path) or ".")
    return open_source(path).config


def _kind_of_file(path: str) -> tuple[Kind, str]:
    name, folder = storage.basename(path), storage.dirname(path) or "."
    if storage.exists(path):
        _refuse(folder, [name])
        if name in _MARKS:
            return _MARKS[name], folder
    return Kind.TF1, path


def _kinds_of_folder(folder: str) -> Iterator[tuple[Kind, str]]:
    step_folder = native.newest(folder)
    if step_folder is not None:
        yield Kind.NATIVE, step_folder
        if step_folder == folder:
            return
    present = storage.list_dir(folder)
    for name, kind in _MARKS.items():
        if name in present:
            yield kind, folder
    if "checkpoint" in present or any(name.endswith(".index") for name in present):
        yield Kind.TF1, tensor_bundle.find_prefix(folder)


def _refuse(folder: str, present: list[str]) -> None:
    for name, reason in _REFUSED.items():
        if name in present:
            raise CheckpointError(f"{storage.join(folder, name)} {reason}")
