"""Hugging Face folders: `config.json` and safetensors, in one file or in shards.

Source: transformers, modeling_utils.py and modeling_bert.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import safetensors.numpy

from processors.labels.targets import Targets
from runtime import storage
from runtime.errors import CheckpointError, DataError, SettingsError
from runtime.files import json_file
from runtime.files.safetensors_file import SafetensorsFile
from tf_bert.formats import dialects, special_ids
from tf_bert.formats.names import Name, NameTable, WeightsFormat
from tf_bert.formats.source import (
    Source,
    TranslatedSource,
    extras_of,
    theirs_of,
)
from tf_bert.formats.special_ids import SpecialIds
from tf_bert.model.config import BertConfig

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"

_TRAINER_STATE = "trainer_state.json"
_UNTRAINED = "untrained_weights"  # a key of this toolkit: our names of variables
_SHARD_BYTES = 5_000_000_000

_NAMES = NameTable(WeightsFormat.HUGGING_FACE)
_WITHOUT_PREFIX = re.compile(r"(embeddings|encoder|pooler)\.")
_OLD_NORM = re.compile(r"LayerNorm\.(gamma|beta)$")
_BUFFERS = re.compile(r"(bert\.)?embeddings\.(position_ids|token_type_ids)")
_TIED = {
    "cls.predictions.decoder.weight": "bert.embeddings.word_embeddings.weight",
    "cls.predictions.decoder.bias": "cls.predictions.bias",
}
_CLASSIFIER = "BertForSequenceClassification"

# Source: transformers, configuration_utils.py, PretrainedConfig.problem_type.
_PROBLEM_TYPES = {
    Targets.LABEL: "single_label_classification",
    Targets.LABELS: "multi_label_classification",
    Targets.NUMBER: "regression",
}

# The class that has these heads, by our names of them; the first that fits.
_ARCHITECTURES = (
    ({"output_weights"}, _CLASSIFIER),
    ({"cls/squad/output_weights"}, "BertForQuestionAnswering"),
    (
        {"cls/predictions/output_bias", "cls/seq_relationship/output_weights"},
        "BertForPreTraining",
    ),
    ({"cls/predictions/output_bias"}, "BertForMaskedLM"),
    ({"cls/seq_relationship/output_weights"}, "BertForNextSentencePrediction"),
)


# Reading -----------------------------------------------------------------------------


class HuggingFaceSource(TranslatedSource):
    """A folder that `save_pretrained` wrote.

    Args:
        folder: The folder.

    Raises:
        CheckpointError: A file is missing, damaged or outside the folder.
        SettingsError: `config.json` describes no BERT that is computed here.
    """

    kind = WeightsFormat.HUGGING_FACE

    def __init__(self, folder: str) -> None:
        values = read_config(folder)
        places = places_of(folder)
        read = _Reader(places)
        stored = {
            name: place.shapes()[name]
            for name, place in places.items()
            if not _BUFFERS.fullmatch(name)
        }
        tied = {canonical(name): name for name in stored}
        untied = [
            n for n in _TIED if n in tied and not read.are_equal(n, _TIED[n], tied)
        ]
        for name in _TIED:
            if name in tied and not untied:
                del stored[tied[name]]
        super().__init__(
            folder,
            found=stored,
            known_as=_known_as(values, is_tied=not untied),
            read=read,
        )
        self.config = _config(folder, values)
        self.labels = _labels(values)
        self.targets = _targets(folder, values)
        self.special_ids = special_ids.from_settings(values)
        untrained = values.get(_UNTRAINED)
        self.untrained = tuple(untrained) if isinstance(untrained, list) else ()
        self.extras = extras_of(values, config=self.config)
        self.step = step_of(folder)


def read_config(folder: str) -> dict[str, Any]:
    """The parsed `config.json`.

    Raises:
        CheckpointError: There is none, or it is no JSON object.
    """
    path = file_of(folder, CONFIG)
    if not storage.exists(path):
        raise CheckpointError(
            f"{path}: does not exist; it says the sizes of the model beside it"
        )
    try:
        return json_file.read_object(path)
    except DataError as error:
        raise CheckpointError(str(error)) from error


def file_of(folder: str, name: str) -> str:
    """The path of a folder's file; links may lead where Hugging Face's cache has them.

    There, `snapshots/<revision>/model.safetensors` is a link into `blobs`.
    """
    above = storage.dirname(folder)
    is_cached = storage.basename(above) == "snapshots"
    return storage.inside(
        folder, name, root=storage.dirname(above) if is_cached else None
    )


def canonical(name: str) -> str:
    """The name as `BertForPreTraining` has it today."""
    if _WITHOUT_PREFIX.match(name):
        name = f"bert.{name}"
    return _OLD_NORM.sub(
        lambda found: f"LayerNorm.{'weight' if found[1] == 'gamma' else 'bias'}", name
    )


class _Reader:
    """Reads tensors wherever each lies."""

    def __init__(self, places: Mapping[str, SafetensorsFile]) -> None:
        self._places = places

    def __call__(self, name: str) -> np.ndarray:
        return self._places[name].read(name)

    def are_equal(self, one: str, other: str, stored: Mapping[str, str]) -> bool:
        """Whether two tensors, by their canonical names, are the same numbers."""
        return other in stored and np.array_equal(
            self(stored[one]), self(stored[other])
        )


def _known_as(
    values: Mapping[str, Any], *, is_tied: bool
) -> Callable[[str], Name | None]:
    """What this model's tensors are here.

    A `classifier` is ours only where it classifies whole texts, and a masked-LM head
    only where its output is the word embedding.
    """
    architectures = values.get("architectures") or [_CLASSIFIER]

    def known_as(name: str) -> Name | None:
        ours = _NAMES.ours(canonical(name))
        if ours is None:
            return None
        if ours.name.startswith("output_") and _CLASSIFIER not in architectures:
            return None
        return ours if is_tied or not ours.name.startswith("cls/predictions") else None

    return known_as


def _config(folder: str, values: Mapping[str, Any]) -> BertConfig:
    try:
        return dialects.from_hugging_face(values)
    except SettingsError as error:
        path = storage.join(folder, CONFIG)
        raise SettingsError(*(f"{path}: {each}" for each in error.problems)) from error


def _labels(values: Mapping[str, Any]) -> tuple[str, ...]:
    """The labels by their number; none where they are Hugging Face's placeholders."""
    by_id = values.get("id2label")
    if not isinstance(by_id, dict):
        return ()
    labels = tuple(str(by_id.get(str(number))) for number in range(len(by_id)))
    generic = tuple(f"LABEL_{number}" for number in range(len(by_id)))
    is_whole = set(by_id) == {str(number) for number in range(len(by_id))}
    return labels if is_whole and labels != generic else ()


