"""Features to TFRecord files and back.

A data set is one file, or several shards `<path>-00000-of-00004`, and beside it
`<path>.manifest.json`, which is written last: counts, labels, the tokenizer, and the
checksum of each file. Example i lies in shard i modulo the number of shards, so that
writing streams, and reading by the manifest brings the order back.

Files of google-research/bert, fixed-length and without a manifest, are read too.
"""

from __future__ import annotations

import contextlib
import dataclasses
import glob as globbing
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import google_crc32c
import numpy as np

from processors.batches.features import Features
from processors.batches.token_dataset import UNLABELLED, TokenDataset
from processors.records import example_proto
from processors.records.example_columns import BadExampleError
from runtime import storage
from runtime.errors import DataError
from runtime.files import tfrecord

# Large enough that numpy's cost a call is nothing, small enough to stay in the cache.
_EXAMPLES_A_BLOCK = 2048

_Item = TypeVar("_Item")


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
    """

    examples: int
    unlabelled: int
    labels: tuple[str, ...]
    tokenizer: Mapping[str, str | bool | int]
    max_seq_length: int
    longest: int
    tokens: int
    shards: tuple[Shard, ...]

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


# Writing -----------------------------------------------------------------------------


def write_records(
    path: str,
    features: Iterable[Features],
    *,
    tokenizer_fingerprint: Mapping[str, str | bool | int],
    labels: Sequence[str],
    max_seq_length: int,
    shards: int = 1,
) -> Manifest:
    """Writes a data set, whole or not at all, in memory that does not grow with it.

    Args:
        path: The file, or the stem of the names of several.
        features: Any iterable; it is streamed.
        tokenizer_fingerprint: Identity of the tokenizer that made the ids.
        labels: The labels, in the order of their ids.
        max_seq_length: The limit in tokens that the texts were cut to.
        shards: Number of files.

    Returns:
        The manifest, which lies beside the files.

    Raises:
        DataError: there are fewer examples than shards.
    """
    return write_blocks(
        path,
        map(encode_block, _blocks(features)),
        tokenizer_fingerprint=tokenizer_fingerprint,
        labels=labels,
        max_seq_length=max_seq_length,
        shards=shards,
    )


@dataclass
class Tally:
    """What the manifest counts, while examples go by."""

    examples: int = 0
    unlabelled: int = 0
    longest: int = 0
    tokens: int = 0

    def add(self, other: Tally) -> None:
        """Counts the examples of another tally too."""
        self.examples += other.examples
        self.unlabelled += other.unlabelled
        self.longest = max(self.longest, other.longest)
        self.tokens += other.tokens


@dataclass(frozen=True)
class Block:
    """Some examples as they go into a file, and what the manifest says of them."""

    payloads: list[bytes]
    tally: Tally


def encode_block(features: Sequence[Features]) -> Block:
    """Returns the records of some examples, at least one."""
    return _block_of(TokenDataset.from_features(features))


def _block_of(dataset: TokenDataset) -> Block:
    tally = Tally(
        examples=len(dataset),
        unlabelled=int((dataset.label_ids == UNLABELLED).sum()),
        longest=int(dataset.lengths.max()),
        tokens=len(dataset.ids),
    )
    return Block(list(example_proto.encode_examples(dataset)), tally)


def write_dataset(
    path: str,
    dataset: TokenDataset,
    *,
    tokenizer_fingerprint: Mapping[str, str | bool | int],
    labels: Sequence[str],
    max_seq_length: int,
    shards: int = 1,
) -> Manifest:
    """Writes a data set that is in memory; see `write_records`."""
    starts = range(0, len(dataset), _EXAMPLES_A_BLOCK)
    places = (
        np.arange(start, min(start + _EXAMPLES_A_BLOCK, len(dataset)))
        for start in starts
    )
    return write_blocks(
        path,
        (_block_of(dataset.take(each)) for each in places),
        tokenizer_fingerprint=tokenizer_fingerprint,
        labels=labels,
        max_seq_length=max_seq_length,
        shards=shards,
    )


def write_blocks(
    path: str,
    blocks: Iterable[Block],
    *,
    tokenizer_fingerprint: Mapping[str, str | bool | int],
    labels: Sequence[str],
    max_seq_length: int,
    shards: int = 1,
) -> Manifest:
    """Writes examples that are encoded already; see `write_records`.

    Args:
        path: The file, or the stem of the names of several.
        blocks: Any iterable; it is streamed, and how it is cut does not matter.
        tokenizer_fingerprint: Identity of the tokenizer that made the ids.
        labels: The labels, in the order of their ids.
        max_seq_length: The limit in tokens that the texts were cut to.
        shards: Number of files.

    Returns:
        The manifest, which lies beside the files.

    Raises:
        DataError: there are fewer examples than shards.
    """
    paths = shard_paths(path, shards=shards)
    tally = Tally()
    with contextlib.ExitStack() as stack:
        writers = [stack.enter_context(tfrecord.RecordWriter(name)) for name in paths]
        turns = itertools.cycle(writers)
        for block in blocks:
            tally.add(block.tally)
            for payload in block.payloads:
                next(turns).write(payload)
        refuse_too_few(tally.examples, shards=shards, path=path)
        delete_manifest(path)  # it vouches for what goes now
    return save_manifest(
        path,
        [
            Shard(storage.basename(name), writer.count, writer.crc32c)
            for name, writer in zip(paths, writers, strict=True)
        ],
        tally=tally,
        tokenizer_fingerprint=tokenizer_fingerprint,
        labels=labels,
        max_seq_length=max_seq_length,
    )


def save_manifest(
    path: str,
    shards: Sequence[Shard],
    *,
    tally: Tally,
    tokenizer_fingerprint: Mapping[str, str | bool | int],
    labels: Sequence[str],
    max_seq_length: int,
) -> Manifest:
    """Writes the manifest of files that are written already; see `write_records`.

    Args:
        path: The file, or the stem of the names of several.
        shards: The files, in order.
        tally: What is in them.
        tokenizer_fingerprint: Identity of the tokenizer that made the ids.
        labels: The labels, in the order of their ids.
        max_seq_length: The limit in tokens that the texts were cut to.
    """
    manifest = Manifest(
        **dataclasses.asdict(tally),
        labels=tuple(labels),
        tokenizer=dict(tokenizer_fingerprint),
        max_seq_length=max_seq_length,
        shards=tuple(shards),
    )
    manifest.save(path)
    return manifest


def shard_paths(path: str, *, shards: int) -> list[str]:
    """Returns the files of the data set `path`."""
    if shards == 1:
        return [path]
    return [f"{path}-{shard:05d}-of-{shards:05d}" for shard in range(shards)]


def refuse_too_few(examples: int, *, shards: int, path: str) -> None:
    """Checks that no file of the data set `path` would be empty.

    Raises:
        DataError: One would.
    """
    if examples < shards:
        raise DataError(
            f"expected at least one example for each of {shards} file(s), got"
            f" {examples}.",
            path=path,
        )


def delete_manifest(path: str) -> None:
    """Deletes the manifest of the data set `path`, if there is one."""
    if storage.exists(manifest_path(path)):
        storage.delete(manifest_path(path))


# Reading -----------------------------------------------------------------------------


def read_records(path: str) -> TokenDataset:
    """Reads a data set into memory.

    Args:
        path: What `write_records` wrote; or a TFRecord file without a manifest; or a
            pattern with `*`, `?` or `[]`, whose files are read one after the other.

    Raises:
        DataError: a file is damaged, truncated, foreign or not the one its manifest
            was written for; names the file and the byte where a record starts.
        StorageError: there is no such file.
    """
    if storage.exists(manifest_path(path)):
        return _read_by_manifest(path)
    if storage.exists(path) or not globbing.has_magic(path):
        return _read_file(path)[0]
    paths = [name for name in storage.glob(path) if not _is_manifest(name)]
    if not paths:
        raise DataError("no file matches this pattern.", path=path)
    return TokenDataset.concatenate([_read_file(name)[0] for name in paths])


def _read_by_manifest(path: str) -> TokenDataset:
    manifest = Manifest.load(path)
    parts = []
    for shard in manifest.shards:
        name = storage.join(storage.dirname(path), shard.name)
        part, crc32c = _read_file(name)
        if crc32c != shard.crc32c or len(part) != shard.examples:
            raise DataError(
                f"is not the file that {manifest_path(path)} was written for: expected"
                f" {shard.examples} examples, checksum {shard.crc32c:08x}; found"
                f" {len(part)}, {crc32c:08x}. Write the records again.",
                path=name,
            )
        parts.append(part)
    dataset = TokenDataset.concatenate(parts)
    if dataset.label_ids.max(initial=UNLABELLED) >= len(manifest.labels):
        raise DataError(
            f"expected label ids under {len(manifest.labels)}, the number of labels in"
            f" its manifest, found {dataset.label_ids.max()}.",
            path=path,
        )
    return dataset if len(parts) == 1 else dataset.take(_dealt(parts))


def _dealt(parts: Sequence[TokenDataset]) -> np.ndarray:
    """Returns the order that undoes dealing the examples to the shards in turn."""
    turns = [
        np.arange(len(part)) * len(parts) + shard for shard, part in enumerate(parts)
    ]
    return np.argsort(np.concatenate(turns))


def _read_file(path: str) -> tuple[TokenDataset, int]:
    """Returns the examples of one file and the CRC-32C of its bytes.

    Raises:
        DataError: as `read_records`.
    """
    data = storage.read_bytes(path)
    parts = []
    offset = 0
    for block in _blocks(tfrecord.parse_payloads(data, path=path)):
        sizes = [len(payload) + tfrecord.FRAME_BYTES for payload in block]
        try:
            parts.append(example_proto.decode_examples(block))
        except BadExampleError as error:
            raise DataError(
                str(error), path=path, offset=offset + sum(sizes[: error.index])
            ) from error
        offset += sum(sizes)
    return TokenDataset.concatenate(parts), google_crc32c.value(data)


def _is_manifest(path: str) -> bool:
    return path.endswith(manifest_path(""))


def _blocks(items: Iterable[_Item]) -> Iterator[list[_Item]]:
    stream = iter(items)
    while block := list(itertools.islice(stream, _EXAMPLES_A_BLOCK)):
        yield block
