"""What a run writes of its splits once its folder is its own."""

from __future__ import annotations

import logging

from pipelines.classification import splits
from pipelines.classification.preparation import TaskJob
from pipelines.classification.splits import Split
from processors.records import store
from processors.records.store import Manifest
from runtime import storage
from runtime.devices.placement import refuse_disagreement
from runtime.errors import DataError
from runtime.training.training import RunContext

_log = logging.getLogger(__name__)


def keep(job: TaskJob, *, context: RunContext) -> None:
    """Writes the records of a job's splits, and the rows that were rejected.

    Args:
        job: The run.
        context: Where it runs and writes.

    Raises:
        SettingsError: The processes that share the run have read other data.
    """
    refuse_disagreement(
        context.placement,
        {f"{name} data": split.identity for name, split in job.splits.items()},
    )
    for name, split in job.splits.items():
        suffix = job.settings.predict_suffix if name == "test" else ""
        path = splits.record_path(context.folder, name, suffix=suffix)
        before = _manifest(path)
        splits.write(
            split,
            path,
            tokenizer_fingerprint=job.tokenizer.fingerprint(),
            max_seq_length=job.settings.max_seq_length,
            shards=job.settings.record_shards,
        )
        job.rows.write_rejects(name, folder=context.folder, suffix=suffix)
        if name == "test" and before is not None:
            _tell_replaced(before, Manifest.load(path), split=split)


def _manifest(path: str) -> Manifest | None:
    """What lay there before; None too where it cannot be read."""
    if not storage.exists(store.manifest_path(path)):
        return None
    try:
        return Manifest.load(path)
    except DataError:
        return None


def _tell_replaced(before: Manifest, now: Manifest, *, split: Split) -> None:
    if before.shards != now.shards:
        _log.warning(
            "The predictions of another test set (%d examples) are replaced by those of"
            " this one (%d); --predict_name=NAME keeps both.",
            before.examples,
            len(split.examples),
        )
