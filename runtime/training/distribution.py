"""How a run is dealt to devices and to processes."""

from __future__ import annotations

import json
import zlib
from contextlib import AbstractContextManager, nullcontext

from runtime import storage
from runtime.devices.placement import Placement
from runtime.errors import SettingsError
from runtime.preflight.workload import per_replica_batch
from runtime.training.job import Job
from runtime.training.run_settings import RunSettings


def describe(settings: RunSettings, placement: Placement) -> str:
    """The devices, and how a batch of the first work is dealt to them."""
    first = settings.work()[0]
    dealt = placement.describe_batch(
        getattr(settings, first.flag), accumulation=first.accumulation
    )
    return f"{placement.describe()}; {dealt}"


def refuse_uneven_batches(settings: RunSettings, *, replicas: int) -> None:
    """Refuses batches that do not divide by the slices they are computed in.

    Raises:
        SettingsError: One sentence for each batch of the work ahead.
    """
    problems: list[str] = []
    for batch in settings.work():
        try:
            per_replica_batch(
                getattr(settings, batch.flag),
                flag=batch.flag,
                replicas=replicas,
                accumulation=batch.accumulation,
            )
        except SettingsError as error:
            problems += error.problems
    if problems:
        raise SettingsError(*problems)


def starting_point(job: Job) -> dict[str, int]:
    """What must be the same in all processes of a run.

    Returns:
        Numbers below 2**31 by name; see
        `runtime.devices.placement.refuse_disagreement`.
    """
    settings = job.settings.as_json().items()
    may_differ = job.settings.MAY_DIFFER
    start = job.init_checkpoint  # whose path may differ
    content = {
        "settings": [pair for pair in settings if pair[0] not in may_differ],
        "start": start and start.digest,
        **{trait.name: trait.value for trait in job.model_traits()},
    }
    return {
        "step of the newest checkpoint": job.restored.step if job.restored else 0,
        "checksum of flags, model and tokenizer": zlib.crc32(
            json.dumps(content, sort_keys=True).encode()
        )
        >> 1,
    }


def own_folder(job: Job, placement: Placement) -> AbstractContextManager[str]:
    """Where this process writes; all read the run's output directory.

    Returns:
        For the chief the output directory; for the others, which do the same work, a
        folder that is deleted when the run ends.
    """
    if placement.is_chief:
        return nullcontext(job.output_dir)
    return storage.temporary_dir()