def _targets(folder: str, values: Mapping[str, Any]) -> Targets | None:
    """What a classifier answers; one output alone is a number, as transformers has it.

    Raises:
        SettingsError: It is nothing that transformers knows.
    """
    found = values.get("problem_type")
    if found is None:
        counts = (values.get("num_labels"), len(values.get("id2label") or ()))
        return Targets.NUMBER if 1 in counts else None
    for targets, name in _PROBLEM_TYPES.items():
        if found == name:
            return targets
    raise SettingsError(
        f"{storage.join(folder, CONFIG)}: problem_type: expected one of"
        f" {', '.join(_PROBLEM_TYPES.values())}; got {found!r}."
    )


def step_of(folder: str) -> int:
    """What transformers' Trainer has counted; 0 where it was not what trained.

    Raises:
        CheckpointError: Its file is damaged.
    """
    path = file_of(folder, _TRAINER_STATE)
    if not storage.exists(path):
        return 0
    try:
        step = json_file.read_object(path).get("global_step")
    except DataError as error:
        raise CheckpointError(str(error)) from error
    return step if isinstance(step, int) else 0


def places_of(folder: str) -> dict[str, SafetensorsFile]:
    """Returns the file of each tensor of a folder.

    Raises:
        CheckpointError: The folder has no weights, or not those its index names.
    """
    whole, index = file_of(folder, WEIGHTS), file_of(folder, INDEX)
    if storage.exists(whole) and storage.exists(index):
        raise CheckpointError(
            f"{folder}: holds both {WEIGHTS} and {INDEX}; which of them is meant? "
            "Move one of them away"
        )
    if storage.exists(whole):
        return dict.fromkeys((file := SafetensorsFile(whole)).shapes(), file)
    if storage.exists(index):
        return _shards(folder, index)
    raise CheckpointError(f"{folder}: expected {WEIGHTS} or {INDEX}, found neither")


def _shards(folder: str, index: str) -> dict[str, SafetensorsFile]:
    try:
        weight_map = json_file.read_object(index).get("weight_map")
    except DataError as error:
        raise CheckpointError(str(error)) from error
    if not isinstance(weight_map, dict) or not all(
        isinstance(name, str) for name in weight_map.values()
    ):
        raise CheckpointError(f"{index}: expected weight_map: tensor -> file name")
    files = {
        name: SafetensorsFile(file_of(folder, name))
        for name in sorted(set(weight_map.values()))
    }
    listed = {(name, tensor) for tensor, name in weight_map.items()}
    held = {(name, tensor) for name, file in files.items() for tensor in file.shapes()}
    for name, tensor in sorted(listed ^ held):
        where = "is not in it" if (name, tensor) in listed else "is not listed for it"
        raise CheckpointError(f"{index}: {tensor} {where}: {name}")
    return {tensor: files[name] for tensor, name in weight_map.items()}


