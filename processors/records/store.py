"""Features to TFRecord files and back.

A data set is one file, or several shards `<path>-00000-of-00004`, and beside it
`<path>.manifest.json`, which is written last: counts, labels, the tokenizer, and the
checksum of each file. Example i lies in shard i modulo the number of shards, so that
writing streams, and reading by the manifest brings the order back.

Files of google-research/bert, fixed-length and without a manifest, are read too.
"""

from __future__ import annotations

import contextlib
import glob as globbing
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

import numpy as np

from processors.batches.features import Features, TokenTotals
from processors.batches.token_dataset import UNLABELLED, TokenColumns, TokenDataset
from processors.records import example_proto
from processors.records.example_columns import BadExampleError
from processors.records.manifest import Manifest, Origin, Shard, Texts, manifest_path
from runtime import storage
from runtime.errors import DataError
from runtime.files import tfrecord

# Large enough that numpy's cost a call is nothing, small enough to stay in the cache.
_EXAMPLES_A_BLOCK = 2048

_RECORD_NAMES = {"train": "train", "dev": "eval", "test": "predict"}

_Item = TypeVar("_Item")


# Writing -----------------------------------------------------------------------------


def write_records(
    path: str, features: Iterable[Features], *, origin: Origin, shards: int = 1
) -> Manifest:
    """Writes a data set, whole or not at all, in memory that does not grow with it.

    Args:
        path: The file, or the stem of the names of several.
        features: Any iterable; it is streamed.
        origin: What decided them.
        shards: Number of files.

    Returns:
        The manifest, which lies beside the files.

    Raises:
        DataError: there are fewer examples than shards.
    """
    blocks = map(encode_block, _blocks(features))
    return write_blocks(path, blocks, origin=origin, shards=shards)


class Place(NamedTuple):
    """How far examples were read.

    Attributes:
        examples: So many from the first.
        crc32c: Of these; see `processors.example.checksum`.
    """

    examples: int = 0
    crc32c: int = 0


@dataclass
class Tally:
    """What the manifest counts, while examples go by.

    Attributes:
        examples: Records.
        unlabelled: How many of them have no label.
        longest: Length of the longest in tokens.
        tokens: Tokens in all of them.
        found: What tokenizing found.
        place: How far the examples that they were made of were read.
    """

    examples: int = 0
    unlabelled: int = 0
    longest: int = 0
    tokens: int = 0
    found: TokenTotals = field(default_factory=TokenTotals)
    place: Place = field(default_factory=Place)

    def add(self, other: Tally) -> None:
        """Counts the examples of another tally too, whichever of them came first."""
        self.examples += other.examples
        self.unlabelled += other.unlabelled
        self.longest = max(self.longest, other.longest)
        self.tokens += other.tokens
        self.found.add(other.found)
        self.place = max(self.place, other.place)

    def texts(self, *, max_seq_length: int) -> Texts | None:
        """What the records were made of; None where that was not said."""
        if not self.place.examples:
            return None
        tokens = self.found.summary(max_seq_length=max_seq_length)
        return Texts(**self.place._asdict(), tokens=tokens)


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
    origin: Origin,
    texts: Texts | None = None,
    shards: int = 1,
) -> Manifest:
    """Writes a data set that is in memory; see `write_records`.

    Args:
        path: The file, or the stem of the names of several.
        dataset: The data set.
        origin: What decided it.
        texts: What it was made of, where that is known.
        shards: Number of files.

    Raises:
        DataError: there are fewer examples than shards.
    """
    starts = range(0, len(dataset), _EXAMPLES_A_BLOCK)
    places = (
        np.arange(start, min(start + _EXAMPLES_A_BLOCK, len(dataset)))
        for start in starts
    )
    blocks = (_block_of(dataset.take(each)) for each in places)
    return write_blocks(path, blocks, origin=origin, texts=texts, shards=shards)


