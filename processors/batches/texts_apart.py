"""Pairs whose two texts are encoded each by itself.

The row of such a pair holds both, with special tokens of their own, `[CLS] a [SEP]
[CLS] b [SEP]`; its segments say which tokens are whose. So records keep pairs as they
keep anything else. A batch has each text once, however many of its pairs that is in.
"""

from __future__ import annotations

import dataclasses
import enum
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from processors.batches.features import Features, TokenCounts, encode, target_of
from processors.batches.long_texts import LongTexts, shorten
from processors.batches.token_dataset import (
    FILLER,
    UNLABELLED,
    TokenDataset,
    gather,
    offsets_of,
)
from processors.example import InputExample
from processors.labels.targets import Targets
from runtime.errors import DataError

if TYPE_CHECKING:
    from processors.tokenization.base import Tokenizer

FEATURES_APART = "[CLS] a [SEP], [CLS] b [SEP]"
"""How `featurize_apart` makes one row of two texts, as manifests name it."""


class Sides(enum.Enum):
    """How a model reads the two texts of a pair."""

    TOGETHER = "together"  # one after the other, as one text
    APART = "apart"  # each by itself


def half_a_pair(example: InputExample) -> str | None:
    """Says what an example lacks to be a pair of texts; None where it is one."""
    if example.text_b is None:
        return (
            "--architecture=bi encodes the two texts of a pair each by itself, and here"
            " is one. Name the column of the second with --text_b, or leave"
            " --architecture out."
        )
    for name in ("text_a", "text_b"):
        if not getattr(example, name).strip():
            return f"--architecture=bi: {name} is empty; a vector needs a text."
    return None


def featurize_apart(
    examples: Iterable[InputExample],
    *,
    tokenizer: Tokenizer,
    labels: Sequence[str],
    max_seq_length: int,
    counts: TokenCounts,
    targets: Targets = Targets.LABEL,
    long_texts: LongTexts = LongTexts.TRUNCATE,
) -> Iterator[Features]:
    """Yields the features of each pair, in order, holding few at a time.

    Args:
        examples: Pairs; they are streamed.
        tokenizer: Texts to ids.
        labels: The labels, in the order of their ids.
        max_seq_length: Longest of either text in tokens, [CLS] and [SEP] included.
        counts: Where to count tokens, text by text.
        targets: What the examples are told apart by.
        long_texts: What is read of a longer text; not `CHUNK`.

    Raises:
        DataError: An example is no pair, or has a label that is not in `labels`.
    """
    label_ids = {label: place for place, label in enumerate(labels)}
    special = tokenizer.special
    for example, *sides in encode(examples, tokenizer=tokenizer):
        if problem := half_a_pair(example):
            raise DataError(f"Example {example.guid}: {problem}")
        ids: list[int] = []
        for side in sides:
            counts.add(side, [], added=2, unk=special.unk)
            kept, _ = shorten(
                side, [], max_tokens=max_seq_length - 2, long_texts=long_texts
            )
            first, ids = len(ids), [*ids, special.cls, *kept, special.sep]
        segments = (np.arange(len(ids)) >= first).astype(np.int32)
        target = target_of(example, label_ids, targets=targets)
        yield Features(np.array(ids, np.int32), segments, *target)


class Texts(Protocol):
    """The texts of a data set, as they lie in batches.

    Attributes:
        dataset: Their tokens.
    """

    @property
    def dataset(self) -> TokenDataset:
        """The tokens of each text."""

    def slots(self, index: np.ndarray) -> np.ndarray:
        """The texts of each slice, int64 [slices, slots], FILLER where there is none.

        Args:
            index: Its examples, int64 [slices, examples], FILLER where there is none.
        """

    def places(
        self, index: np.ndarray, *, slots: np.ndarray, buckets: Sequence[int]
    ) -> dict[str, np.ndarray]:
        """What else a model must know to find the texts of an example.

        Args:
            index: As for `slots`.
            slots: From there.
            buckets: Numbers of tokens, ascending.
        """


@dataclass(frozen=True, eq=False)
class OneTextEach:
    """Examples that are each read as one text."""

    dataset: TokenDataset

    def slots(self, index: np.ndarray) -> np.ndarray:
        """See `Texts.slots`."""
        return index

    def places(
        self, index: np.ndarray, *, slots: np.ndarray, buckets: Sequence[int]
    ) -> dict[str, np.ndarray]:
        """See `Texts.places`."""
        del index, slots, buckets
        return {}