# Writing -----------------------------------------------------------------------------


def knows(name: str) -> bool:
    """Whether one of our variables has a name there."""
    return _NAMES.theirs(name) is not None


def write(
    folder: str,
    source: Source,
    *,
    names: Sequence[str],
    config: BertConfig,
    special: SpecialIds,
    labels: Sequence[str] = (),
    shard_bytes: int = _SHARD_BYTES,
) -> None:
    """Writes the folder that `from_pretrained` reads; `config.json` comes last.

    Args:
        folder: Where to.
        source: The weights.
        names: Which of them, by our names; each must be one that `knows`.
        config: The model's settings.
        special: Ids of the special tokens. Where nobody knows that of `[PAD]`, no
            token is one there: transformers would never train it.
        labels: Names of a classifier's outputs, where the weights do not say them.
        shard_bytes: The most that one file of several holds.
    """
    is_bare = all(name.startswith("bert/") for name in names)
    shards = list(_in_shards(names, shapes=source.shapes(), limit=shard_bytes))
    weight_map: dict[str, str] = {}
    total = 0
    for number, some in enumerate(shards, start=1):
        tensors = dict(_theirs(source, some, heads=config.num_attention_heads))
        if is_bare:
            tensors = {n.removeprefix("bert."): each for n, each in tensors.items()}
        file = _shard_name(number, of=len(shards))
        write_tensors(storage.join(folder, file), tensors)
        weight_map |= dict.fromkeys(tensors, file)
        total += sum(value.nbytes for value in tensors.values())
    if len(shards) > 1:
        json_file.write_object(
            storage.join(folder, INDEX),
            {"metadata": {"total_size": total}, "weight_map": weight_map},
        )
    json_file.write_object(
        storage.join(folder, CONFIG),
        {
            **dialects.to_hugging_face(config),
            "pad_token_id": None,
            **special_ids.to_settings(special),
            **_about(source, names, labels=source.labels or tuple(labels)),
        },
    )


def _theirs(
    source: Source, names: Sequence[str], *, heads: int
) -> Iterator[tuple[str, np.ndarray]]:
    for name in names:
        theirs, value = theirs_of(_NAMES, source.read(name), name=name, heads=heads)
        yield theirs, np.asarray(value, order="C")


def _in_shards(
    names: Sequence[str], *, shapes: Mapping[str, tuple[int, ...]], limit: int
) -> Iterator[list[str]]:
    """Yields as many names at a time as stay within the limit of bytes."""
    shard: list[str] = []
    size = 0
    for name in names:
        needed = int(np.prod(shapes[name])) * 4
        if shard and size + needed > limit:
            yield shard
            shard, size = [], 0
        shard.append(name)
        size += needed
    yield shard


def _shard_name(number: int, *, of: int) -> str:
    return WEIGHTS if of == 1 else f"model-{number:05d}-of-{of:05d}.safetensors"


def write_tensors(path: str, tensors: Mapping[str, np.ndarray]) -> None:
    """Writes a file of weights for transformers.

    Args:
        path: Where to.
        tensors: By their names there.
    """
    # transformers refuses a file that does not name the framework it is in the way of.
    content = safetensors.numpy.save(dict(tensors), metadata={"format": "pt"})
    storage.write_bytes(path, content)


def to_settings(targets: Targets | None) -> dict[str, str]:
    """What `config.json` says of a classifier's answers beside one label a text."""
    if targets in {None, Targets.LABEL}:
        return {}
    return {"problem_type": _PROBLEM_TYPES[targets]}


def _about(
    source: Source, names: Sequence[str], *, labels: tuple[str, ...]
) -> dict[str, Any]:
    """The keys of `config.json` that speak of heads."""
    fitting = (name for heads, name in _ARCHITECTURES if heads <= set(names))
    about: dict[str, Any] = {
        "architectures": [next(fitting, "BertModel")],
        "dtype": "float32",
    }
    if untrained := [name for name in source.untrained if name in names]:
        about[_UNTRAINED] = untrained
    if "output_weights" in names:
        count = source.shapes()["output_weights"][0]
        labels = labels or tuple(f"LABEL_{n}" for n in range(count))
        about["id2label"] = {str(n): label for n, label in enumerate(labels)}
        about["label2id"] = {label: n for n, label in enumerate(labels)}
        about |= to_settings(source.targets)
    return about
