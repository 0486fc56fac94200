"""What a data set of records says of itself: `<path>.manifest.json`, written last."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from processors.batches.features import TokenSummary
from runtime import storage
from runtime.errors import DataError


@dataclass(frozen=True)
class Shard:
    """One file of a data set.

    Attributes:
        name: File name, beside the manifest.
        examples: Records in it.
        crc32c: CRC-32C of all its bytes.
    """

    name: str
    examples: int
    crc32c: int


@dataclass(frozen=True, kw_only=True)
class Origin:
    """What decides the records of some examples, beside the examples.

    Attributes:
        tokenizer: The tokenizer's fingerprint.
        labels: The labels, in the order of their ids.
        max_seq_length: The limit in tokens that the texts were cut to, or, where
            `features` says that they are whole, that their windows are.
        features: How a text or two become one row of ids, as in
            `processors.batches.features.features_format`.
    """

    tokenizer: Mapping[str, str | bool | int]
    labels: tuple[str, ...]
    max_seq_length: int
    features: str


@dataclass(frozen=True, kw_only=True)
class Texts:
    """The examples that records were made of.

    Attributes:
        examples: How many there were.
        crc32c: Of their texts and labels; see `processors.example.checksum`.
        tokens: What tokenizing found in them.
    """

    examples: int
    crc32c: int
    tokens: TokenSummary


@dataclass(frozen=True)
class Manifest:
    """What a data set is.

    Attributes:
        examples: Examples in all shards.
        unlabelled: How many of them have no label.
        labels: The labels, in the order of their ids.
        tokenizer: The tokenizer's fingerprint.
        max_seq_length: The limit in tokens that the texts were cut to.
        longest: Length of the longest example in tokens.
        tokens: Tokens in all examples.
        shards: The files; example i lies in shard i modulo their number.
        features: See `Origin`; None where an earlier version has written it.
        texts: What the records were made of; None where nothing is known of it.
    """

    examples: int
    unlabelled: int
    labels: tuple[str, ...]
    tokenizer: Mapping[str, str | bool | int]
    max_seq_length: int
    longest: int
    tokens: int
    shards: tuple[Shard, ...]
    features: str | None = None
    texts: Texts | None = None

    def save(self, path: str) -> None:
        """Writes the manifest of the data set `path`."""
        text = json.dumps(dataclasses.asdict(self), indent=2, ensure_ascii=False)
        storage.write_text(manifest_path(path), text + "\n")

    @classmethod
    def load(cls, path: str) -> Manifest:
        """Reads the manifest of the data set `path`.

        Raises:
            DataError: the file is not such a manifest.
        """
        where = manifest_path(path)
        try:
            fields = json.loads(storage.read_text(where))
            fields["labels"] = tuple(fields["labels"])
            fields["shards"] = tuple(Shard(**shard) for shard in fields["shards"])
            fields["texts"] = _texts(fields.get("texts"))
            manifest = cls(**fields)
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            raise DataError(
                f"expected a manifest of records: {error}. Write the records again.",
                path=where,
            ) from error
        for shard in manifest.shards:
            if storage.basename(shard.name) != shard.name:
                raise DataError(
                    f"expected file names beside it, found {shard.name!r}.", path=where
                )
        return manifest


def manifest_path(path: str) -> str:
    """Returns where the manifest of the data set `path` lies."""
    return f"{path}.manifest.json"


def find(path: str) -> Manifest | None:
    """Reads the manifest of the data set `path`; None where there is none.

    Raises:
        DataError: The file is not such a manifest.
    """
    return Manifest.load(path) if storage.exists(manifest_path(path)) else None


def _texts(fields: Any) -> Texts | None:
    if fields is None:
        return None
    return Texts(**{**fields, "tokens": TokenSummary(**fields["tokens"])})
