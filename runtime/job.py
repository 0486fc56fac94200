"""A run whose settings fit each other, before a framework loads."""

from __future__ import annotations

import abc
import dataclasses
from typing import Any

from runtime import checkpoints, storage
from runtime.checkpoints import Checkpoint
from runtime.errors import CheckpointError, SettingsError
from runtime.run_settings import Resume, RunSettings


@dataclasses.dataclass(frozen=True, kw_only=True)
class Job(abc.ABC):
    """What a pipeline has made of its settings.

    Attributes:
        settings: What was asked for.
        output_dir: Folder that the run writes.
        restored: The newest checkpoint of the output directory, or None.
    """

    settings: RunSettings
    output_dir: str
    restored: Checkpoint | None

    @abc.abstractmethod
    def identity(self) -> dict[str, Any]:
        """What a checkpoint must share with the job to fit it, as JSON values.

        Each checkpoint of the run carries it in its state.
        """

    @property
    def checkpoint_dir(self) -> str:
        """Folder of the `step-*` folders."""
        return storage.join(self.output_dir, checkpoints.DIRECTORY)


def restore(settings: RunSettings) -> Checkpoint | None:
    """Reads the checkpoint that a run goes on from.

    Args:
        settings: What was asked for.

    Returns:
        The newest good one of the output directory; None where the run starts anew.

    Raises:
        CheckpointError: `--resume=must` finds none, or all are damaged.
    """
    if settings.trains and settings.resume is Resume.NEVER:
        return None
    output_dir = str(settings.output_dir)
    found = checkpoints.load_newest(
        storage.join(output_dir, checkpoints.DIRECTORY), with_slots=settings.trains
    )
    if found is None and settings.resume is Resume.MUST:
        raise CheckpointError(
            f"--resume=must: {output_dir} holds no complete checkpoint. Check "
            "--output_dir, or use --resume=auto."
        )
    return found


def refuse_foreign_checkpoint(job: Job) -> None:
    """Keeps a run from going on with weights of another model or tokenizer.

    Raises:
        SettingsError: Names what differs, with both values.
    """
    if job.restored is None:
        return
    problems = [
        f"{name}: {job.restored.state.get(name)} there, {value} here."
        for name, value in job.identity().items()
        if job.restored.state.get(name) != value
    ]
    if problems:
        raise SettingsError(
            f"{job.output_dir} holds a checkpoint of another model. Choose another "
            "--output_dir, or pass what that run was given:",
            *problems,
        )
