"""Token data sets to batches of numpy arrays.

Which examples a batch holds, and in which order, is a pure function of (seed, step):
a run resumes at any step in constant time, and on any number of replicas the same
update sees the same examples. How they are laid out, packed, in buckets or padded to
the end, does not touch that.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from processors.batches import packing
from processors.batches.batch_shape import BatchShape, PadTo, default_buckets
from processors.batches.texts_apart import OneTextEach, Sides, Texts, TextsApart
from processors.batches.token_dataset import (
    FILLER,
    UNLABELLED,
    Spans,
    TokenDataset,
    ranges,
)
from processors.batches.windows import Windows
from processors.example import InputExample
from runtime.errors import DataError, SettingsError

# What tells the draw of windows from those of an epoch's order.
_FIRST_WINDOWS = (0, 3)

# Of which the numbers of packed rows are chosen: a tenth of a second's work.
_EXAMPLES_TRIED, _FEWEST_TRIED = 8192, 32


@dataclass(frozen=True, eq=False)
class Batch:
    """The examples of one update.

    Attributes:
        arrays: Axes start with [accumulation, replicas]. int32 [..., rows, row_length]:
            `input_ids`, `segment_ids`, `position_ids` (from 0 in each example) and
            `example_ids` (1, 2, ... in each row; 0 is padding). [..., examples], in the
            order of the batch: `first_positions` int32, the place of each [CLS] in its
            slice's rows laid end to end; `label_ids` int32, 0 when unlabelled;
            `loss_weight` float32, which sums to 1 over the labelled examples of the
            batch, each with the share that its class weighs. Filler has 0 in all three.
            Where the data set has `targets`, these too, float32 [..., examples] or
            [..., examples, labels]; 0 when unlabelled. Where the texts of pairs are
            read apart, `first_positions` are those of texts, and more arrays say which
            texts a pair is of; see `TextsApart.places`. Where texts are learned, int32
            [..., rows, target_length]: `decoder_target_ids`, `decoder_position_ids`
            and `decoder_example_ids`, as those of the inputs, in rows of the same
            numbers.
        example_index: Which example of the data set a slot holds, or FILLER, int64
            [accumulation, replicas, examples].
        epochs: In which pass over the data set, from 0, int64 of the same shape.
        real_tokens: Tokens that are not padding.
    """

    arrays: dict[str, np.ndarray]
    example_index: np.ndarray
    epochs: np.ndarray
    real_tokens: int

    def names(self, examples: Sequence[InputExample]) -> list[str]:
        """Returns the guids of its examples.

        Args:
            examples: All examples of the data set.
        """
        used = self.example_index.ravel()
        return [examples[number].guid for number in used if number != FILLER]


class TrainBatches:
    """An endless stream of batches in random order, any of which can be asked for.

    Position p of the stream is example permutation(seed, p // n)[p % n] of n; a batch
    is global_batch positions in a row, dealt to the slices in blocks. So every epoch
    holds every example once, and an epoch may end in the middle of a batch. Of an
    example that is read in windows an epoch holds one; see `Windows.drawn`.

    Args:
        dataset: The examples.
        shape: Shape of the batches.
        seed: 0 to 2**32 - 1.
        class_weights: What an example of each class weighs, float `[labels]`; None
            where all weigh the same.

    Raises:
        SettingsError: the seed is out of range.
        DataError: there is no example, or one is longer than max_seq_length.
    """

    def __init__(
        self,
        dataset: TokenDataset,
        *,
        shape: BatchShape,
        seed: int,
        class_weights: np.ndarray | None = None,
    ) -> None:
        if not 0 <= seed < 2**32:
            raise SettingsError(f"seed: expected 0 to {2**32 - 1}, got {seed}.")
        if len(dataset) == 0:
            raise DataError("There is no example to train on.")
        self._dataset = dataset
        self._windows, self._texts = _read(dataset, shape=shape)
        self._shape = shape
        self._seed = seed
        random = np.random.RandomState([seed, *_FIRST_WINDOWS])
        self._first_windows = random.random_sample(len(dataset))
        self._class_weights = class_weights
        self._orders: dict[int, np.ndarray] = {}
        if shape.rounds_rows:
            self._shape = dataclasses.replace(shape, row_counts=self._row_counts())

    def batch(self, step: int) -> Batch:
        """Returns the batch of the update after `step` updates."""
        rows, epochs = self._windows_at(step)
        return _assemble(
            self._windows,
            rows,
            texts=self._texts,
            epochs=epochs,
            shape=self._shape,
            class_weights=self._class_weights,
        )

    def _row_counts(self) -> tuple[int, ...]:
        """Numbers of packed rows for these examples, a pure function of them."""
        exact = dataclasses.replace(self._shape, row_counts=())
        needed = []
        for step in range(max(_EXAMPLES_TRIED // exact.global_batch, _FEWEST_TRIED)):
            index = self._windows_at(step)[0].reshape(
                exact.slices, exact.per_replica_batch
            )
            slots = self._texts.slots(index)
            sides = _lengths(
                self._windows.rows, index, slots=slots, texts=self._texts, shape=exact
            )
            needed.append(_lay_out(sides, shape=exact)[0].rows)
        return packing.counts_for(np.array(needed), most=slots.shape[1])

    def _windows_at(self, step: int) -> tuple[np.ndarray, np.ndarray]:
        """Which windows are in the batch of an update, and their epochs."""
        start = step * self._shape.global_batch
        epochs, places = np.divmod(
            np.arange(start, start + self._shape.global_batch), len(self._dataset)
        )
        # The epochs of this batch are, most likely, those of the next.
        self._orders = {
            epoch: self._orders[epoch] if epoch in self._orders else self._order(epoch)
            for epoch in range(epochs[0], epochs[-1] + 1)
        }
        index = np.concatenate(
            [order[places[epochs == epoch]] for epoch, order in self._orders.items()]
        )
        rows = self._windows.drawn(index, epochs=epochs, shares=self._first_windows)
        return rows, epochs

    def _order(self, epoch: int) -> np.ndarray:
        """The order of an epoch's examples, a pure function of (seed, epoch)."""
        # Not default_rng: only RandomState's stream is promised never to change, and a
        # run must resume in the same order under a later numpy.
        return np.random.RandomState([self._seed, epoch]).permutation(
            len(self._dataset)
        )


class EvalBatches:
    """Every example exactly once, in the order of the data set.

    Of an example that is read in windows there are all, each in a slot, in order. The
    last batch is filled up with slots that hold no example and weigh nothing.

    Args:
        dataset: The examples.
        shape: Shape of the batches.

    Raises:
        DataError: an example is longer than max_seq_length.
    """

    def __init__(self, dataset: TokenDataset, *, shape: BatchShape) -> None:
        self._windows, self._texts = _read(dataset, shape=shape)
        self._shape = shape

    def __len__(self) -> int:
        return math.ceil(len(self._windows.rows) / self._shape.global_batch)

    def __iter__(self) -> Iterator[Batch]:
        for number in range(len(self)):
            start = number * self._shape.global_batch
            rows = np.arange(start, start + self._shape.global_batch)
            rows[rows >= len(self._windows.rows)] = FILLER
            epochs = np.zeros_like(rows)
            yield _assemble(
                self._windows,
                rows,
                texts=self._texts,
                epochs=epochs,
                shape=self._shape,
            )


def stack(batches: Sequence[Batch]) -> dict[str, np.ndarray]:
    """Returns the arrays of several batches as one, [batches, accumulation, ...].

    Each array is zero-padded to the largest of its name, so that rows have one length;
    `first_positions` follow.
    """
    stacked = {}
    for name, first in batches[0].arrays.items():
        shape = np.max([batch.arrays[name].shape for batch in batches], axis=0)
        stacked[name] = np.zeros((len(batches), *shape), first.dtype)
        for target, batch in zip(stacked[name], batches, strict=True):
            array = batch.arrays[name]
            target[tuple(map(slice, array.shape))] = array
    for number, batch in enumerate(batches):
        row_length = batch.arrays["input_ids"].shape[-1]
        rows = stacked["first_positions"][number] // row_length
        longer = stacked["input_ids"].shape[-1] - row_length
        stacked["first_positions"][number] += rows * longer
    return stacked


def _read(dataset: TokenDataset, *, shape: BatchShape) -> tuple[Windows, Texts]:
    """The rows that a model reads of a data set, and the texts that these are of."""
    length = shape.max_seq_length
    if shape.in_windows:
        windows = Windows.cut(dataset, max_seq_length=length)
        return windows, OneTextEach(windows.rows)
    is_apart = shape.sides is Sides.APART
    texts: Texts = TextsApart.of(dataset) if is_apart else OneTextEach(dataset)
    _check_lengths(texts.dataset.lengths, "max_seq_length", limit=length)
    if shape.max_target_length is not None and dataset.target_ids is not None:
        lengths = dataset.target_ids.lengths
        _check_lengths(lengths, "max_target_length", limit=shape.max_target_length)
    return Windows.whole(dataset), texts


def _check_lengths(lengths: np.ndarray, name: str, *, limit: int) -> None:
    longest = lengths.max(initial=0)
    if longest > limit:
        raise DataError(
            f"Example {lengths.argmax()} has {longest} tokens, and {name} is {limit}:"
            " raise it, or write the records again with this one."
        )


def _assemble(
    windows: Windows,
    index: np.ndarray,
    *,
    texts: Texts,
    epochs: np.ndarray,
    shape: BatchShape,
    class_weights: np.ndarray | None = None,
) -> Batch:
    """Returns the batch of the windows `index`, int64 [global_batch]."""
    dataset = windows.rows
    index = index.reshape(shape.slices, shape.per_replica_batch)
    real, slots = index != FILLER, texts.slots(index)
    sides = _lengths(dataset, index, slots=slots, texts=texts, shape=shape)
    layout, *others = _lay_out(sides, shape=shape)
    lengths, *taught = sides
    labels = np.where(real, dataset.label_ids[index], UNLABELLED)
    arrays = {
        **_grids(texts.dataset, slots, lengths=lengths, layout=layout),
        **texts.places(index, slots=slots, buckets=shape.buckets),
        "first_positions": layout.starts.astype(np.int32),
        "label_ids": np.maximum(labels, 0),
        "loss_weight": _loss_weight(labels, class_weights),
        **_targets(dataset, index, labelled=labels != UNLABELLED),
    }
    for side, places in zip(taught, others, strict=True):
        learned = dataset.target_ids or Spans.none(len(dataset))
        arrays |= _target_grids(learned, index, lengths=side, layout=places)
    return Batch(
        arrays={name: _by_slice(array, shape) for name, array in arrays.items()},
        example_index=_by_slice(np.where(real, windows.owners[index], FILLER), shape),
        epochs=_by_slice(epochs.reshape(index.shape), shape),
        real_tokens=int(sum(side.sum() for side in sides)),
    )


def _lengths(
    dataset: TokenDataset,
    index: np.ndarray,
    *,
    slots: np.ndarray,
    texts: Texts,
    shape: BatchShape,
) -> list[np.ndarray]:
    """Tokens of the text in each slot, and of the one that each example teaches."""
    lengths = np.where(slots != FILLER, texts.dataset.lengths[slots], 0)
    if shape.max_target_length is None:
        return [lengths]
    taught = (dataset.target_ids or Spans.none(len(dataset))).lengths
    return [lengths, np.where(index != FILLER, taught[index], 0)]


def _lay_out(sides: Sequence[np.ndarray], *, shape: BatchShape) -> list[packing.Layout]:
    """Returns where the inputs lie, and the texts that are learned."""
    limits = [shape.max_seq_length, shape.max_target_length or 0][: len(sides)]
    if shape.pad_to is PadTo.PACK:
        return packing.pack_sides(
            sides, row_lengths=limits, row_counts=shape.row_counts
        )
    if shape.pad_to is PadTo.BUCKET:
        buckets = [shape.buckets, *map(default_buckets, limits[1:])]
        limits = [
            each[np.searchsorted(each, lengths.max())]
            for each, lengths in zip(buckets, sides, strict=True)
        ]
    return [
        packing.one_a_row(lengths, row_length=limit)
        for lengths, limit in zip(sides, limits, strict=True)
    ]


def _grids(
    dataset: TokenDataset,
    index: np.ndarray,
    *,
    lengths: np.ndarray,
    layout: packing.Layout,
) -> dict[str, np.ndarray]:
    """Returns the arrays of tokens, int32 [slices, rows, row_length]."""
    source = ranges(dataset.offsets[index].ravel(), lengths=lengths.ravel())
    tokens = {
        "input_ids": dataset.ids[source],
        "segment_ids": dataset.segments[source],
        "position_ids": _positions(lengths),
        "example_ids": np.repeat(layout.places.ravel(), lengths.ravel()),
    }
    return _spread(tokens, lengths=lengths, layout=layout)


def _target_grids(
    texts: Spans, index: np.ndarray, *, lengths: np.ndarray, layout: packing.Layout
) -> dict[str, np.ndarray]:
    """Returns those of the texts that are learned."""
    source = ranges(texts.offsets[index].ravel(), lengths=lengths.ravel())
    tokens = {
        "decoder_target_ids": texts.ids[source],
        "decoder_position_ids": _positions(lengths),
        "decoder_example_ids": np.repeat(layout.places.ravel(), lengths.ravel()),
    }
    return _spread(tokens, lengths=lengths, layout=layout)


def _positions(lengths: np.ndarray) -> np.ndarray:
    return ranges(np.zeros(lengths.size, np.int64), lengths=lengths.ravel())


def _spread(
    tokens: Mapping[str, np.ndarray], *, lengths: np.ndarray, layout: packing.Layout
) -> dict[str, np.ndarray]:
    """Lays values of all tokens, one example after the other, into their rows."""
    slices, rows, row_length = len(lengths), layout.rows, layout.row_length
    starts = layout.starts + np.arange(slices)[:, np.newaxis] * rows * row_length
    target = ranges(starts.ravel(), lengths=lengths.ravel())
    grids = {}
    for name, values in tokens.items():
        flat = np.zeros(slices * rows * row_length, np.int32)
        flat[target] = values
        grids[name] = flat.reshape(slices, rows, row_length)
    return grids


def _targets(
    dataset: TokenDataset, index: np.ndarray, *, labelled: np.ndarray
) -> dict[str, np.ndarray]:
    if dataset.targets is None:
        return {}
    targets = dataset.targets[index]
    targets[~labelled] = 0
    return {"targets": targets}


def _loss_weight(labels: np.ndarray, class_weights: np.ndarray | None) -> np.ndarray:
    """Shares of the labelled examples, which divide the update's loss by its weight.

    Source: torch, CrossEntropyLoss with `weight` and the reduction `mean`.
    """
    weights = (labels != UNLABELLED).astype(np.float64)
    if class_weights is not None:
        weights *= class_weights[labels]
    return (weights / (weights.sum() or 1.0)).astype(np.float32)


def _by_slice(array: np.ndarray, shape: BatchShape) -> np.ndarray:
    return array.reshape(shape.accumulation, shape.replicas, *array.shape[1:])
