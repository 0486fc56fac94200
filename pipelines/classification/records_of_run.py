"""The records of a run's splits: those that fit are taken, all others are written."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np

from pipelines.classification import splits
from pipelines.classification.preparation import TaskJob
from pipelines.classification.splits import Split
from processors.batches.features import TokenCounts, target_of
from processors.batches.token_dataset import UNLABELLED, TokenDataset
from processors.example import InputExample, checksum
from processors.records import manifest as manifests
from processors.records import reuse, store, token_example
from processors.records.manifest import Manifest
from processors.records.reuse import MisfitError, Records, Wanted
from processors.tasks.records import RecordsProcessor
from runtime import storage
from runtime.devices.placement import refuse_disagreement
from runtime.errors import DataError, SettingsError
from runtime.training.training import RunContext

_log = logging.getLogger(__name__)


# Before a framework loads ------------------------------------------------------------


def split_of(job: TaskJob, name: str, examples: Sequence[InputExample]) -> Split:
    """Returns a split with its tokens: of records, where they fit, else made here.

    Args:
        job: The run.
        name: train, dev or test.
        examples: The split's, with the labels that they are to have.

    Raises:
        DataError: An example cannot be used.
        SettingsError: A task of records alone has some that do not fit the run.
    """
    task = job.rows.processor
    if isinstance(task, RecordsProcessor):
        return _of_records_alone(job, task.found[name], examples)
    wanted = _wanted(job, examples)
    found = _first_fit(job, name, wanted=wanted)
    if found is None:
        return splits.tokenise(
            examples, origin=job.origin, features=job.features, crc32c=wanted.crc32c
        )
    return Split(examples, found.dataset, job.labels, texts=found.texts, records=found)


def refuse_none_named(job: TaskJob) -> None:
    """Refuses a folder of records that has none of the work ahead.

    Raises:
        SettingsError: It has none.
    """
    folder = job.settings.records_dir
    if folder is None:
        return
    paths = [store.record_path(folder, name) for name in job.settings.splits_ahead()]
    if not any(map(reuse.are_there, paths)):
        names = ", ".join(map(storage.basename, paths))
        raise SettingsError(
            f"--records_dir={folder} has none of {names}. Name the --output_dir of"
            " scripts/create_tfrecords.py, or leave the flag out."
        )


def _wanted(job: TaskJob, examples: Sequence[InputExample]) -> Wanted:
    label_ids, targets = _targets(job, examples)
    return Wanted(
        tokenizer=job.tokenizer,
        origin=job.origin,
        crc32c=checksum(examples),
        label_ids=label_ids,
        targets=targets,
    )


def _targets(
    job: TaskJob, examples: Sequence[InputExample]
) -> tuple[np.ndarray, np.ndarray | None]:
    """`label_ids` and `targets` of the data set that the examples make."""
    if not job.settings.NEEDS_LABELS:
        return np.full(len(examples), UNLABELLED, np.int32), None
    ids = {label: place for place, label in enumerate(job.labels)}
    kind = job.settings.targets
    found = [target_of(each, ids, targets=kind) for each in examples]
    label_ids = [UNLABELLED if label is None else label for label, _ in found]
    targets = [target for _, target in found if target is not None]
    return np.array(label_ids, np.int32), np.stack(targets) if targets else None


def _first_fit(job: TaskJob, name: str, *, wanted: Wanted) -> Records | None:
    """The records that were named, else the run's own; None where none fit."""
    for path, is_named in _places(job, name).items():
        try:
            found = reuse.take(path, wanted, on_trust=is_named)
        except MisfitError as error:
            level = logging.WARNING if is_named else logging.INFO
            _log.log(level, "The %s split is not taken from %s: %s", name, path, error)
            continue
        _tell_taken(name, found)
        return found
    return None


def _places(job: TaskJob, name: str) -> dict[str, bool]:
    """Where records of a split lie, in the order to ask; whether it was named."""
    folder, own = job.settings.records_dir, own_path(job, name)
    named = [] if folder is None else [store.record_path(folder, name)]
    places = {own: False} | dict.fromkeys(named, True)
    return {path: places[path] for path in (*named, own) if reuse.are_there(path)}


def _tell_taken(name: str, found: Records) -> None:
    count, path = len(found.dataset), found.path
    _log.info("The %s split is taken from %s, tokenised: %d", name, path, count)
    if found.texts is None:
        _log.warning(
            "%s does not say which texts it was made of. It is trusted to be of the %s"
            " split: its examples are as many and have the same labels.",
            *(path, name),
        )


def own_path(job: TaskJob, name: str) -> str:
    """Returns where a run writes the records of a split.

    Args:
        job: The run.
        name: train, dev or test.
    """
    suffix = job.settings.predict_suffix if name == "test" else ""
    return store.record_path(job.output_dir, name, suffix=suffix)


def _of_records_alone(
    job: TaskJob, records: Records, examples: Sequence[InputExample]
) -> Split:
    problems = [
        *reuse.origin_differences(records.manifest, job.origin),
        *reuse.unreadable(records.dataset, tokenizer=job.tokenizer, origin=job.origin),
    ]
    if problems:
        raise SettingsError(f"{records.path} does not fit the run:", *problems)
    counts = TokenCounts()
    tokens = token_example.features(
        examples,
        labels=job.labels,
        counts=counts,
        targets=job.settings.targets,
    )
    is_whole = len(examples) == len(records.dataset)
    return Split(
        examples,
        TokenDataset.collect(tokens),
        job.labels,
        texts=records.texts if is_whole else None,
        records=records,
    )


# Once the folder is the run's --------------------------------------------------------


def keep(job: TaskJob, *, context: RunContext) -> None:
    """Writes the records of a job's splits, and the rows that were rejected.

    Records that a split was taken from stay where they are, and the folder then keeps
    none of other data.

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
        if context.placement.is_chief:
            _keep(job, name, split)
        suffix = job.settings.predict_suffix if name == "test" else ""
        job.rows.write_rejects(name, folder=context.folder, suffix=suffix)


def _keep(job: TaskJob, name: str, split: Split) -> None:
    path, records = own_path(job, name), split.records
    before = _manifest(path)
    if records is not None and records.path != path:
        now = records.manifest
        store.delete_records(path, before)
    elif _is_kept(job, records, before):
        return
    else:
        now = _write(job, split, path)
        store.delete_shards(path, before.shards if before else (), but=now.shards)
    if name == "test" and before is not None:
        _tell_replaced(before, now, count=len(split.dataset))


def _is_kept(job: TaskJob, records: Records | None, before: Manifest | None) -> bool:
    """Whether the folder has what a split was taken from, in as many files as asked."""
    if records is None or records.manifest != before:
        return False
    return before is None or len(before.shards) == job.settings.record_shards


def _write(job: TaskJob, split: Split, path: str) -> Manifest:
    return store.write_dataset(
        path,
        split.dataset,
        origin=job.origin,
        texts=split.texts,
        shards=job.settings.record_shards,
    )


def _manifest(path: str) -> Manifest | None:
    """What lay there before; None too where it cannot be read."""
    try:
        return manifests.find(path)
    except DataError:
        return None


def _tell_replaced(before: Manifest, now: Manifest | None, *, count: int) -> None:
    if now is None or not _is_same(before, now):
        _log.warning(
            "The predictions of another test set (%d examples) are replaced by those of"
            " this one (%d); --predict_name=NAME keeps both.",
            before.examples,
            count,
        )


def _is_same(before: Manifest, now: Manifest) -> bool:
    if before.texts is None or now.texts is None:
        return before.shards == now.shards
    return before.texts.crc32c == now.texts.crc32c
