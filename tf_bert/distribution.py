"""How a run is dealt to devices and to processes."""

from __future__ import annotations

import json
import zlib
from contextlib import AbstractContextManager, nullcontext

from runtime import storage
from runtime.errors import SettingsError
from runtime.placement import Placement
from runtime.workload import per_replica_batch
from tf_bert.preparation import Job
from tf_bert.settings import ClassifierSettings

_ONE_PROCESS_ONLY = {
    "process_id",
    "data_dir",
    "output_dir",
    "bert_config_file",
    "vocab_file",
    "model_file",
    "init_checkpoint",
}
"""Settings in which processes may differ: their numbers, and where their files lie."""


def describe(settings: ClassifierSettings, placement: Placement) -> str:
    """The devices, and how a batch of the first work is dealt to them."""
    parts = 1
    if settings.do_train:
        batch, parts = settings.train_batch_size, settings.gradient_accumulation_steps
    elif settings.do_eval:
        batch = settings.eval_batch_size
    else:
        batch = settings.predict_batch_size
    dealt = placement.describe_batch(batch, accumulation=parts)
    return f"{placement.describe()}; {dealt}"


def refuse_uneven_batches(settings: ClassifierSettings, *, replicas: int) -> None:
    """Refuses batches that do not divide by the slices they are computed in.

    Raises:
        SettingsError: One sentence for each batch of the work ahead.
    """
    accumulation = settings.gradient_accumulation_steps
    asked = (
        ("train_batch_size", settings.do_train, accumulation),
        ("eval_batch_size", settings.do_eval, 1),
        ("predict_batch_size", settings.do_predict, 1),
    )
    problems: list[str] = []
    for flag, is_needed, parts in asked:
        if not is_needed:
            continue
        batch = getattr(settings, flag)
        try:
            per_replica_batch(batch, flag=flag, replicas=replicas, accumulation=parts)
        except SettingsError as error:
            problems += error.problems
    if problems:
        raise SettingsError(*problems)


def starting_point(job: Job) -> dict[str, int]:
    """What must be the same in all processes of a run.

    Returns:
        Numbers below 2**31 by name; see `runtime.placement.refuse_disagreement`.
    """
    settings = job.settings.as_json().items()
    content = {
        "settings": [pair for pair in settings if pair[0] not in _ONE_PROCESS_ONLY],
        "bert_config": job.config.to_dict(),
        "tokenizer": job.tokenizer.fingerprint(),
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
