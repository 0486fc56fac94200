"""Sequences for pre-training to TFRecord files and back.

Masked sequences have the features of google-research/bert's
`create_pretraining_data.py`, padded as there, and its `run_pretraining.py` can read
them; files of that program are read here. Unmasked sequences are not padded:
`input_ids`, `segment_ids`, `next_sentence_labels` where something is asked, and
`word_starts` where whole words are masked. Beside each file lies
`<file>.manifest.json`, which is written last.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from processors.batches.token_dataset import (
    UNLABELLED,
    TokenDataset,
    offsets_of,
    ranges,
)
from processors.pretraining.dataset import (
    Description,
    Predictions,
    PretrainingDataset,
    SequenceColumns,
)
from processors.pretraining.settings import Mode
from processors.records import example_columns
from processors.records.example_columns import BadExampleError, Column, Kind
from runtime import storage
from runtime.errors import DataError
from runtime.files import tfrecord

_Item = TypeVar("_Item")

EXAMPLES_A_BLOCK = 2048
"""How many are coded at once."""
_MANIFEST = ".manifest.json"
REPORT = ".report.txt"
"""What the names of files beside records end with."""
PARTS = ".parts"
"""What the name of the folder ends with in which unfinished work lies."""
_NO_RECORDS = (_MANIFEST, REPORT, PARTS)
_KINDS = {
    "input_ids": Kind.INT64,
    "input_mask": Kind.INT64,
    "segment_ids": Kind.INT64,
    "masked_lm_positions": Kind.INT64,
    "masked_lm_ids": Kind.INT64,
    "masked_lm_weights": Kind.FLOAT,
    "next_sentence_labels": Kind.INT64,
    "word_starts": Kind.INT64,
}


@dataclasses.dataclass(frozen=True, slots=True)
class Record:
    """One sequence as it is written.

    Attributes:
        ids: Token ids with [CLS] and [SEP], masked or not.
        segments: 0 or 1 for each.
        label: Of the second segment; None where nothing is asked.
        positions: Where it is masked.
        labels: What stood there.
        starts_word: Which tokens begin a word; empty where that is not told.
    """

    ids: Sequence[int]
    segments: Sequence[int]
    label: int | None
    positions: Sequence[int] = ()
    labels: Sequence[int] = ()
    starts_word: Sequence[bool] = ()


# Writing -----------------------------------------------------------------------------


def encode(
    records: list[Record], *, description: Description
) -> tuple[dict[str, Column], Iterator[bytes]]:
    """Serialises sequences.

    Args:
        records: At least one.
        description: What the sequences have in common.

    Returns:
        Their features, and each as tf.train.Example.
    """
    columns = columns_of(records, description=description)
    return columns, example_columns.encode(columns)


def decode(payloads: Sequence[bytes]) -> dict[str, Column]:
    """The features of serialised sequences; the opposite of `encode`."""
    return example_columns.decode(payloads, _KINDS)


def write(
    paths: Sequence[str], payloads: Iterable[bytes], *, description: Description
) -> int:
    """Writes serialised sequences to files in turn, each whole or not at all.

    Args:
        paths: The files.
        payloads: At least one for each file.
        description: What the sequences have in common.

    Returns:
        How many were written.

    Raises:
        DataError: There are fewer sequences than files.
    """
    with contextlib.ExitStack() as stack:
        writers = [stack.enter_context(tfrecord.RecordWriter(path)) for path in paths]
        for writer, payload in zip(itertools.cycle(writers), payloads, strict=False):
            writer.write(payload)
        count = sum(writer.count for writer in writers)
        if count < len(paths):
            raise DataError(
                f"expected at least one sequence for each of {len(paths)} files, got"
                f" {count}.",
                path=paths[0],
            )
        for path in paths:  # it vouches for what goes now
            if storage.exists(path + _MANIFEST):
                storage.delete(path + _MANIFEST)
    for path, writer in zip(paths, writers, strict=True):
        _save_manifest(path, description, count=writer.count, crc32c=writer.crc32c)
    return count


def columns_of(records: list[Record], *, description: Description) -> dict[str, Column]:
    """The features of sequences; empty columns for those that they lack.

    Args:
        records: At least one.
        description: What the sequences have in common.
    """
    nothing = _column([()] * len(records))
    columns = dict.fromkeys(_KINDS, nothing) | {
        "next_sentence_labels": _column(
            [[] if record.label is None else [record.label] for record in records]
        )
    }
    if description.mode is Mode.DYNAMIC:
        return columns | {
            "input_ids": _column([record.ids for record in records]),
            "segment_ids": _column([record.segments for record in records]),
            "word_starts": _column([record.starts_word for record in records]),
        }
    length, most = description.max_seq_length, description.max_predictions_per_seq
    weights = _padded([[1.0] * len(record.positions) for record in records], most)
    return columns | {
        "input_ids": _padded([record.ids for record in records], length),
        "input_mask": _padded([[1] * len(record.ids) for record in records], length),
        "segment_ids": _padded([record.segments for record in records], length),
        "masked_lm_positions": _padded([record.positions for record in records], most),
        "masked_lm_ids": _padded([record.labels for record in records], most),
        "masked_lm_weights": dataclasses.replace(
            weights, values=weights.values.astype(np.float32)
        ),
    }


def _column(rows: Sequence[Sequence[float]]) -> Column:
    values = np.fromiter(itertools.chain.from_iterable(rows), np.int64)
    return Column(values, np.array([len(row) for row in rows], np.int64))


def _padded(rows: Sequence[Sequence[float]], length: int) -> Column:
    filled = _column(rows)
    values = np.zeros(len(rows) * length, np.int64)
    starts = np.arange(len(rows)) * length
    values[ranges(starts, lengths=filled.lengths)] = filled.values
    return Column(values, np.full(len(rows), length, np.int64))


def _save_manifest(
    path: str, description: Description, *, count: int, crc32c: int
) -> None:
    fields = dataclasses.asdict(description) | {
        "mode": description.mode.value,
        "sequences": count,
        "crc32c": crc32c,
    }
    text = json.dumps(fields, indent=2, ensure_ascii=False)
    storage.write_text(path + _MANIFEST, text + "\n")


# Reading -----------------------------------------------------------------------------


def read(patterns: Sequence[str]) -> PretrainingDataset:
    """Reads sequences.

    Args:
        patterns: Files, or patterns with `*`, `?` or `[]`.

    Raises:
        DataError: No file matches; or one is damaged, foreign, not the one its manifest
            was written for, or made otherwise than the first.
    """
    paths = [path for pattern in patterns for path in _matching(pattern)]
    columns = SequenceColumns()
    files = []
    for path in paths:
        files.append(_read_file(path, columns))
        first, last = files[0].description, files[-1].description
        _refuse_others(first, last, paths=(paths[0], path))
    tokens, starts_word = columns.tokens(), columns.starts_word()
    if starts_word is not None and len(starts_word) != len(tokens.ids):
        raise DataError(
            "some sequences say which of their tokens begin a word (word_starts), and"
            " some do not: train on files that were made alike.",
            path=", ".join(patterns),
        )
    is_masked = files[0].description.mode is Mode.STATIC
    return PretrainingDataset(
        tokens=tokens,
        predictions=columns.predictions() if is_masked else None,
        starts_word=starts_word,
        description=files[0].description,
        checksums=tuple(each.crc32c for each in files),
        files=tuple(
            (path, each.count) for path, each in zip(paths, files, strict=True)
        ),
    )


def add(found: SequenceColumns, columns: Mapping[str, Column]) -> None:
    """Adds sequences to a data set.

    Args:
        found: The data set.
        columns: Their features, as `columns_of` and `decode` give them.
    """
    tokens, predictions = _split(columns)
    starts_word = columns["word_starts"].values.astype(np.bool_)
    found.add(tokens, predictions, starts_word=starts_word)


def _matching(pattern: str) -> list[str]:
    if storage.exists(pattern):
        return [pattern]
    found = [name for name in storage.glob(pattern) if not name.endswith(_NO_RECORDS)]
    if not found:
        raise DataError("no file matches this pattern.", path=pattern)
    return found


def _refuse_others(
    first: Description, other: Description, *, paths: tuple[str, str]
) -> None:
    for field in dataclasses.fields(Description):
        here, there = getattr(first, field.name), getattr(other, field.name)
        if here != there:
            raise DataError(
                f"was made with {field.name} {there}, and {paths[0]} with {here}: "
                "train on files that were made alike.",
                path=paths[1],
            )


@dataclasses.dataclass(frozen=True, kw_only=True)
class _File:
    """What a file says beside its sequences.

    Attributes:
        description: What they have in common.
        count: How many they are.
        crc32c: Checksum of its bytes.
    """

    description: Description
    count: int
    crc32c: int


def _read_file(path: str, columns: SequenceColumns) -> _File:
    """Adds the sequences of a file."""
    reader = tfrecord.RecordReader(path)
    seen = _Seen()
    for block in _decoded(reader, path=path):
        add(columns, block)
        seen.add(block)
    return _File(
        description=_description(path, seen, crc32c=reader.crc32c),
        count=seen.count,
        crc32c=reader.crc32c,
    )


@dataclasses.dataclass
class _Seen:
    """What sequences show by themselves.

    Attributes:
        count: How many they are.
        longest: Tokens of the longest, with padding.
        most: Masked tokens of the one that has most, with padding.
        is_masked: Whether the first has any.
    """

    count: int = 0
    longest: int = 0
    most: int = 0
    is_masked: bool = False

    def add(self, columns: Mapping[str, Column]) -> None:
        """Looks at more of them."""
        lengths = columns["input_ids"].lengths
        masked = columns["masked_lm_positions"].lengths
        if not self.count:
            self.is_masked = bool(masked[0])
        self.count += len(lengths)
        self.longest = max(self.longest, int(lengths.max()))
        self.most = max(self.most, int(masked.max()))


def _decoded(payloads: Iterable[bytes], *, path: str) -> Iterator[dict[str, Column]]:
    offset = 0
    for block in in_blocks(payloads):
        sizes = [len(payload) + tfrecord.FRAME_BYTES for payload in block]
        try:
            columns = decode(block)
            _refuse_wrong(columns, block)
        except BadExampleError as error:
            raise DataError(
                str(error), path=path, offset=offset + sum(sizes[: error.index])
            ) from error
        yield columns
        offset += sum(sizes)


def _refuse_wrong(columns: Mapping[str, Column], payloads: Sequence[bytes]) -> None:
    for wrong, message in _complaints(columns):
        if wrong.any():
            index = int(wrong.argmax())
            names = example_columns.feature_names(payloads[index])
            raise BadExampleError(
                f"expected a sequence for pre-training: {message}; its features: "
                f"{names}. Make it with scripts/create_pretraining_data.py.",
                index=index,
            )


def _complaints(columns: Mapping[str, Column]) -> Iterator[tuple[np.ndarray, str]]:
    """Yields which examples, bool [examples], break a rule, and the rule."""
    ids, mask = columns["input_ids"], columns["input_mask"]
    positions = columns["masked_lm_positions"]
    words, labels = columns["word_starts"], columns["next_sentence_labels"]
    yield ids.lengths == 0, "input_ids is missing or empty"
    yield columns["segment_ids"].lengths != ids.lengths, "as many segment_ids as ids"
    yield ids.outside(2**31), "input_ids of 0 to 2**31 - 1"
    yield columns["segment_ids"].outside(2**7), "segment_ids of 0 to 127"
    yield labels.lengths > 1, "one next_sentence_labels, or none"
    yield labels.outside(2), "next_sentence_labels of 0 or 1"
    yield columns["masked_lm_ids"].outside(2**31), "masked_lm_ids of 0 to 2**31 - 1"
    if mask.values.size:
        yield mask.lengths != ids.lengths, "as many input_mask as input_ids"
        yield _holes(mask), "an input_mask of ones, then zeros"
    if words.values.size:
        yield words.lengths != ids.lengths, "as many word_starts as input_ids"
    for name in ("masked_lm_ids", "masked_lm_weights"):
        yield columns[name].lengths != positions.lengths, f"as many {name} as positions"
    if positions.values.size:
        yield _outside_sequence(columns), "masked_lm_positions of its tokens"
    yield (positions.lengths > 0) != (positions.lengths[0] > 0), "all masked, or none"


def _holes(mask: Column) -> np.ndarray:
    """Which examples have a token after padding, bool."""
    flags = mask.values != 0
    owners = np.repeat(np.arange(len(mask.lengths)), mask.lengths)
    rises = flags[1:] & ~flags[:-1] & (owners[1:] == owners[:-1])
    found = np.zeros(len(mask.lengths), np.bool_)
    found[owners[1:][rises]] = True
    return found


def _outside_sequence(columns: Mapping[str, Column]) -> np.ndarray:
    positions, weights = columns["masked_lm_positions"], columns["masked_lm_weights"]
    lengths = _real_lengths(columns)
    owners = np.repeat(np.arange(len(lengths)), positions.lengths)
    is_outside = (positions.values < 0) | (positions.values >= lengths[owners])
    found = np.zeros(len(lengths), np.bool_)
    if len(weights.values) == len(positions.values):
        found[owners[is_outside & (weights.values > 0)]] = True
    return found


def _real_lengths(columns: Mapping[str, Column]) -> np.ndarray:
    """Tokens of each example without padding, int64."""
    ids, mask = columns["input_ids"], columns["input_mask"]
    if not mask.values.size:
        return ids.lengths
    total = offsets_of(mask.values != 0)
    return np.diff(total[offsets_of(mask.lengths)])


def _split(columns: Mapping[str, Column]) -> tuple[TokenDataset, Predictions]:
    mask, labels = columns["input_mask"], columns["next_sentence_labels"]
    ids, segments = columns["input_ids"].values, columns["segment_ids"].values
    if mask.values.size:
        ids, segments = ids[mask.values != 0], segments[mask.values != 0]
    label_ids = np.full(len(labels.lengths), UNLABELLED, np.int32)
    label_ids[labels.lengths == 1] = labels.values
    tokens = TokenDataset(
        ids=ids.astype(np.int32),
        segments=segments.astype(np.int8),
        offsets=offsets_of(_real_lengths(columns)),
        label_ids=label_ids,
    )
    weights, positions = columns["masked_lm_weights"], columns["masked_lm_positions"]
    real = weights.values != 0
    predictions = Predictions(
        positions=positions.values[real].astype(np.int32),
        ids=columns["masked_lm_ids"].values[real].astype(np.int32),
        weights=weights.values[real],
        offsets=offsets_of(real)[offsets_of(positions.lengths)],
    )
    return tokens, predictions


def _description(path: str, seen: _Seen, *, crc32c: int) -> Description:
    """What the manifest says; without one, what the records show."""
    if storage.exists(path + _MANIFEST):
        return _load_manifest(path, count=seen.count, crc32c=crc32c)
    return Description(
        mode=Mode.STATIC if seen.is_masked else Mode.DYNAMIC,
        objective="",
        max_seq_length=seen.longest,
        max_predictions_per_seq=seen.most,
        mlm_rates=(),
        tokenizer={},
        vocab_size=0,
        special_ids={},
    )


def _load_manifest(path: str, *, count: int, crc32c: int) -> Description:
    where = path + _MANIFEST
    try:
        fields: dict[str, Any] = json.loads(storage.read_text(where))
        found = fields.pop("sequences"), fields.pop("crc32c")
        fields["mode"] = Mode(fields["mode"])
        fields["mlm_rates"] = tuple(fields["mlm_rates"])
        description = Description(**fields)
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"expected a manifest of sequences: {error}. Make the records again.",
            path=where,
        ) from error
    if found != (count, crc32c):
        raise DataError(
            f"is not the file that {where} was written for: expected {found[0]} "
            f"sequences, checksum {found[1]:08x}; found {count}, {crc32c:08x}. Make "
            "the records again.",
            path=path,
        )
    return description


def in_blocks(items: Iterable[_Item]) -> Iterator[list[_Item]]:
    """Yields the items in lists that are coded at once."""
    stream = iter(items)
    while block := list(itertools.islice(stream, EXAMPLES_A_BLOCK)):
        yield block
