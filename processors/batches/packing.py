"""Where the examples of a batch lie in the rows of its slices.

Packing lays several short examples into one row, so that little of a batch is padding;
which examples make up a slice stays as it is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


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


def pack(lengths: np.ndarray, *, row_length: int, row_multiple: int = 1) -> Layout:
    """Returns the layout that fills rows by first fit decreasing, slice by slice.

    Every slice gets as many rows as the fullest one needs.

    Args:
        lengths: Tokens of each example, int64 [slices, examples], none over
            `row_length`; one of 0 tokens takes no place.
        row_length: Tokens a row holds.
        row_multiple: The number of rows is rounded up to a multiple of this.
    """
    [layout] = pack_sides(
        [lengths], row_lengths=[row_length], row_multiple=row_multiple
    )
    return layout


def pack_sides(
    lengths: Sequence[np.ndarray], *, row_lengths: Sequence[int], row_multiple: int = 1
) -> list[Layout]:
    """Returns layouts that put both sides of an example into rows of one number.

    Args:
        lengths: Tokens of each example on each side, int64 [slices, examples]; those of
            the first side decide the order. See `pack`.
        row_lengths: Tokens a row of each side holds.
        row_multiple: The number of rows is rounded up to a multiple of this.
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
            rows=math.ceil(rows / row_multiple) * row_multiple,
            row_length=row_length,
            starts=starts[..., side],
            places=np.array([places for _, _, places in packed], np.int64),
        )
        for side, row_length in enumerate(row_lengths)
    ]


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
