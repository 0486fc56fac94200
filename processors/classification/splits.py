"""The splits of a task: read, tokenised and recorded."""

from __future__ import annotations

import dataclasses
import json
import zlib
from collections.abc import Sequence

from processors import records
from processors.classification import label_check
from processors.classification.preparation import TaskJob
from processors.example import InputExample
from processors.features import TokenCounts
from processors.token_dataset import TokenDataset
from runtime import storage
from runtime.errors import SettingsError

RECORD_NAMES = {"train": "train", "dev": "eval", "test": "predict"}


@dataclasses.dataclass(frozen=True)
class Split:
    """One split of a task, tokenised.

    Attributes:
        examples: In file order.
        dataset: Their tokens, in the same order.
        labels: The task's labels in order of their ids.
        checksums: CRC32C of each TFRecord shard: the identity of the data.
        tokens: What tokenizing found.
        remarks: Sentences on its labels, for the data report.
    """

    examples: Sequence[InputExample]
    dataset: TokenDataset
    labels: tuple[str, ...]
    checksums: tuple[int, ...]
    tokens: TokenCounts
    remarks: tuple[str, ...] = ()

    @property
    def identity(self) -> int:
        """A number below 2**31 that other examples or labels would change."""
        content = json.dumps([self.labels, self.checksums])
        return zlib.crc32(content.encode()) >> 1


def read(job: TaskJob, name: str, *, folder: str) -> Split:
    """Reads, tokenises and records one split; its records are read back.

    Args:
        job: The run.
        name: train, dev or test.
        folder: Where the records go.

    Returns:
        The split.

    Raises:
        DataError: A row, or the labels of the split, cannot be used.
        SettingsError: The task's labels make no classes, or are not those of the
            checkpoint.
    """
    rejects = storage.join(folder, f"{name}.rejects.jsonl")
    with job.processor.sifting(job.settings.on_bad_row, rejects_path=rejects):
        examples = getattr(job.processor, f"get_{name}_examples")(job.data_dir)
    labels = label_check.labels_of(job.processor, settings=job.settings)
    _refuse_other_labels(job, labels)
    settled = label_check.settle(
        examples, split=name, labels=labels, settings=job.settings
    )
    counts = TokenCounts()
    path = storage.join(folder, f"{RECORD_NAMES[name]}.tf_record")
    manifest = records.write_records(
        path,
        job.features(settled.examples, labels=labels, counts=counts),
        tokenizer_fingerprint=job.tokenizer.fingerprint(),
        labels=labels,
        max_seq_length=job.settings.max_seq_length,
        shards=job.settings.record_shards,
    )
    return Split(
        examples=settled.examples,
        dataset=records.read_records(path),
        labels=labels,
        checksums=tuple(shard.crc32c for shard in manifest.shards),
        tokens=counts,
        remarks=settled.remarks,
    )


def _refuse_other_labels(job: TaskJob, labels: tuple[str, ...]) -> None:
    restored = job.restored
    if restored is not None and tuple(restored.state["labels"]) != labels:
        raise SettingsError(
            f"{job.output_dir} holds a checkpoint for the labels "
            f"{restored.state['labels']}; the task has {list(labels)}."
        )
