"""Which kind of weights lies at a path."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence

from runtime import storage
from runtime.checkpoints import checkpoints
from runtime.errors import CheckpointError
from runtime.files import tf_checkpoint
from tf_bert.formats import (
    bundled,
    encoder_decoder,
    foreign,
    hugging_face,
    keras_hub,
    native,
    tensorflow1,
)
from tf_bert.formats.encoder_decoder import EncoderDecoderSource
from tf_bert.formats.hugging_face import HuggingFaceSource
from tf_bert.formats.keras_hub import KerasHubSource
from tf_bert.formats.names import WeightsFormat
from tf_bert.formats.native import NativeSource
from tf_bert.formats.source import Source
from tf_bert.formats.tensorflow1 import TensorFlow1Source
from tf_bert.model.config import BertConfig

# The files by which a folder shows its kind, and each of which may stand for it.
_MARKS = {
    hugging_face.WEIGHTS: WeightsFormat.HUGGING_FACE,
    hugging_face.INDEX: WeightsFormat.HUGGING_FACE,
    keras_hub.WEIGHTS: WeightsFormat.KERAS_HUB,
}
_STATE = "checkpoint"  # the file that names TensorFlow's newest checkpoint
_CACHE = "snapshots"  # of a model in Hugging Face's cache

_OPENERS: dict[WeightsFormat, Callable[[str], Source]] = {
    WeightsFormat.TF1: TensorFlow1Source,
    WeightsFormat.HUGGING_FACE: HuggingFaceSource,
    WeightsFormat.KERAS_HUB: KerasHubSource,
    WeightsFormat.NATIVE: NativeSource,
}

_log = logging.getLogger(__name__)


def open_source(path: str) -> Source:
    """Opens whatever weights lie at a path.

    Args:
        path: `bundled:NAME`; the prefix of a TensorFlow 1 checkpoint; a folder of any
            kind, or one with such a folder in it; a run's output folder; or one of the
            files that hold the weights, where a folder holds several kinds.

    Raises:
        CheckpointError: Nothing that can be read lies there, or several kinds do, or
            it is an encoder-decoder.
        SettingsError: The configuration beside it describes no BERT.
    """
    source = open_any(path)
    if source.encoder_decoder is not None:
        raise CheckpointError(
            f"{source.path} holds an encoder-decoder, and one BERT was expected. "
            "scripts/run_seq2seq.py trains it further and scripts/generate.py writes "
            "with it."
        )
    return source


def open_any(path: str) -> Source:
    """Opens weights that may be those of an encoder-decoder.

    Args:
        path: As for `open_source`.

    Raises:
        CheckpointError: Nothing that can be read lies there, or several kinds do.
        SettingsError: The configuration beside it describes no BERT, or not two.
    """
    kind, place = locate(path)
    is_pair = kind is WeightsFormat.HUGGING_FACE and encoder_decoder.lies_in(place)
    return EncoderDecoderSource(place) if is_pair else _OPENERS[kind](place)


def locate(path: str) -> tuple[WeightsFormat, str]:
    """The kind of the weights at a path, and the folder or prefix that they have.

    Args:
        path: As for `open_source`.

    Raises:
        CheckpointError: As `open_source`.
    """
    path = bundled.resolve(path)
    return _kind_of_folder(path) if storage.is_dir(path) else _kind_of_file(path)


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


def _kind_of_file(path: str) -> tuple[WeightsFormat, str]:
    """What a file is, or the prefix of several.

    Raises:
        CheckpointError: It is nothing that can be read.
    """
    name, folder = storage.basename(path), storage.dirname(path) or "."
    if tf_checkpoint.is_prefix(path):
        return WeightsFormat.TF1, path
    if storage.stat(path) is None:
        raise CheckpointError(f"{path}: {foreign.of_missing(path)}.")
    if name in _MARKS:
        return _MARKS[name], folder
    if name == _STATE:
        return WeightsFormat.TF1, folder
    if checkpoints.is_weights_file(path):
        return WeightsFormat.NATIVE, folder
    if said := foreign.of_file(name):
        raise CheckpointError(f"{path} {said}.")
    raise CheckpointError(
        f"{path} is no file that weights are known by. Give the folder that holds "
        f"{hugging_face.WEIGHTS}, {keras_hub.WEIGHTS} or a run's checkpoints, or the "
        "prefix of a TensorFlow 1 checkpoint."
    )


def _kind_of_folder(folder: str) -> tuple[WeightsFormat, str]:
    """What a folder holds.

    Raises:
        CheckpointError: It is nothing that can be read, or several kinds.
    """
    present = storage.list_dir(folder)
    kinds = dict(_kinds(folder, present))
    if len(kinds) > 1:
        found = " and ".join(sorted(kind.value for kind in kinds))
        raise CheckpointError(
            f"{folder}: holds weights of several kinds: {found}. Name the one that is "
            f"meant by its file (such as {hugging_face.WEIGHTS} or "
            f"{keras_hub.WEIGHTS}), its prefix or its step folder"
        )
    if kinds:
        return next(iter(kinds.items()))
    return _kind_inside(folder, present)


def _kinds(folder: str, present: Sequence[str]) -> Iterator[tuple[WeightsFormat, str]]:
    """The kinds of weights in a folder, each with the place to open."""
    step_folder = native.newest(folder, present)
    if step_folder is not None:
        yield WeightsFormat.NATIVE, step_folder
        if step_folder == folder:
            return
    for name, kind in _MARKS.items():
        if name in present:
            yield kind, folder
    if _STATE in present or any(name.endswith(".index") for name in present):
        yield WeightsFormat.TF1, tf_checkpoint.find_prefix(folder)


def _kind_inside(folder: str, present: Sequence[str]) -> tuple[WeightsFormat, str]:
    """What the one folder with weights in a folder without any holds.

    An archive that was unpacked in a folder of its own leaves such a one.

    Raises:
        CheckpointError: There is none, or there are several.
    """
    inner = dict(_inner(folder, present))
    if len(inner) == 1:
        [(place, kind)] = inner.items()
        _log.info("Taking the weights in %s.", place)
        return kind, place
    if inner:
        raise CheckpointError(
            f"{folder}: weights lie in several of its folders: "
            f"{', '.join(sorted(inner))}. Name the one that is meant."
        )
    if found := foreign.of_folder(present):
        name, said = found
        raise CheckpointError(f"{storage.join(folder, name)} {said}.")
    raise CheckpointError(
        f"{folder}: holds no weights: looked for {hugging_face.WEIGHTS}, "
        f"{keras_hub.WEIGHTS}, a TensorFlow 1 checkpoint (.index) and the complete "
        f"checkpoints of a run; found {', '.join(present[:5]) or 'nothing'}"
        f"{' and more' if present[5:] else ''}."
    )


def _inner(folder: str, present: Sequence[str]) -> Iterator[tuple[str, WeightsFormat]]:
    for name in present:
        place = storage.join(folder, name)
        if storage.is_dir(place):
            below = storage.list_dir(place)
            for kind, found in _kinds(place, below):
                yield found, kind
            if name == _CACHE:
                yield from _inner(place, below)
