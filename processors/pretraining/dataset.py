"""Sequences for pre-training, one long column each; see `TokenDataset`."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping

import numpy as np

from processors.batches.long_array import LongArray
from processors.batches.token_dataset import TokenColumns, TokenDataset, offsets_of
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

    @functools.cached_property
    def counts(self) -> np.ndarray:
        """Masked tokens of each sequence, int64 [sequences]."""
        return np.diff(self.offsets)


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


class SequenceColumns:
    """Sequences that come part by part, to be one data set."""

    def __init__(self) -> None:
        self._tokens = TokenColumns()
        self._positions, self._ids = LongArray(np.int32), LongArray(np.int32)
        self._weights = LongArray(np.float32)
        self._counts = LongArray(np.int64)
        self._starts_word = LongArray(np.bool_)

    def add(
        self, tokens: TokenDataset, predictions: Predictions, *, starts_word: np.ndarray
    ) -> None:
        """Adds sequences after those that are there.

        Args:
            tokens: The sequences.
            predictions: What is masked in them; nothing where training decides it.
            starts_word: Which tokens begin a word, bool [tokens]; empty where each
                does.
        """
        self._tokens.add(tokens)
        self._positions.extend(predictions.positions)
        self._ids.extend(predictions.ids)
        self._weights.extend(predictions.weights)
        self._counts.extend(predictions.counts)
        self._starts_word.extend(starts_word)

    def __len__(self) -> int:
        return len(self._tokens)

    def tokens(self) -> TokenDataset:
        """Returns all sequences."""
        return self._tokens.dataset()

    def predictions(self) -> Predictions:
        """Returns what is masked in them."""
        return Predictions(
            positions=self._positions.array(),
            ids=self._ids.array(),
            weights=self._weights.array(),
            offsets=offsets_of(self._counts.array()),
        )

    def starts_word(self) -> np.ndarray | None:
        """Returns which tokens begin a word; None where each does."""
        starts = self._starts_word.array()
        return starts if starts.size else None
