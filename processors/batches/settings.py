"""How token ids are laid out in batches."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import ClassVar

from processors.batches.batch_shape import PadTo
from processors.batches.batches import TrainBatches
from processors.batches.texts_apart import Sides
from runtime.settings import setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class BatchSettings:
    """The rows of a batch, and the order in which examples come."""

    PACKS: ClassVar[bool] = True
    """Whether the model keeps several examples in a row apart."""

    max_seq_length: int = setting(
        128, help="Longest input in tokens, special tokens included."
    )
    pad_to: PadTo = setting(
        PadTo.PACK,
        help="pack lays several examples in a row (equal results, faster); bucket "
        "pads to the smallest of a few lengths; max to max_seq_length.",
    )

    def batch_problems(self) -> Iterator[str]:
        """A sentence for each value that cannot be used."""
        if self.pad_to is PadTo.PACK and not self.PACKS:
            yield "--pad_to=pack: this model reads one text a row; use bucket or max."

    @property
    def buckets(self) -> tuple[int, ...]:
        """Row lengths of `PadTo.BUCKET`; empty for the usual ones."""
        return ()

    @property
    def in_windows(self) -> bool:
        """Whether a text longer than `max_seq_length` is read in windows."""
        return False

    @property
    def sides(self) -> Sides:
        """How the texts of a pair are read."""
        return Sides.TOGETHER

    @property
    def target_length(self) -> int | None:
        """Tokens of the longest text that is learned; None where none is."""
        return None

    @property
    def train_order(self) -> type[TrainBatches]:
        """The order of the training examples: one that looks at no text."""
        return TrainBatches
