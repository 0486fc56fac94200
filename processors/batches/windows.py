"""Windows of examples that are longer than a row of a batch.

A window of `max_seq_length` tokens has the special tokens of its example, the first and
the last, around a part of its text. The windows of an example begin at the start of its
text, reach its end, and lie evenly between; neighbours share at least a quarter of the
tokens of text that a window holds, rounded down. An example that fits a row is its own
and only window.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from processors.batches.token_dataset import TokenDataset, gather, offsets_of

_SPECIAL = 2  # [CLS] and [SEP], which every window has
_OVERLAP = 4  # the part of a window's text that the next one has too: one in so many

MIN_LENGTH = _SPECIAL + _OVERLAP
"""The shortest windows that overlap, in tokens."""


@dataclass(frozen=True, eq=False)
class Windows:
    """The rows that a model reads of the examples of a data set.

    Attributes:
        rows: Each window as an example of its own, those of one example in order, one
            example after the other.
        owners: The example that each window is of, int64 [windows].
        offsets: Where the windows of each example start, then the end, int64
            [examples + 1].
    """

    rows: TokenDataset
    owners: np.ndarray
    offsets: np.ndarray

    @classmethod
    def whole(cls, dataset: TokenDataset) -> Windows:
        """One window for each example, which is the example."""
        places = np.arange(len(dataset) + 1)
        return cls(rows=dataset, owners=places[:-1], offsets=places)

    @classmethod
    def cut(cls, dataset: TokenDataset, *, max_seq_length: int) -> Windows:
        """The windows of examples of any length.

        Args:
            dataset: Examples of one text that begin and end with a special token.
            max_seq_length: Tokens of the longest window, at least `MIN_LENGTH`.
        """
        counts = window_counts(dataset.lengths, max_seq_length=max_seq_length)
        offsets = offsets_of(counts)
        owners = np.repeat(np.arange(len(dataset)), counts)
        shifts = _shifts(
            np.arange(len(owners)) - offsets[owners],
            counts=counts[owners],
            spare=np.maximum(dataset.lengths - max_seq_length, 0)[owners],
        )
        return cls(
            rows=_rows(dataset, owners, shifts=shifts, max_seq_length=max_seq_length),
            owners=owners,
            offsets=offsets,
        )

    def drawn(
        self, examples: np.ndarray, *, epochs: np.ndarray, shares: np.ndarray
    ) -> np.ndarray:
        """Returns the window that each example is trained with in an epoch.

        In the next epoch it is the next, after the last the first: over as many epochs
        as an example has windows each is read once.

        Args:
            examples: int64 [any].
            epochs: From 0, of the same shape.
            shares: Of all examples, in [0, 1): where each begins in its windows,
                float64 [examples].

        Returns:
            Places in `rows`, int64 of the same shape.
        """
        counts = self.offsets[examples + 1] - self.offsets[examples]
        begins = (shares[examples] * counts).astype(np.int64)
        found: np.ndarray = self.offsets[examples] + (begins + epochs) % counts
        return found

    def first(self) -> TokenDataset:
        """Returns the first window of each example."""
        return self.rows.take(self.offsets[:-1])


def window_counts(lengths: np.ndarray, *, max_seq_length: int) -> np.ndarray:
    """Returns how many windows examples have, int64 [examples].

    Args:
        lengths: Tokens of each example, special tokens included, int64 [examples].
        max_seq_length: Tokens of the longest window.
    """
    texts = max_seq_length - _SPECIAL
    step = texts - texts // _OVERLAP
    counts: np.ndarray = 1 + -(-np.maximum(lengths - max_seq_length, 0) // step)
    return counts


def _shifts(
    numbers: np.ndarray, *, counts: np.ndarray, spare: np.ndarray
) -> np.ndarray:
    """How far into its example each window is moved, int64 [windows].

    Args:
        numbers: Which of its example's windows it is, from 0.
        counts: How many that has.
        spare: How many tokens it has beyond one window.
    """
    shifts: np.ndarray = numbers * spare // np.maximum(counts - 1, 1)
    return shifts


def _rows(
    dataset: TokenDataset,
    owners: np.ndarray,
    *,
    shifts: np.ndarray,
    max_seq_length: int,
) -> TokenDataset:
    lengths = np.minimum(dataset.lengths, max_seq_length)[owners]
    firsts, ends = dataset.offsets[owners], dataset.offsets[owners + 1]
    inner = np.maximum(lengths - _SPECIAL, 0)
    starts = np.stack([firsts, firsts + shifts + 1, ends - 1], axis=1)
    sizes = np.stack([lengths > inner, inner, lengths > inner + 1], axis=1)
    targets = dataset.targets
    return dataclasses.replace(
        dataset,
        ids=gather(dataset.ids, starts.ravel(), lengths=sizes.ravel()),
        segments=gather(dataset.segments, firsts + shifts, lengths=lengths),
        offsets=offsets_of(lengths),
        label_ids=dataset.label_ids[owners],
        targets=None if targets is None else targets[owners],
    )
