"""The splits of a task: tokenised, and kept as records."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from processors.batches.features import Features, TokenCounts
from processors.batches.token_dataset import TokenDataset
from processors.example import InputExample
from processors.records import store
from runtime import storage

RECORD_NAMES = {"train": "train", "dev": "eval", "test": "predict"}


@dataclass(frozen=True)
class Split:
    """One split of a task, tokenised.

    Attributes:
        examples: In file order.
        dataset: Their tokens, in the same order.
        labels: The task's labels in order of their ids.
        tokens: What tokenizing found.
        remarks: Sentences on its labels, for the data report.
    """

    examples: Sequence[InputExample]
    dataset: TokenDataset
    labels: tuple[str, ...]
    tokens: TokenCounts
    remarks: tuple[str, ...] = ()

    @property
    def identity(self) -> int:
        """A number below 2**31 that other examples or labels would change."""
        found = zlib.crc32(json.dumps(self.labels).encode())
        data = self.dataset
        columns = (data.ids, data.segments, data.offsets, data.label_ids, data.targets)
        for column in columns:
            if column is not None:
                found = zlib.crc32(column.tobytes(), found)
        return found >> 1


def tokenise(
    examples: Sequence[InputExample],
    *,
    labels: Sequence[str],
    features: Callable[..., Iterable[Features]],
    remarks: tuple[str, ...] = (),
) -> Split:
    """Makes a split of examples.

    Args:
        examples: In file order.
        labels: The task's labels in order of their ids.
        features: Gives the tokens of examples; see `TaskJob.features`.
        remarks: Sentences on its labels.

    Raises:
        DataError: An example cannot be used.
    """
    counts = TokenCounts()
    dataset = TokenDataset.collect(features(examples, labels=labels, counts=counts))
    return Split(examples, dataset, tuple(labels), counts, remarks)


def write(
    split: Split,
    path: str,
    *,
    tokenizer_fingerprint: Mapping[str, str | bool | int],
    max_seq_length: int,
    shards: int,
) -> None:
    """Writes a split's records.

    Args:
        split: What to write.
        path: Where to; see `processors.records.store.write_records`.
        tokenizer_fingerprint: Identity of the tokenizer that made the ids.
        max_seq_length: The limit in tokens that the texts were cut to.
        shards: Number of files.

    Raises:
        DataError: There are fewer examples than shards.
    """
    store.write_dataset(
        path,
        split.dataset,
        tokenizer_fingerprint=tokenizer_fingerprint,
        labels=split.labels,
        max_seq_length=max_seq_length,
        shards=shards,
    )


def record_path(folder: str, name: str, *, suffix: str = "") -> str:
    """Returns where the records of a split lie.

    Args:
        folder: The run's.
        name: train, dev or test.
        suffix: What tells them from others of that split.
    """
    return storage.join(folder, f"{RECORD_NAMES[name]}{suffix}.tf_record")
