"""Sequences for pre-training in memory, one long column each."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from processors.batches.token_dataset import TokenDataset, offsets_of
from processors.pretraining.settings import Mode


@dataclasses.dataclass(frozen=True, eq=False)
class Predictions:
    """What is masked in each sequence.

    Attributes:
        positions: Places in their sequence, int32 [predictions].
        ids: What stood there, int32 [predictions].
        weights: float32 [predictions].
        offsets: Where each sequence's start, then the end, int64 [sequences + 1].
    """

    positions: np.ndarray
    ids: np.ndarray
    weights: np.ndarray
    offsets: np.ndarray

    @property
    def counts(self) -> np.ndarray:
        """Masked tokens of each sequence, int64 [sequences]."""
        return np.diff(self.offsets)

    @classmethod
    def concatenate(cls, parts: Sequence[Predictions]) -> Predictions:
        """Returns those of every part, one part after the other."""
        return cls(
            positions=np.concatenate([part.positions for part in parts]),
            ids=np.concatenate([part.ids for part in parts]),
            weights=np.concatenate([part.weights for part in parts]),
            offsets=offsets_of(np.concatenate([part.counts for part in parts])),
        )


@dataclasses.dataclass(frozen=True)
class Description:
    """What all sequences of a data set have in common.

    Attributes:
        mode: Whether they are masked already.
        objective: Value of `processors.pretraining.settings.PretrainingTask`; empty for
            records of other programs.
        max_seq_length: Tokens of the longest there may be.
        max_predictions_per_seq: Most masked tokens of a sequence.
        mlm_rates: Share of the tokens that are masked: one, or a schedule.
        tokenizer: Fingerprint of what made the ids; empty for other programs' records.
        vocab_size: Ids are below; 0 where it is not known.
        special_ids: `pad`, `unk`, `cls`, `sep` and `mask` to their ids.
    """

    mode: Mode
    objective: str
    max_seq_length: int
    max_predictions_per_seq: int
    mlm_rates: tuple[float, ...]
    tokenizer: Mapping[str, str | bool | int]
    vocab_size: int
    special_ids: Mapping[str, int]


@dataclasses.dataclass(frozen=True, eq=False)
class PretrainingDataset:
    """Sequences and what is masked in them, or may be.

    Attributes:
        tokens: The sequences; their labels are those of the second segment.
        predictions: What is masked; None where that is decided in training.
        starts_word: Which tokens begin a word, bool [tokens]; None where each does.
        description: What they have in common.
        checksums: CRC-32C of each file.
        files: Each file and how many of the sequences are in it; none for those that
            were made in memory.
    """

    tokens: TokenDataset
    predictions: Predictions | None
    starts_word: np.ndarray | None
    description: Description
    checksums: tuple[int, ...] = ()
    files: tuple[tuple[str, int], ...] = ()

    def __len__(self) -> int:
        return len(self.tokens)

    def place(self, sequence: int) -> str:
        """Where a sequence can be looked at: `train.tf_record, record 13`, from 1."""
        before = 0
        for path, count in self.files:
            if sequence < before + count:
                return f"{path}, record {sequence - before + 1}"
            before += count
        return f"sequence {sequence + 1} of the text"
