"""What decides the steps of a model that reads token ids."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from processors.batches.batch_shape import BatchShape
from processors.batches.settings import BatchSettings
from runtime.devices.placement import Placement
from runtime.training.run_settings import StepSettings


@dataclasses.dataclass(frozen=True, kw_only=True)
class TokenStepSettings(StepSettings, BatchSettings):
    """Batches, devices and optimiser of a model that reads token ids.

    Raises:
        SettingsError: One sentence for each value that cannot be used.
    """

    def _problems(self) -> Iterator[str]:
        yield from super()._problems()
        yield from self.batch_problems()

    def _counts(self) -> tuple[str, ...]:
        return (*super()._counts(), "max_seq_length")

    def train_shape(self, placement: Placement) -> BatchShape:
        """The shape of an update's batches on some devices."""
        return self.batch_shape(
            placement,
            batch=self.train_batch_size,
            accumulation=self.gradient_accumulation_steps,
        )

    def batch_shape(
        self, placement: Placement, *, batch: int, accumulation: int = 1
    ) -> BatchShape:
        """The shape of batches on some devices.

        Args:
            placement: The devices.
            batch: Examples of all replicas and slices together.
            accumulation: Slices that a batch is computed in.
        """
        return BatchShape.on(
            placement,
            batch=batch,
            accumulation=accumulation,
            max_seq_length=self.max_seq_length,
            pad_to=self.pad_to,
            buckets=self.buckets,
            in_windows=self.in_windows,
            sides=self.sides,
            max_target_length=self.target_length,
        )