@dataclass(frozen=True, eq=False)
class TextsApart:
    """The distinct texts of pairs.

    Attributes:
        dataset: Their tokens, in the order in which they come first; no labels.
        sides: Which texts a pair is of, int64 [pairs, 2].
    """

    dataset: TokenDataset
    sides: np.ndarray

    @classmethod
    def of(cls, pairs: TokenDataset) -> TextsApart:
        """The texts of a data set that `featurize_apart` has made."""
        if isinstance(pairs, PairsTakenApart):
            return pairs.texts
        offsets = _text_offsets(pairs)
        found: dict[bytes, int] = {}
        sides, firsts = np.empty(len(offsets) - 1, np.int64), []
        for place, (start, stop) in enumerate(itertools.pairwise(offsets)):
            text = pairs.ids[start:stop].tobytes()
            if text not in found:
                found[text] = len(found)
                firsts.append(place)
            sides[place] = found[text]
        starts = offsets[:-1][firsts]
        lengths = np.diff(offsets)[firsts]
        ids = gather(pairs.ids, starts, lengths=lengths)
        dataset = TokenDataset(
            ids=ids,
            segments=np.zeros(len(ids), np.int8),
            offsets=offsets_of(lengths),
            label_ids=np.full(len(lengths), UNLABELLED, np.int32),
        )
        return cls(dataset, sides.reshape(-1, 2))

    def slots(self, index: np.ndarray) -> np.ndarray:
        """See `Texts.slots`: two a pair, the distinct texts first."""
        slots = np.full((len(index), 2 * index.shape[1]), FILLER)
        for row, pairs in zip(slots, index, strict=True):
            distinct = np.unique(self.sides[pairs[pairs != FILLER]])
            row[: len(distinct)] = distinct
        return slots

    def places(
        self, index: np.ndarray, *, slots: np.ndarray, buckets: Sequence[int]
    ) -> dict[str, np.ndarray]:
        """See `Texts.places`.

        Returns:
            `token_mask`, int32 [slices, slots, tokens]: as many ones as the text of a
            slot has tokens, in as many columns as the longest needs, rounded up to a
            bucket; and `text_a` and `text_b`, int32 [slices, examples]: the slots of a
            pair's texts, 0 for no pair.
        """
        lengths = np.where(slots != FILLER, self.dataset.lengths[slots], 0)
        found = {"token_mask": token_mask(lengths, buckets=buckets)}
        for side, name in enumerate(("text_a", "text_b")):
            found[name] = np.zeros(index.shape, np.int32)
            for row, pairs, held in zip(found[name], index, slots, strict=True):
                real = pairs != FILLER
                distinct = held[held != FILLER]
                row[real] = np.searchsorted(distinct, self.sides[pairs[real], side])
        return found


@dataclass(frozen=True, eq=False, kw_only=True)
class PairsTakenApart(TokenDataset):
    """Pairs whose texts were taken apart before, and read in a way of their own.

    Attributes:
        texts: These.
    """

    texts: TextsApart

    @classmethod
    def reading(cls, pairs: TokenDataset, *, texts: TextsApart) -> PairsTakenApart:
        """The same pairs, their texts read as `texts` says."""
        names = [field.name for field in dataclasses.fields(pairs)]
        return cls(**{name: getattr(pairs, name) for name in names}, texts=texts)


def token_mask(lengths: np.ndarray, *, buckets: Sequence[int]) -> np.ndarray:
    """As many ones as a text has tokens.

    Args:
        lengths: Tokens of texts, int64 [...].
        buckets: Numbers of tokens, ascending.

    Returns:
        int32 [..., tokens]: as many as the longest has, rounded up to a bucket.
    """
    columns = buckets[np.searchsorted(buckets, lengths.max())]
    return (np.arange(columns) < lengths[..., np.newaxis]).astype(np.int32)


def full_pairs(
    count: int, *, length: int, target_shape: tuple[int, ...] | None = None
) -> TokenDataset:
    """Pairs of distinct texts that leave no room, for those who compile without data.

    Args:
        count: How many.
        length: Tokens of each text.
        target_shape: Of each pair's target; None where it has a label id.
    """
    made = TokenDataset.full(count, length=2 * length, target_shape=target_shape)
    digits = np.arange(2 * count)[:, np.newaxis] >> np.arange(min(length, 32)) & 1
    ids = made.ids.reshape(2 * count, length)
    ids[:, : digits.shape[1]] = digits
    made.segments.reshape(count, 2, length)[:, 1] = 1
    return made


def _text_offsets(pairs: TokenDataset) -> np.ndarray:
    """Where each text of each pair starts, then the end, int64 [2 * pairs + 1]."""
    ends = np.concatenate([[0], np.cumsum(pairs.segments, dtype=np.int64)])
    seconds = np.diff(ends[pairs.offsets])
    lengths = np.stack([pairs.lengths - seconds, seconds], axis=1)
    return offsets_of(lengths.ravel())
