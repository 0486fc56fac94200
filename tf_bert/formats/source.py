"""What every kind of stored weights can be asked."""

from __future__ import annotations

import abc
import types
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from processors.labels.targets import Targets
from runtime.errors import CheckpointError
from tf_bert.formats.names import Name, NameTable, WeightsFormat, pooler_names
from tf_bert.formats.special_ids import ROLES, SpecialIds, key_of
from tf_bert.model.config import BertConfig
from tf_bert.model.encoder_decoder_config import EncoderDecoderConfig


class Source(abc.ABC):
    """Stored weights, open for reading, under our names.

    Attributes:
        kind: The format.
        path: Where they lie.
        config: The model's settings; None where nothing beside the weights says them,
            and of an encoder-decoder.
        encoder_decoder: The settings of an encoder-decoder; None of any other model.
        labels: Names of a classifier's outputs in order; empty where not known.
        targets: What a classifier answers; None where nothing says it.
        step: Updates that they are the outcome of; 0 where nothing says it.
        tokenizer: Fingerprint of the tokenizer of the run that trained them; empty
            where not known.
        special_ids: Role (`pad`, `mask`) -> id, as far as they say it.
        untrained: Names of variables that have the values they started with.
        extras: Keys of their configuration that mean nothing here.
    """

    kind: WeightsFormat
    path: str
    config: BertConfig | None = None
    encoder_decoder: EncoderDecoderConfig | None = None
    labels: tuple[str, ...] = ()
    targets: Targets | None = None
    step: int = 0
    tokenizer: Mapping[str, Any] = types.MappingProxyType({})
    special_ids: SpecialIds = types.MappingProxyType({})
    untrained: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()

    @property
    def folder(self) -> str:
        """Where the files of their tokenizer lie."""
        return self.path

    @abc.abstractmethod
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of every variable; what has no name here keeps its own."""

    @abc.abstractmethod
    def _read(self, name: str) -> np.ndarray:
        """One variable as it is stored, in our layout."""

    def read(self, name: str) -> np.ndarray:
        """Reads one variable.

        Args:
            name: One of `shapes()`.

        Returns:
            float32, in our layout.

        Raises:
            CheckpointError: It is damaged, or no floating-point numbers.
        """
        value = self._read(name)
        if value.dtype.kind != "f":
            raise CheckpointError(
                f"{self.path}: expected floating-point numbers in {name}, found "
                f"{value.dtype}. Quantised weights are not read."
            )
        return np.asarray(value, np.float32, order="C")


def untrained_pooler(source: Source) -> list[str]:
    """The variables of the pooler that nothing has trained, or that are not there.

    Models of masked tokens alone are kept so.

    Args:
        source: The weights.
    """
    shapes = source.shapes()
    return [n for n in pooler_names() if n not in shapes or n in source.untrained]


# What a format says by itself, whatever the settings were.
_IMPLIED = frozenset(
    {
        "_name_or_path",
        "add_cross_attention",
        "architectures",
        "dtype",
        "id2label",
        "is_decoder",
        "label2id",
        "model_type",
        "num_labels",
        "position_embedding_type",
        "problem_type",
        "tie_word_embeddings",
        "torch_dtype",
        "transformers_version",
        "untrained_weights",
        "use_cache",
        *map(key_of, ROLES),
    }
)


def extras_of(values: Mapping[str, Any], *, config: BertConfig) -> tuple[str, ...]:
    """The keys of a configuration file that say something and mean nothing here."""
    unused = (name for name in config.ignored_keys if name not in _IMPLIED)
    return tuple(name for name in unused if values.get(name))


class TranslatedSource(Source):
    """Weights under other names and in other layouts.

    Args:
        path: Where they lie.
        found: Their names and shapes.
        known_as: Our name and their layout of one of their variables, or None.
        read: Reads one by their name.

    Raises:
        CheckpointError: Two of them are one of our variables.
    """

    def __init__(
        self,
        path: str,
        *,
        found: Mapping[str, tuple[int, ...]],
        known_as: Callable[[str], Name | None],
        read: Callable[[str], np.ndarray],
    ) -> None:
        self.path = path
        self._read_theirs = read
        self._places: dict[str, Name] = {}
        self._shapes: dict[str, tuple[int, ...]] = {}
        for theirs, shape in found.items():
            self._add(theirs, shape, known_as(theirs))

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """See `Source.shapes`."""
        return dict(self._shapes)

    def _read(self, name: str) -> np.ndarray:
        place = self._places.get(name)
        if place is None:
            return self._read_theirs(name)
        return place.layout.to_ours(self._read_theirs(place.name))

    def _add(self, theirs: str, shape: tuple[int, ...], known: Name | None) -> None:
        if known is None:
            self._shapes[theirs] = shape
            return
        if known.name in self._places:
            raise CheckpointError(
                f"{self.path}: both {self._places[known.name].name} and {theirs} are "
                f"{known.name}; it must be there once"
            )
        try:
            self._shapes[known.name] = known.layout.shape_in_ours(shape)
        except ValueError as error:
            raise CheckpointError(f"{self.path}: {theirs}: {error}") from error
        self._places[known.name] = Name(theirs, known.layout)


def theirs_of(
    table: NameTable, value: np.ndarray, *, name: str, heads: int
) -> tuple[str, np.ndarray]:
    """A variable of ours under their name and in their layout.

    Args:
        table: Their names.
        value: Ours.
        name: Ours.
        heads: Attention heads a layer.

    Raises:
        KeyError: They have no such variable.
    """
    there = table.theirs(name)
    if there is None:
        raise KeyError(name)
    return there.name, there.layout.to_theirs(value, heads=heads)
