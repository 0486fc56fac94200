"""A run whose settings fit each other, before a framework loads."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Mapping
from typing import Any

from runtime import storage
from runtime.checkpoints import checkpoints, foreign_checkpoints
from runtime.checkpoints.checkpoints import Checkpoint
from runtime.errors import CheckpointError
from runtime.training import run_record, same_run
from runtime.training.run_settings import Resume, RunSettings
from runtime.training.same_run import Trait

_START = "init_checkpoint"


@dataclasses.dataclass(frozen=True, kw_only=True)
class InitialCheckpoint:
    """The weights that a run was told to start from.

    Attributes:
        path: Where they lie.
        digest: What other weights would change; None where they are no longer there.
    """

    path: str
    digest: str | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Job(abc.ABC):
    """What a pipeline has made of its settings.

    Attributes:
        settings: What was asked for.
        output_dir: Folder that the run writes.
        restored: The checkpoint of the output directory that it goes on from or that
            it evaluates, or None.
        init_checkpoint: What it was told to start from, or None.
    """

    settings: RunSettings
    output_dir: str
    restored: Checkpoint | None
    init_checkpoint: InitialCheckpoint | None = None

    @abc.abstractmethod
    def model_traits(self) -> list[Trait]:
        """What a checkpoint must share with the job to fit it."""

    def data_traits(self) -> list[Trait]:
        """What the job learns from; none where it does not train."""
        return []

    @property
    @abc.abstractmethod
    def total_steps(self) -> int:
        """Updates of the whole run."""

    def keep_vocabulary(self, folder: str) -> None:
        """Writes the tokenizer's files, where there are any, beside the checkpoints.

        Args:
            folder: The run's.
        """
        del folder

    def traits(self) -> list[Trait]:
        """All that a run has in common with the checkpoints that it goes on from."""
        learnt = [*self.data_traits(), *self._initial_traits()]
        return [*self.model_traits(), *learnt]

    def identity(self) -> dict[str, Any]:
        """The traits by name, as checkpoints carry them in their state."""
        return {trait.name: trait.value for trait in self.traits()}

    def state(self) -> dict[str, Any]:
        """What each checkpoint of the run carries, as JSON values."""
        settings = self.settings
        return {
            **self.identity(),
            "seed": settings.seed,
            "settings": settings.carried(),
        }

    @property
    def checkpoint_dir(self) -> str:
        """Folder of the `step-*` folders."""
        return storage.join(self.output_dir, checkpoints.DIRECTORY)

    def _initial_traits(self) -> list[Trait]:
        given = self.init_checkpoint
        value = given and dataclasses.asdict(given)
        if given is None and not self.settings.trains:
            return []
        if self.restored is not None and _starts_from_itself(self):
            value = self.restored.state.get(_START)  # what it has started from itself
        return [
            Trait(
                name=_START,
                value=value,
                accept=_START,
                differ=_other_start,
            )
        ]


def restore(settings: RunSettings, *, init_checkpoint: str | None) -> Checkpoint | None:
    """Reads the checkpoint that a run goes on from, or that it evaluates.

    Args:
        settings: What was asked for.
        init_checkpoint: What the run is told to start from.

    Returns:
        The newest good one of the output directory, or, to evaluate, the best if the
        run chose one; None where the run starts anew.

    Raises:
        CheckpointError: `--resume=must` finds none, or all are damaged, or there is
            one of another program.
    """
    if settings.trains and settings.resume is Resume.NEVER:
        return None
    output_dir = str(settings.output_dir)
    directory = storage.join(output_dir, checkpoints.DIRECTORY)
    found = None if settings.trains else checkpoints.load_best(directory)
    found = found or checkpoints.load_newest(directory, with_slots=settings.trains)
    if found is not None:
        return found
    if settings.resume is Resume.MUST:
        raise CheckpointError(
            f"--resume=must: {output_dir} holds no complete checkpoint. Check "
            "--output_dir, or use --resume=auto."
        )
    if settings.trains:
        foreign_checkpoints.refuse(output_dir, init_checkpoint=init_checkpoint)
    return None


def refuse_nothing_trained(
    settings: RunSettings, *, restored: Checkpoint | None, init_checkpoint: str | None
) -> None:
    """Refuses an evaluation or a prediction without trained weights.

    Args:
        settings: What was asked for.
        restored: The newest checkpoint of the output directory, or None.
        init_checkpoint: Other weights that were named.

    Raises:
        CheckpointError: Neither is there; says what to do.
    """
    if settings.trains or restored is not None or init_checkpoint:
        return
    output_dir = str(settings.output_dir)
    foreign_checkpoints.refuse(output_dir, init_checkpoint=None)
    raise CheckpointError(
        f"{output_dir} holds no checkpoint and --init_checkpoint was not given: there "
        "is nothing to evaluate. Add --do_train."
    )


def refuse_other_run(job: Job) -> list[str]:
    """Keeps a job from going on with the checkpoints of another one.

    A run that trains is compared in all that decides its course, one that evaluates in
    what decides whether the checkpoint fits.

    Returns:
        A sentence for each difference that was accepted.

    Raises:
        SettingsError: Names all that differs, and what lets it pass.
    """
    settings, traits = job.settings, job.traits()
    if settings.trains:
        traits = [*settings.traits(), *traits]
        same_run.refuse_unknown_names(traits, accepted=settings.accept_changed)
    if job.restored is None:
        return []
    return same_run.refuse_other_run(
        job.output_dir,
        traits,
        recorded=_recorded(job, job.restored.state),
        accepted=settings.accept_changed,
    )


def _starts_from_itself(job: Job) -> bool:
    """Whether --init_checkpoint names what is in the output directory anyway."""
    if job.init_checkpoint is None:
        return False
    meant = (
        checkpoints.latest(job.checkpoint_dir),
        checkpoints.chosen(job.checkpoint_dir),
    )
    return any(
        folder and job.init_checkpoint.digest == checkpoints.weights_digest(folder)
        for folder in meant
    )


def _recorded(job: Job, state: Mapping[str, Any]) -> dict[str, Any]:
    if not job.settings.trains:
        return dict(state)
    return {**state.get("settings", {}), **state, **run_record.read(job.output_dir)}


def _other_start(name: str, there: Any, here: Any) -> str | None:
    """Says that weights to start from are others: not that the same lie elsewhere."""
    if there is None or here is None:
        if there == here:
            return None
        paths = [one["path"] if one else "random weights" for one in (there, here)]
        return f"{name}: {paths[0]} there, {paths[1]} here."
    if here["digest"] is None and here["path"] == there["path"]:
        return None  # gone since: the weights are in the run's own checkpoints
    if here["digest"] == there["digest"]:
        return None
    if here["path"] == there["path"]:
        return f"{name}: {here['path']} holds other weights than it did there."
    return f"{name}: {there['path']} there, other weights in {here['path']} here."
