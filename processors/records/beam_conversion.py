"""Examples to TFRecords as an Apache Beam pipeline, for more than one machine.

Records and manifest are those of `processors.records.conversion`, byte for byte. One
worker reads the rows, which is a small part of the work, and all of them tokenize; a
shard is written by one worker, whose memory must hold it.
"""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from processors.example import InputExample
from processors.records import store
from processors.records.conversion import Chunk, Encoder, Recipe, cut
from processors.records.manifest import Manifest, Shard
from processors.records.store import Tally
from runtime import storage
from runtime.errors import SettingsError
from runtime.files.tfrecord import RecordWriter

# Beam's "DirectRunner" fetches an executable from the network before it falls back to
# this (Beam 2.77).
_HERE = "runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner"


class Part(NamedTuple):
    """The records of a chunk that go to one shard.

    Attributes:
        first: Place of the chunk's first example.
        payloads: The records.
        tally: What is in the chunk; counted with one of its parts, empty in others.
    """

    first: int
    payloads: list[bytes]
    tally: Tally


class Written(NamedTuple):
    """A shard that is written, and what the manifest counts in it."""

    number: int
    shard: Shard
    tally: Tally


def convert(
    path: str,
    read: Callable[[], Iterable[InputExample]],
    *,
    recipe: Recipe,
    shards: int = 1,
    options: Sequence[str] = (),
) -> Manifest:
    """Writes a data set.

    Args:
        path: The file, or the stem of the names of several, where every worker can
            write.
        read: Reads the examples, in a worker; it can be pickled.
        recipe: What decides the records.
        shards: Number of files.
        options: Of the pipeline, as in `runner=FlinkRunner`; by default it runs here.

    Returns:
        The manifest, which lies beside the files.

    Raises:
        DataError: There are fewer examples than shards.
        SettingsError: Apache Beam is not installed.
    """
    if importlib.util.find_spec("apache_beam") is None:
        raise SettingsError(
            "--runner=beam needs apache_beam, which is not installed: pip install -e"
            " '.[beam]'."
        )
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions

    store.delete_manifest(path)  # it vouches for what goes now
    write = functools.partial(_write, path=path, shards=shards)
    finish = functools.partial(_finish, path=path, recipe=recipe, shards=shards)
    flags = PipelineOptions([f"--{option}" for option in options or (_HERE,)])
    with beam.Pipeline(options=flags) as pipeline:
        written = (
            pipeline
            | "Start" >> beam.Create([read])
            | "Read" >> beam.FlatMap(_chunks)
            | "Spread" >> beam.Reshuffle()
            | "Encode" >> beam.ParDo(_encoding(recipe, shards=shards))
            | "Gather" >> beam.GroupByKey()
            | "Write" >> beam.MapTuple(write)
            | "List" >> beam.combiners.ToList()
        )
        _ = written | "Finish" >> beam.Map(finish)
    return Manifest.load(path)


def _chunks(read: Callable[[], Iterable[InputExample]]) -> Iterator[Chunk]:
    yield from cut(read())


def _encoding(recipe: Recipe, *, shards: int) -> Any:
    """Returns the step that tokenizes; each worker makes its tokenizer once."""
    import apache_beam as beam

    class Encoding(beam.DoFn):
        def setup(self) -> None:
            self._encoder = Encoder(recipe)

        def process(self, element: Chunk) -> Iterator[tuple[int, Part]]:
            yield from _parts(element, encoder=self._encoder, shards=shards)

    return Encoding()


def _parts(
    chunk: Chunk, *, encoder: Encoder, shards: int
) -> Iterator[tuple[int, Part]]:
    """Yields numbers of shards and what goes there; example i to i modulo shards."""
    block = encoder.encode(chunk)
    for place in range(min(shards, len(block.payloads))):
        tally = Tally() if place else block.tally
        part = Part(chunk.first, block.payloads[place::shards], tally)
        yield (chunk.first + place) % shards, part


def _write(number: int, parts: Iterable[Part], *, path: str, shards: int) -> Written:
    name = store.shard_paths(path, shards=shards)[number]
    tally = Tally()
    with RecordWriter(name) as writer:
        for part in sorted(parts, key=lambda part: part.first):
            tally.add(part.tally)
            for payload in part.payloads:
                writer.write(payload)
    shard = Shard(storage.basename(name), writer.count, writer.crc32c)
    return Written(number, shard, tally)


def _finish(written: list[Written], *, path: str, recipe: Recipe, shards: int) -> None:
    tally = Tally()
    for each in written:
        tally.add(each.tally)
    store.refuse_too_few(tally.examples, shards=shards, path=path)
    store.save_manifest(
        path,
        [each.shard for each in sorted(written, key=lambda each: each.number)],
        tally=tally,
        origin=recipe.origin(recipe.make_tokenizer()),
    )
