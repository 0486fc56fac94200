"""Masks that are made once, with the random numbers of google-research/bert.

Source: google-research/bert, create_pretraining_data.py, create_masked_lm_predictions.
"""

from __future__ import annotations

import dataclasses
from collections.abc import MutableSequence, Sequence
from random import Random
from typing import Any


@dataclasses.dataclass(frozen=True, slots=True)
class Masked:
    """A sequence with masked tokens.

    Attributes:
        ids: Token ids, masked.
        positions: Where it is masked, ascending.
        labels: The ids that stood there.
    """

    ids: list[int]
    positions: list[int]
    labels: list[int]


@dataclasses.dataclass(frozen=True, kw_only=True)
class StaticMasks:
    """Masks some of a sequence's tokens.

    Of the chosen tokens 80 % become `[MASK]`, 10 % stay and 10 % become any token of
    the vocabulary; each token by itself, also within a word.

    Attributes:
        mask_id: Id of `[MASK]`.
        special_ids: Ids of `[CLS]` and `[SEP]`, which are never chosen.
        vocabulary: Ids that a random token is drawn from.
        rate: Share of the tokens that are chosen.
        max_predictions: Most chosen tokens of a sequence.
    """

    mask_id: int
    special_ids: frozenset[int]
    vocabulary: Sequence[int]
    rate: float
    max_predictions: int

    def mask(self, tokens: Sequence[int], *, rng: Random) -> Masked:
        """Masks one sequence.

        Args:
            tokens: With `[CLS]` and `[SEP]`; see `processors.pretraining.corpus`.
            rng: Source of all choices.
        """
        original = [~token if token < 0 else token for token in tokens]
        masked = list(original)
        positions = self._chosen(tokens, masked, rng=rng)
        return Masked(masked, positions, [original[place] for place in positions])

    def _chosen(
        self, tokens: Sequence[int], masked: list[int], *, rng: Random
    ) -> list[int]:
        words = self._words(tokens)
        shuffle(words, rng=rng)
        wanted = prediction_count(
            len(tokens), rate=self.rate, max_predictions=self.max_predictions
        )
        positions: list[int] = []
        for word in words:
            if len(positions) >= wanted:
                break
            if len(positions) + len(word) > wanted:
                continue
            for place in word:
                masked[place] = self._replacement(masked[place], rng=rng)
            positions += word
        return sorted(positions)

    def _words(self, tokens: Sequence[int]) -> list[list[int]]:
        special = self.special_ids
        if min(tokens) >= 0:  # each is a word of its own
            return [[place] for place, t in enumerate(tokens) if t not in special]
        words: list[list[int]] = []
        for place, token in enumerate(tokens):
            if token in special:
                continue
            if token < 0 and words:
                words[-1].append(place)
            else:
                words.append([place])
        return words

    def _replacement(self, token: int, *, rng: Random) -> int:
        if rng.random() < 0.8:
            return self.mask_id
        if rng.random() < 0.5:
            return token
        return self.vocabulary[rng.randint(0, len(self.vocabulary) - 1)]


def prediction_count(length: int, *, rate: float, max_predictions: int) -> int:
    """Tokens to mask in a sequence of so many, special tokens included."""
    return min(max_predictions, max(1, round(length * rate)))


def shuffle(items: MutableSequence[Any], *, rng: Random) -> None:
    """Does what `rng.shuffle` does, with the same random numbers, in half of the time.

    Half of the time of static masks goes to the calls that are spared here.
    Source: CPython, random.py, shuffle and _randbelow_with_getrandbits.
    """
    draw = rng.getrandbits
    for place in range(len(items) - 1, 0, -1):
        bits = (place + 1).bit_length()
        other = draw(bits)
        while other > place:
            other = draw(bits)
        items[place], items[other] = items[other], items[place]
