"""The shape of every batch of a run: how many examples, and in what rows."""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass
from typing import Any

from processors.batches.texts_apart import Sides
from runtime.devices.placement import Placement
from runtime.errors import SettingsError


class PadTo(enum.Enum):
    """How the examples of a batch are brought to one length."""

    PACK = "pack"  # several examples in a row of max_seq_length
    BUCKET = "bucket"  # one a row, padded to the smallest bucket that holds the batch
    MAX = "max"  # one a row, padded to max_seq_length


def default_buckets(max_seq_length: int) -> tuple[int, ...]:
    """Returns 32, 64, 96, 128, 192, 256, 384, 512, 768, ... and max_seq_length last.

    From the second on, each is at most 1.5 times the one before: few shapes to compile,
    and little padding in a long row.
    """
    steps = [
        length for power in range(5, 31) for length in (2**power, 3 * 2**power // 2)
    ]
    buckets = [length for length in steps if length % 32 == 0]
    return (*(length for length in buckets if length < max_seq_length), max_seq_length)


@dataclass(frozen=True, kw_only=True)
class BatchShape:
    """The shape of every batch of a run.

    Attributes:
        per_replica_batch: Examples a replica sees in one slice.
        max_seq_length: Tokens in the longest row.
        pad_to: How examples are brought to one length.
        replicas: Model copies that share an update.
        accumulation: Slices whose gradients add up to one update.
        row_counts: Numbers of packed rows that a slice may have, ascending, the last of
            which suffices for any; none where any will do. Each is a shape that
            accelerators compile. Training takes fewer of them, which fit its examples.
        buckets: Row lengths for PadTo.BUCKET, ascending, max_seq_length last; empty
            for the default ones.
        in_windows: Whether an example longer than max_seq_length is read in windows;
            otherwise it is an error.
        sides: How the texts of a pair are read; apart, `max_seq_length` is that of
            either.
        max_target_length: Tokens in the longest row of the texts that are learned; None
            where none are.

    Raises:
        SettingsError: a number is not positive, or the buckets are not as said.
    """

    per_replica_batch: int
    max_seq_length: int
    pad_to: PadTo
    replicas: int = 1
    accumulation: int = 1
    row_counts: tuple[int, ...] = ()
    buckets: tuple[int, ...] = ()
    in_windows: bool = False
    sides: Sides = Sides.TOGETHER
    max_target_length: int | None = None

    def __post_init__(self) -> None:
        counts = ("per_replica_batch", "max_seq_length", "replicas", "accumulation")
        problems = [
            f"{name}: expected at least 1, got {getattr(self, name)}."
            for name in counts
            if getattr(self, name) < 1
        ]
        if not self.buckets:
            object.__setattr__(self, "buckets", default_buckets(self.max_seq_length))
        ascending = tuple(sorted(set(self.buckets)))
        if self.buckets != ascending or ascending[-1] != self.max_seq_length:
            problems.append(
                f"buckets: expected ascending lengths that end with max_seq_length"
                f" {self.max_seq_length}, got {self.buckets}."
            )
        if problems:
            raise SettingsError(*problems)

    @classmethod
    def on(
        cls, placement: Placement, *, batch: int, accumulation: int = 1, **others: Any
    ) -> BatchShape:
        """The shape of a run's batches on its devices.

        Args:
            placement: The devices.
            batch: Examples of a batch on all of them, a multiple of the replicas and
                slices.
            accumulation: Slices whose gradients add up to one update.
            others: Further attributes.
        """
        per_replica = batch // (placement.replicas * accumulation)
        unit = math.ceil(per_replica / placement.max_row_shapes)
        return cls(
            per_replica_batch=per_replica,
            replicas=placement.replicas,
            accumulation=accumulation,
            # Texts of pairs that are read apart are twice as many.
            row_counts=tuple(range(unit, 2 * per_replica + unit, unit)),
            **others,
        )

    @property
    def slices(self) -> int:
        """Slices in an update."""
        return self.accumulation * self.replicas

    @property
    def global_batch(self) -> int:
        """Examples in an update."""
        return self.slices * self.per_replica_batch

    @property
    def rounds_rows(self) -> bool:
        """Whether packed rows are rounded up to one of several numbers."""
        return (
            self.pad_to is PadTo.PACK
            and len(self.row_counts) > 1
            and self.row_counts[0] > 1
        )
