"""Token ids of a whole data set, one long column each.

What is of tokens may be too long for the memory, and then lies on the disk; see
`processors.batches.long_array`. What is of examples is held.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from processors.batches.features import Features
from processors.batches.long_array import LongArray

UNLABELLED = -1
FILLER = -1  # in place of an example's number: a slot of a batch without one

_AT_ONCE = 2048  # examples
_NONE = np.empty(0, np.int32)


@dataclass(frozen=True, eq=False)
class Spans:
    """Ids of each of some examples, laid end to end.

    Attributes:
        ids: int32 [total].
        offsets: Where those of each example start, then the end, int64 [examples + 1].
    """

    ids: np.ndarray
    offsets: np.ndarray

    @classmethod
    def of(cls, rows: Sequence[np.ndarray]) -> Spans:
        """Returns the ids of each row, int32 [any]."""
        offsets = offsets_of([len(row) for row in rows])
        return cls(_concatenate([np.empty(0, np.int32), *rows], np.int32), offsets)

    @classmethod
    def none(cls, examples: int) -> Spans:
        """Returns those of examples that have none."""
        return cls(np.empty(0, np.int32), np.zeros(examples + 1, np.int64))

    @functools.cached_property
    def lengths(self) -> np.ndarray:
        """Ids of each example, int64 [examples]."""
        return np.diff(self.offsets)

    def example(self, index: int) -> np.ndarray:
        """Returns the ids of one example."""
        return self.ids[self.offsets[index] : self.offsets[index + 1]]

    def take(self, order: np.ndarray) -> Spans:
        """Returns the examples `order` names, int [any], in that order."""
        lengths = self.lengths[order]
        ids = gather(self.ids, self.offsets[order], lengths=lengths)
        return Spans(ids, offsets_of(lengths))


@dataclass(frozen=True, eq=False)
class TokenDataset:
    """Examples laid end to end: example i is positions offsets[i] to offsets[i + 1].

    Attributes:
        ids: Token ids, int32 [total_tokens].
        segments: Segment of each token, int8 [total_tokens].
        offsets: Where each example starts, then the end, int64 [examples + 1].
        label_ids: int32 [examples]; UNLABELLED where there is no label.
        targets: Where examples have several labels or a number, those: float32
            [examples, labels] of 0 and 1, or [examples]. 0 where there is no label, and
            `label_ids` is 0 where there is. None where `label_ids` says all.
        target_ids: Where a text is learned, its ids; see `Features`. None where none
            is, or where none is known.
    """

    ids: np.ndarray
    segments: np.ndarray
    offsets: np.ndarray
    label_ids: np.ndarray
    targets: np.ndarray | None = None
    target_ids: Spans | None = None

    @classmethod
    def full(
        cls,
        count: int,
        *,
        length: int,
        target_shape: tuple[int, ...] | None = None,
        target_length: int | None = None,
    ) -> TokenDataset:
        """Examples that leave no room in a row, for those who compile without data.

        Args:
            count: How many.
            length: Tokens of each.
            target_shape: Of each one's target; None where it has a label id.
            target_length: Tokens of the text that each teaches; None where it is none.
        """
        targets = None
        texts = [np.ones(target_length or 0, np.int32)] * count
        if target_shape is not None:
            targets = np.zeros((count, *target_shape), np.float32)
        return cls(
            ids=np.ones(count * length, np.int32),
            segments=np.zeros(count * length, np.int8),
            offsets=np.arange(count + 1, dtype=np.int64) * length,
            label_ids=np.zeros(count, np.int32),
            targets=targets,
            target_ids=Spans.of(texts) if target_length else None,
        )

    @classmethod
    def from_features(cls, features: Sequence[Features]) -> TokenDataset:
        """Returns the columns of `features`, in their order."""
        labels = [
            UNLABELLED if row.label_id is None else row.label_id for row in features
        ]
        return cls(
            ids=_concatenate([row.input_ids for row in features], np.int32),
            segments=_concatenate([row.segment_ids for row in features], np.int8),
            offsets=offsets_of([len(row.input_ids) for row in features]),
            label_ids=np.array(labels, np.int32),
            targets=_stacked([row.target for row in features]),
            target_ids=_texts([row.target_ids for row in features]),
        )

    @classmethod
    def collect(cls, features: Iterable[Features]) -> TokenDataset:
        """Returns the columns of any number of features; they are streamed."""
        stream = iter(features)
        parts = iter(lambda: list(itertools.islice(stream, _AT_ONCE)), [])
        return cls.concatenate(map(cls.from_features, parts))

    @classmethod
    def concatenate(cls, parts: Iterable[TokenDataset]) -> TokenDataset:
        """Returns the examples of every part, one after the other; it is streamed."""
        columns = TokenColumns()
        for part in parts:
            columns.add(part)
        return columns.dataset()

    def __len__(self) -> int:
        return len(self.label_ids)

    @functools.cached_property
    def lengths(self) -> np.ndarray:
        """Tokens in each example, int64 [examples]."""
        return np.diff(self.offsets)

    def length(self, index: int) -> int:
        """Returns the number of tokens in one example."""
        return int(self.lengths[index])

    def example(self, index: int) -> Features:
        """Returns one example."""
        place = slice(self.offsets[index], self.offsets[index + 1])
        label_id = int(self.label_ids[index])
        return Features(
            input_ids=self.ids[place],
            segment_ids=self.segments[place].astype(np.int32),
            label_id=None if label_id == UNLABELLED else label_id,
            target=None if self.targets is None else self.targets[index],
            target_ids=None
            if self.target_ids is None
            else self.target_ids.example(index),
        )

    def take(self, order: np.ndarray) -> TokenDataset:
        """Returns the examples `order` names, int [any], in that order."""
        starts, lengths = self.offsets[order], self.lengths[order]
        return TokenDataset(
            ids=gather(self.ids, starts, lengths=lengths),
            segments=gather(self.segments, starts, lengths=lengths),
            offsets=offsets_of(lengths),
            label_ids=self.label_ids[order],
            targets=None if self.targets is None else self.targets[order],
            target_ids=self.target_ids and self.target_ids.take(order),
        )


class TokenColumns:
    """Examples that come part by part, to be one data set."""

    def __init__(self) -> None:
        self._ids, self._segments = LongArray(np.int32), LongArray(np.int8)
        self._target_ids = LongArray(np.int32)
        self._parts: list[TokenDataset] = []  # what is of examples

    def add(self, part: TokenDataset) -> None:
        """Adds examples after those that are there."""
        self._ids.extend(part.ids)
        self._segments.extend(part.segments)
        texts = part.target_ids
        if texts is not None:
            self._target_ids.extend(texts.ids)
            texts = dataclasses.replace(texts, ids=_NONE)
        self._parts.append(
            dataclasses.replace(part, ids=_NONE, segments=_NONE, target_ids=texts)
        )

    def __len__(self) -> int:
        return sum(map(len, self._parts))

    def dataset(self) -> TokenDataset:
        """Returns all examples, at least one part of them."""
        parts = self._parts
        lengths = _concatenate([part.lengths for part in parts], np.int64)
        return TokenDataset(
            ids=self._ids.array(),
            segments=self._segments.array(),
            offsets=offsets_of(lengths),
            label_ids=_concatenate([part.label_ids for part in parts], np.int32),
            targets=_joined(parts),
            target_ids=_joined_texts(parts, self._target_ids),
        )


def offsets_of(lengths: Sequence[int] | np.ndarray) -> np.ndarray:
    """Returns where each of some spans laid end to end starts, then the end, int64."""
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets


def ranges(starts: np.ndarray, *, lengths: np.ndarray) -> np.ndarray:
    """Returns start, start + 1, ... for each span, one span after the other, int64."""
    offsets = offsets_of(lengths)
    return np.arange(offsets[-1]) + np.repeat(starts - offsets[:-1], lengths)


def gather(
    values: np.ndarray, starts: np.ndarray, *, lengths: np.ndarray
) -> np.ndarray:
    """Returns the values of some spans, one span after the other.

    Args:
        values: A column, [any].
        starts: Where each span starts in it, int64 [spans].
        lengths: Values of each, int64 [spans].
    """
    found = LongArray(values.dtype)
    for first in range(0, len(starts), _AT_ONCE):
        some = slice(first, first + _AT_ONCE)
        found.extend(values[ranges(starts[some], lengths=lengths[some])])
    return found.array()


def _concatenate(arrays: Sequence[np.ndarray], dtype: type) -> np.ndarray:
    return np.concatenate(arrays, dtype=dtype, casting="same_kind")


def _stacked(targets: Sequence[np.ndarray | None]) -> np.ndarray | None:
    found = [target for target in targets if target is not None]
    return np.stack(found) if found else None


def _joined(parts: Sequence[TokenDataset]) -> np.ndarray | None:
    """The targets of all parts; 0 in one whose examples are all unlabelled."""
    shapes = [part.targets.shape[1:] for part in parts if part.targets is not None]
    if not shapes:
        return None
    found = [
        np.zeros((len(part), *shapes[0]), np.float32)
        if part.targets is None
        else part.targets
        for part in parts
    ]
    return _concatenate(found, np.float32)


def _texts(rows: Sequence[np.ndarray | None]) -> Spans | None:
    if all(row is None for row in rows):
        return None
    return Spans.of([np.empty(0, np.int32) if row is None else row for row in rows])


def _joined_texts(parts: Sequence[TokenDataset], ids: LongArray) -> Spans | None:
    """The texts that all parts teach; none in one whose examples have none."""
    if all(part.target_ids is None for part in parts):
        return None
    found = [part.target_ids or Spans.none(len(part)) for part in parts]
    lengths = _concatenate([each.lengths for each in found], np.int64)
    return Spans(ids.array(), offsets_of(lengths))
