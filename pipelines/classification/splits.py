"""The splits of a task, tokenised."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from processors.batches.features import Features, TokenCounts, TokenSummary
from processors.batches.token_dataset import TokenDataset
from processors.example import InputExample
from processors.records.manifest import Origin, Texts
from processors.records.reuse import Records


@dataclass(frozen=True)
class Split:
    """One split of a task, tokenised.

    Attributes:
        examples: In file order.
        dataset: Their tokens, in the same order.
        labels: The task's labels in order of their ids.
        texts: What they were, and what tokenizing found; None where that is not known.
        records: The records that it was taken from; None where it was tokenised here.
        remarks: Sentences on its labels, for the data report.
    """

    examples: Sequence[InputExample]
    dataset: TokenDataset
    labels: tuple[str, ...]
    texts: Texts | None = None
    records: Records | None = None
    remarks: tuple[str, ...] = ()

    @property
    def tokens(self) -> TokenSummary | None:
        """What tokenizing found; None where nothing is known of it."""
        return None if self.texts is None else self.texts.tokens

    @property
    def identity(self) -> int:
        """A number below 2**31 that other examples or labels would change."""
        found = zlib.crc32(json.dumps(self.labels).encode())
        data = self.dataset
        columns = (data.ids, data.segments, data.offsets, data.label_ids, data.targets)
        for column in columns:
            if column is not None:
                found = zlib.crc32(np.ascontiguousarray(column).data, found)
        return found >> 1


def tokenise(
    examples: Sequence[InputExample],
    *,
    origin: Origin,
    features: Callable[..., Iterable[Features]],
    crc32c: int,
) -> Split:
    """Makes a split of examples.

    Args:
        examples: In file order.
        origin: The task's labels, and how texts are read.
        features: Gives the tokens of examples; see `TaskJob.features`.
        crc32c: Of the examples; see `processors.example.checksum`.

    Raises:
        DataError: An example cannot be used.
    """
    counts = TokenCounts()
    labels = origin.labels
    dataset = TokenDataset.collect(features(examples, labels=labels, counts=counts))
    texts = Texts(
        examples=len(examples),
        crc32c=crc32c,
        tokens=counts.summary(max_seq_length=origin.max_seq_length),
    )
    return Split(examples, dataset, labels, texts)
