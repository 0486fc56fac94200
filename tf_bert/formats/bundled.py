"""BERTs that come with the toolkit: `bundled:NAME`."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import safetensors.numpy

from runtime import storage
from runtime.checkpoints import bundled
from runtime.errors import CheckpointError
from tf_bert.formats import hugging_face, tokenizer_files
from tf_bert.formats.names import WeightsFormat
from tf_bert.formats.source import Source
from tf_bert.formats.tokenizer_files import TokenizerFiles

_FOLDER = storage.join(storage.dirname(storage.dirname(__file__)), "data")


def resolve(path: str) -> str:
    """The folder of a bundled BERT; any other path as it is.

    Args:
        path: `bundled:NAME`, or a path.

    Raises:
        CheckpointError: No such BERT comes with the toolkit; names those that do.
    """
    return bundled.resolve(path, shipped=_FOLDER)


def names() -> list[str]:
    """The BERTs that come with the toolkit."""
    return bundled.names(_FOLDER)


def write(
    folder: str, source: Source, *, tokenizer: TokenizerFiles, dropout: float
) -> None:
    """Writes a model in the form it is bundled in: Hugging Face's, in float16.

    Args:
        folder: Where to.
        source: Weights with their configuration.
        tokenizer: The files of its tokenizer.
        dropout: What its configuration says for training on a task.

    Raises:
        CheckpointError: Nothing says their configuration, or a number is too large.
    """
    if source.config is None:
        raise CheckpointError(
            f"{source.path}: nothing beside it says the BERT's sizes."
        )
    config = dataclasses.replace(
        source.config,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
    )
    hugging_face.write(
        folder,
        source,
        names=list(source.shapes()),
        config=config,
        special={**source.special_ids, **tokenizer_files.special_ids_of(tokenizer)},
    )
    tokenizer_files.write(folder, tokenizer, to=WeightsFormat.HUGGING_FACE)
    _halve(storage.join(folder, hugging_face.WEIGHTS))
    where = storage.join(folder, hugging_face.CONFIG)
    fields = {**json.loads(storage.read_text(where)), "dtype": "float16"}
    storage.write_text(where, json.dumps(fields, indent=2, sort_keys=True) + "\n")


def _halve(path: str) -> None:
    tensors = safetensors.numpy.load(storage.read_bytes(path))
    limit = float(np.finfo(np.float16).max)
    for name, value in tensors.items():
        if not (np.abs(value) <= limit).all():
            raise CheckpointError(f"{path}: {name} has numbers that float16 has not.")
    halved = {name: value.astype(np.float16) for name, value in tensors.items()}
    storage.write_bytes(path, safetensors.numpy.save(halved, metadata={"format": "pt"}))
