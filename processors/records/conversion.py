"""Examples of any number to TFRecords: streamed, by one process or several.

Whatever the number of processes, the same bytes come out in the same order.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from processors.batches.features import TokenCounts, features_format, featurize
from processors.batches.long_texts import LongTexts
from processors.example import InputExample, checksum
from processors.labels.targets import Targets
from processors.records import store
from processors.records.manifest import Manifest, Origin
from processors.records.store import Block, Place
from processors.tokenization.base import Tokenizer
from runtime import processes

# Enough for a tokenizer to be fast, and for a process to be worth the message.
_EXAMPLES_A_CHUNK = 1024
# So that long texts are not held by the thousand.
_CHARACTERS_A_CHUNK = 1 << 22


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What decides the records of an example.

    Args:
        make_tokenizer: Makes the tokenizer; processes that share the work call it too,
            so it can be pickled.
        labels: The labels, in the order of their ids.
        max_seq_length: The limit in tokens that texts are cut to.
        long_texts: What is kept of a longer text.
        targets: What the examples are told apart by.
    """

    make_tokenizer: Callable[[], Tokenizer]
    labels: Sequence[str]
    max_seq_length: int
    long_texts: LongTexts = LongTexts.TRUNCATE
    targets: Targets = Targets.LABEL

    def origin(self, tokenizer: Tokenizer) -> Origin:
        """The same, as manifests have it.

        Args:
            tokenizer: From `make_tokenizer`.
        """
        return Origin(
            tokenizer=tokenizer.fingerprint(),
            labels=tuple(self.labels),
            max_seq_length=self.max_seq_length,
            features=features_format(self.long_texts),
        )


class Chunk(NamedTuple):
    """Examples that follow each other.

    Attributes:
        examples: They, at least one.
        place: Where they end.
    """

    examples: list[InputExample]
    place: Place

    @property
    def first(self) -> int:
        """Place of the first of them."""
        return self.place.examples - len(self.examples)


class Encoder:
    """Makes records of examples.

    Args:
        recipe: How.
    """

    def __init__(self, recipe: Recipe) -> None:
        self.tokenizer = recipe.make_tokenizer()
        self._recipe = recipe

    def encode(self, chunk: Chunk) -> Block:
        """Returns the records of some examples."""
        counts = TokenCounts()
        features = featurize(
            chunk.examples,
            tokenizer=self.tokenizer,
            labels=self._recipe.labels,
            max_seq_length=self._recipe.max_seq_length,
            counts=counts,
            long_texts=self._recipe.long_texts,
            targets=self._recipe.targets,
        )
        block = store.encode_block(list(features))
        block.tally.found.add(counts)
        block.tally.place = chunk.place
        return block


def convert(
    path: str,
    examples: Iterable[InputExample],
    *,
    recipe: Recipe,
    shards: int = 1,
    workers: int = 1,
) -> Manifest:
    """Writes a data set in memory that does not grow with it.

    Args:
        path: The file, or the stem of the names of several.
        examples: Any iterable; it is streamed.
        recipe: What decides the records.
        shards: Number of files.
        workers: Number of processes that tokenize.

    Returns:
        The manifest, which lies beside the files.

    Raises:
        DataError: There are fewer examples than shards, or one cannot be used.
        SettingsError: A process ended on its own.
    """
    encoder = Encoder(recipe)
    chunks = cut(examples)
    with _blocks(chunks, encoder=encoder, recipe=recipe, workers=workers) as blocks:
        origin = recipe.origin(encoder.tokenizer)
        return store.write_blocks(path, blocks, origin=origin, shards=shards)


def cut(examples: Iterable[InputExample]) -> Iterator[Chunk]:
    """Yields the examples in chunks that fit the memory, none of them empty."""
    place = Place()
    for chunk in _cut(examples):
        crc32c = checksum(chunk, after=place.crc32c)
        place = Place(place.examples + len(chunk), crc32c)
        yield Chunk(chunk, place)


def _cut(examples: Iterable[InputExample]) -> Iterator[list[InputExample]]:
    chunk: list[InputExample] = []
    characters = 0
    for example in examples:
        chunk.append(example)
        characters += len(example.text_a) + len(example.text_b or "")
        if len(chunk) == _EXAMPLES_A_CHUNK or characters >= _CHARACTERS_A_CHUNK:
            yield chunk
            chunk, characters = [], 0
    if chunk:
        yield chunk


def _blocks(
    chunks: Iterator[Chunk], *, encoder: Encoder, recipe: Recipe, workers: int
) -> contextlib.AbstractContextManager[Iterator[Block]]:
    """The block of each chunk in turn, by this process or by several."""
    if workers == 1:
        return contextlib.nullcontext(map(encoder.encode, chunks))
    make_work = functools.partial(_encoding, recipe)
    return contextlib.closing(
        processes.in_order(chunks, make_work=make_work, workers=workers)
    )


def _encoding(recipe: Recipe) -> Callable[[Chunk], Block]:
    """What another process does."""
    return Encoder(recipe).encode
