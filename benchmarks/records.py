"""TFRecords: rows a second beside TensorFlow's own loops, and memory of a conversion.

    python benchmarks/records.py [--rows=20000] [--rounds=5]
    python benchmarks/records.py --tsv_megabytes=2000 [--workers=2]

The first writes the tokens of the same texts by this toolkit and by a loop over
`tf.train.Example`, and reads them back by this toolkit and by a `tf.data` pipeline of
`tf.io.parse_single_example`. The programs take turns; equal digests are equal tokens
that this toolkit reads back. The second converts a synthetic TSV file of that size by
`scripts/create_tfrecords.py` and prints the most memory that it took.
"""

from __future__ import annotations

import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence

import numpy as np
import shipped
import tables
import turns
from absl import app, flags

from processors.batches.features import FEATURES, Features, featurize
from processors.batches.token_dataset import TokenDataset
from processors.records import store
from processors.records.manifest import Origin
from processors.tasks.authors import AuthorsProcessor
from processors.tokenization.sentence_piece import SentencePieceTokenizer

_ROWS = flags.DEFINE_integer("rows", 20_000, "Rows to write and read.")
_ROUNDS = flags.DEFINE_integer("rounds", 5, "Times that each program runs.")
_MEGABYTES = flags.DEFINE_integer("tsv_megabytes", 0, "Size of a TSV to convert.")
_WORKERS = flags.DEFINE_integer("workers", 1, "Processes that convert it.")

_LENGTH = 128
_KIBIBYTES_A_MEGABYTE = 1e6 / 1024


def main(_: list[str]) -> None:
    """Prints a table, or the memory of a conversion."""
    with tempfile.TemporaryDirectory() as folder:
        if _MEGABYTES.value:
            _print_memory(folder)
        else:
            _print_speeds(folder)


# Speed -------------------------------------------------------------------------------


def _print_speeds(folder: str) -> None:
    features = _tokenized(_ROWS.value)
    ours, theirs = f"{folder}/ours", f"{folder}/theirs"
    count = len(features)

    def written(path: str) -> str:
        return _digest(store.read_records(path))

    programs = {
        "write, this toolkit": lambda: turns.take(
            lambda: _write(ours, features), count=count, result=lambda _: written(ours)
        ),
        "write, tf.train.Example loop": lambda: turns.take(
            lambda: _write_by_tensorflow(theirs, features),
            count=count,
            result=lambda _: written(theirs),
        ),
        "read, this toolkit": lambda: turns.take(
            lambda: store.read_records(ours), count=count, result=_digest
        ),
        "read, parse_single_example": lambda: turns.take(
            lambda: _read_by_tensorflow(theirs), count=count
        ),
    }
    rows = turns.measure_here(programs, rounds=_ROUNDS.value)
    for here, there in (rows[:2], rows[2:]):
        table = tables.Table(
            title=f"{count} rows, {here.name.partition(',')[0]}",
            rows=[here, there],
            unit="rows",
            beside=(there.name,),
        )
        tables.show(table)


def _tokenized(count: int) -> list[Features]:
    examples = shipped.examples()
    wanted = [examples[number % len(examples)] for number in range(count)]
    return list(
        featurize(
            wanted,
            tokenizer=SentencePieceTokenizer(shipped.MODEL_FILE),
            labels=AuthorsProcessor().get_labels(),
            max_seq_length=_LENGTH,
        )
    )


def _write(path: str, features: Sequence[Features]) -> None:
    store.write_records(
        path,
        features,
        origin=Origin(
            tokenizer={},
            labels=AuthorsProcessor.labels,
            max_seq_length=_LENGTH,
            features=FEATURES,
        ),
    )


def _write_by_tensorflow(path: str, features: Sequence[Features]) -> None:
    import tensorflow as tf

    def int64s(values: Sequence[int]) -> tf.train.Feature:
        return tf.train.Feature(int64_list=tf.train.Int64List(value=values))

    with tf.io.TFRecordWriter(path) as writer:
        for row in features:
            example = tf.train.Example(
                features=tf.train.Features(
                    feature={
                        "input_ids": int64s(row.input_ids.tolist()),
                        "segment_ids": int64s(row.segment_ids.tolist()),
                        "label_ids": int64s([row.label_id]),
                    }
                )
            )
            writer.write(example.SerializeToString())


def _read_by_tensorflow(path: str) -> int:
    import tensorflow as tf

    features = {
        "input_ids": tf.io.RaggedFeature(tf.int64),
        "segment_ids": tf.io.RaggedFeature(tf.int64),
        "label_ids": tf.io.FixedLenFeature([1], tf.int64),
    }
    dataset = tf.data.TFRecordDataset(path).map(
        lambda record: tf.io.parse_single_example(record, features)
    )
    return sum(1 for _ in dataset)


def _digest(dataset: TokenDataset) -> str:
    names = ("ids", "segments", "offsets", "label_ids")
    arrays = (np.asarray(getattr(dataset, name), np.int64) for name in names)
    return tables.of_ids(array.tolist() for array in arrays)


# Memory ------------------------------------------------------------------------------


def _print_memory(folder: str) -> None:
    rows = _write_tsv(f"{folder}/train.tsv", megabytes=_MEGABYTES.value)
    command = [
        sys.executable,
        os.path.join(shipped.ROOT, "scripts/create_tfrecords.py"),
        "--task_name=tsv",
        f"--data_dir={folder}",
        f"--output_dir={folder}/records",
        "--splits=train",
        f"--model_file={shipped.MODEL_FILE}",
        f"--max_seq_length={_LENGTH}",
        f"--workers={_WORKERS.value}",
    ]
    start = time.perf_counter()
    subprocess.run(command, env={**os.environ, "PYTHONPATH": shipped.ROOT}, check=True)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    print(
        f"{_MEGABYTES.value} MB, {rows} rows, {_WORKERS.value} process(es):"
        f" {rows / seconds:.0f} rows/s, at most {peak / _KIBIBYTES_A_MEGABYTE:.0f} MB"
        " of memory in a process"
    )


def _write_tsv(path: str, *, megabytes: int) -> int:
    """Writes paragraphs of the six authors, drawn again and again; returns how many."""
    lines = [f"{each.text_a}\t{each.label}\n".encode() for each in shipped.examples()]
    draw = random.Random(0)
    rows = size = 0
    with open(path, "wb") as file:
        file.write(b"text\tlabel\n")
        while size < megabytes * 1_000_000:
            chosen = draw.choices(lines, k=10_000)
            size += file.write(b"".join(chosen))
            rows += len(chosen)
    return rows


if __name__ == "__main__":
    app.run(main)
