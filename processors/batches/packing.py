"""Where the examples of a batch lie in the rows of its slices.

Packing lays several short examples into one row, so that little of a batch is padding;
which examples make up a slice stays as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_MOST_COUNTS = 3
_PAYS = 0.95  # what one more number leaves of the rows, at most


@dataclass(frozen=True, eq=False)
class Layout:
    """The places of the examples of every slice.

    Attributes:
        rows: Rows of each slice.
        row_length: Positions of each row.
        starts: Where each example starts in its slice's rows laid end to end, int64
            [slices, examples]; 0 for one without tokens.
        places: 1 for the first example of a row, 2 for the next, ..., int64 [slices,
            examples].
    """

    rows: int
    row_length: int
    starts: np.ndarray
    places: np.ndarray


def one_a_row(lengths: np.ndarray, *, row_length: int) -> Layout:
    """Returns the layout that gives each example a row of its own.

    Args:
        lengths: Tokens of each example, int64 [slices, examples].
        row_length: Tokens a row holds.
    """
    rows = lengths.shape[1]
    starts = np.where(lengths > 0, np.arange(rows) * row_length, 0)
    return Layout(rows, row_length, starts=starts, places=np.ones_like(lengths))


def pack(
    lengths: np.ndarray, *, row_length: int, row_counts: Sequence[int] = ()
) -> Layout:
    """Returns the layout that fills rows by first fit decreasing, slice by slice.

    Every slice gets as many rows as the fullest one needs.

    Args:
        lengths: Tokens of each example, int64 [slices, examples], none over
            `row_length`; one of 0 tokens takes no place.
        row_length: Tokens a row holds.
        row_counts: Numbers of rows to choose from, ascending, of which the last always
            suffices; none where any will do.
    """
    [layout] = pack_sides([lengths], row_lengths=[row_length], row_counts=row_counts)
    return layout


def pack_sides(
    lengths: Sequence[np.ndarray],
    *,
    row_lengths: Sequence[int],
    row_counts: Sequence[int] = (),
) -> list[Layout]:
    """Returns layouts that put both sides of an example into rows of one number.

    Args:
        lengths: Tokens of each example on each side, int64 [slices, examples]; those of
            the first side decide the order. See `pack`.
        row_lengths: Tokens a row of each side holds.
        row_counts: See `pack`.
    """
    limits = np.array(row_lengths)
    packed = [
        _first_fit_decreasing(part, row_lengths=limits)
        for part in np.stack(lengths, axis=-1)
    ]
    rows = max(used for used, _, _ in packed)
    starts = np.array([starts for _, starts, _ in packed], np.int64)
    return [
        Layout(
            rows=next((count for count in row_counts if count >= rows), rows),
            row_length=row_length,
            starts=starts[..., side],
            places=np.array([places for _, _, places in packed], np.int64),
        )
        for side, row_length in enumerate(row_lengths)
    ]


def counts_for(needed: np.ndarray, *, most: int) -> tuple[int, ...]:
    """Numbers of rows to choose from, few of them, each of which pays for itself.

    Each costs a compilation; one too many of them costs less than too many rows in all
    batches. The largest but one leaves a row to spare.

    Args:
        needed: Rows that some batches need, int64 [batches].
        most: Examples of a slice, for which the last number suffices.
    """
    counts = [min(int(needed.max()) + 1, most)]
    for _ in range(_MOST_COUNTS - 1):
        more = [sorted({*counts, count}) for count in np.unique(needed).tolist()]
        best = min(more, key=lambda counts: _rows_taken(needed, counts))
        if _rows_taken(needed, best) > _PAYS * _rows_taken(needed, counts):
            break
        counts = best
    return (*counts, most) if counts[-1] < most else tuple(counts)


def _rows_taken(needed: np.ndarray, counts: Sequence[int]) -> int:
    """The rows of all batches, each of which takes the first number that suffices."""
    return int(np.array(counts)[np.searchsorted(counts, needed)].sum())


def _first_fit_decreasing(
    lengths: np.ndarray, *, row_lengths: np.ndarray
) -> tuple[int, np.ndarray, list[int]]:
    """Puts each example, longest first, into the first row that has room.

    On one side that takes at most 11/9 of the fewest possible rows, and one more.
    Source: M. Yue, A simple proof of the inequality FFD(L) <= 11/9 OPT(L) + 1, 1991.

    Args:
        lengths: int64 [examples, sides].
        row_lengths: int64 [sides].

    Returns:
        The rows used, and for each example its starts, int64 [examples, sides], and its
        place in the row.
    """
    free = np.tile(row_lengths, (len(lengths), 1))  # one row each always suffices
    held, places = [0] * len(lengths), [0] * len(lengths)
    starts = np.zeros_like(lengths)
    for example in np.argsort(-lengths[:, 0], kind="stable").tolist():
        length = lengths[example]
        if length[0] == 0:
            break
        row = int((free >= length).all(axis=1).argmax())
        held[row] += 1
        places[example] = held[row]
        starts[example] = (row + 1) * row_lengths - free[row]
        free[row] -= length
    return len(held) - held.count(0), starts, places
