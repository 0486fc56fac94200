"""Which checkpoints are kept and which go."""

from __future__ import annotations

import dataclasses

from runtime.checkpoints import checkpoints
from runtime.errors import SettingsError


@dataclasses.dataclass(frozen=True, kw_only=True)
class Retention:
    """Which checkpoints are kept.

    Attributes:
        newest: How many of the newest.
        every: Besides them those whose step is a multiple of it; 0 for none.

    Raises:
        SettingsError: Not even one would be kept.
    """

    newest: int
    every: int = 0

    def __post_init__(self) -> None:
        if self.newest < 1:
            raise SettingsError(
                f"At least 1 checkpoint must be kept, not {self.newest}."
            )
        if self.every < 0:
            raise SettingsError(
                f"Expected 0 or a number of steps between checkpoints that are always "
                f"kept, got {self.every}."
            )

    def prune(self, directory: str, *, saved: int, best: int | None = None) -> None:
        """Deletes the checkpoints that are not kept.

        What interrupted saves have left goes too. Later steps than `saved` stay: they
        are damaged, or the run would have gone on from them, and will be written again.

        Args:
            directory: The folder that holds the `step-*` folders.
            saved: The step that was just saved; it is always kept.
            best: The step of the best checkpoint, which is kept too.
        """
        found = [step for step in checkpoints.list_steps(directory) if step <= saved]
        kept = {*found[-self.newest :], saved, best}
        kept |= {step for step in found if self.every and step % self.every == 0}
        for step in checkpoints.all_steps(directory):
            if step < saved and step not in kept:
                checkpoints.delete(directory, step=step)
