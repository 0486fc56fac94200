"""Targets as a vocabulary keeps them: how long they are, and what of them it loses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.generation import scores
from processors.batches.features import TokenCounts, TokenSummary
from processors.tokenization.base import Tokenizer

_MEASURED = 2000  # texts of a split: enough for a share in percent


@dataclass(frozen=True)
class Ceiling:
    """How like their targets texts are at best that a vocabulary can spell.

    Attributes:
        texts: How many targets were looked at, the first ones.
        scores: Name to value, as `scores.likeness` has them.
    """

    texts: int
    scores: dict[str, float]


def summary(
    targets: Sequence[str], *, tokenizer: Tokenizer, max_target_length: int
) -> TokenSummary:
    """What tokenizing finds in some targets, before any are cut; lengths with [SEP].

    Args:
        targets: At least one.
        tokenizer: Texts to ids.
        max_target_length: Most tokens that are learned.
    """
    counts = TokenCounts()
    for ids in tokenizer.encode_batch(targets):
        counts.add(ids, [], added=1, unk=tokenizer.special.unk)
    return counts.summary(max_seq_length=max_target_length)


def ceiling(targets: Sequence[str], *, tokenizer: Tokenizer) -> Ceiling:
    """Measures the targets as the vocabulary spells them by the targets as they are.

    Args:
        targets: At least one.
        tokenizer: Texts to ids, and back.
    """
    measured = list(targets[:_MEASURED])
    spelled = list(map(tokenizer.decode, tokenizer.encode_batch(measured)))
    return Ceiling(len(measured), scores.likeness(spelled, measured))