def write_blocks(
    path: str,
    blocks: Iterable[Block],
    *,
    origin: Origin,
    texts: Texts | None = None,
    shards: int = 1,
) -> Manifest:
    """Writes examples that are encoded already; see `write_records`.

    Args:
        path: The file, or the stem of the names of several.
        blocks: Any iterable; it is streamed, and how it is cut does not matter.
        origin: What decided them.
        texts: What they were made of, where their tallies do not say it.
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
    files = [
        Shard(storage.basename(name), writer.count, writer.crc32c)
        for name, writer in zip(paths, writers, strict=True)
    ]
    return save_manifest(path, files, tally=tally, origin=origin, texts=texts)


def save_manifest(
    path: str,
    shards: Sequence[Shard],
    *,
    tally: Tally,
    origin: Origin,
    texts: Texts | None = None,
) -> Manifest:
    """Writes the manifest of files that are written already; see `write_records`.

    Args:
        path: The file, or the stem of the names of several.
        shards: The files, in order.
        tally: What is in them.
        origin: What decided it.
        texts: What it was made of, where the tally does not say it.
    """
    manifest = Manifest(
        examples=tally.examples,
        unlabelled=tally.unlabelled,
        labels=origin.labels,
        tokenizer=dict(origin.tokenizer),
        max_seq_length=origin.max_seq_length,
        longest=tally.longest,
        tokens=tally.tokens,
        shards=tuple(shards),
        features=origin.features,
        texts=texts or tally.texts(max_seq_length=origin.max_seq_length),
    )
    manifest.save(path)
    return manifest


def record_path(folder: str, split: str, *, suffix: str = "") -> str:
    """Returns where the records of a split lie.

    Args:
        folder: Of the run or the conversion.
        split: train, dev or test.
        suffix: What tells them from others of that split.

    Source: google-research/bert, run_classifier.py, main.
    """
    return storage.join(folder, f"{_RECORD_NAMES[split]}{suffix}.tf_record")


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


def delete_records(path: str, manifest: Manifest | None) -> None:
    """Deletes the data set `path`.

    Args:
        path: The file, or the stem of the names of several.
        manifest: Names the files; None where there are none.
    """
    delete_manifest(path)
    if manifest is not None:
        delete_shards(path, manifest.shards)


def delete_shards(
    path: str, shards: Iterable[Shard], *, but: Iterable[Shard] = ()
) -> None:
    """Deletes files of the data set `path`.

    Args:
        path: The file, or the stem of the names of several.
        shards: The files.
        but: Those that stay.
    """
    for name in {shard.name for shard in shards} - {shard.name for shard in but}:
        file = storage.join(storage.dirname(path), name)
        if storage.exists(file):
            storage.delete(file)


# Reading -----------------------------------------------------------------------------


def read_records(path: str) -> TokenDataset:
    """Reads a data set.

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
    paths = [path]
    if globbing.has_magic(path) and not storage.exists(path):
        paths = [name for name in storage.glob(path) if not _is_manifest(name)]
    if not paths:
        raise DataError("no file matches this pattern.", path=path)
    columns = TokenColumns()
    for name in paths:
        _read_file(name, columns)
    return columns.dataset()


def _read_by_manifest(path: str) -> TokenDataset:
    manifest = Manifest.load(path)
    columns = TokenColumns()
    for shard in manifest.shards:
        name = storage.join(storage.dirname(path), shard.name)
        examples, crc32c = _read_file(name, columns)
        if (examples, crc32c) != (shard.examples, shard.crc32c):
            raise DataError(
                f"is not the file that {manifest_path(path)} was written for: expected"
                f" {shard.examples} examples, checksum {shard.crc32c:08x}; found"
                f" {examples}, {crc32c:08x}. Write the records again.",
                path=name,
            )
    dataset = columns.dataset()
    if dataset.label_ids.max(initial=UNLABELLED) >= len(manifest.labels):
        raise DataError(
            f"expected label ids under {len(manifest.labels)}, the number of labels in"
            f" its manifest, found {dataset.label_ids.max()}.",
            path=path,
        )
    if len(manifest.shards) == 1:
        return dataset
    return dataset.take(_dealt([shard.examples for shard in manifest.shards]))


def _dealt(counts: Sequence[int]) -> np.ndarray:
    """Returns the order that undoes dealing the examples to the shards in turn."""
    turns = [np.arange(count) * len(counts) + i for i, count in enumerate(counts)]
    return np.argsort(np.concatenate(turns))


def _read_file(path: str, columns: TokenColumns) -> tuple[int, int]:
    """Adds the examples of a file; returns how many, and the CRC-32C of its bytes.

    Raises:
        DataError: as `read_records`.
    """
    reader = tfrecord.RecordReader(path)
    count = offset = 0
    for block in _blocks(reader):
        sizes = [len(payload) + tfrecord.FRAME_BYTES for payload in block]
        try:
            part = example_proto.decode_examples(block)
        except BadExampleError as error:
            raise DataError(
                str(error), path=path, offset=offset + sum(sizes[: error.index])
            ) from error
        columns.add(part)
        count += len(part)
        offset += sum(sizes)
    return count, reader.crc32c


def _is_manifest(path: str) -> bool:
    return path.endswith(manifest_path(""))


def _blocks(items: Iterable[_Item]) -> Iterator[list[_Item]]:
    stream = iter(items)
    while block := list(itertools.islice(stream, _EXAMPLES_A_BLOCK)):
        yield block
