"""Masks that are made anew in every epoch: a pure function of seed, epoch and example.

Each token gets random numbers that depend on these three and its place alone. The words
of a sequence are masked in the order of their numbers until enough tokens are chosen,
so that a higher rate masks what a lower one does, and more. A whole batch is one numpy
step.

Source of the random numbers: Steele, Lea and Flood, Fast splittable pseudorandom number
generators, 2014 (SplitMix64's output function).
"""

from __future__ import annotations

import dataclasses

import numpy as np

from processors.batches.token_dataset import offsets_of, ranges

_ORDER, _FATE, _TOKEN = range(3)  # what a random number decides


@dataclasses.dataclass(frozen=True, eq=False)
class Tokens:
    """The tokens of some examples, end to end.

    Attributes:
        ids: int32 [tokens].
        starts_word: bool [tokens]; False continues the word of the token before.
        lengths: Tokens of each example, int64 [examples].
    """

    ids: np.ndarray
    starts_word: np.ndarray
    lengths: np.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class Choice:
    """The tokens that are masked.

    Attributes:
        places: Among the tokens, ascending, int64 [masked].
        ids: What stands there now, int32 [masked].
    """

    places: np.ndarray
    ids: np.ndarray


@dataclasses.dataclass(frozen=True, kw_only=True)
class DynamicMasks:
    """Masks some of the tokens of a batch.

    Of the chosen tokens 80 % become `[MASK]`, 10 % stay and 10 % become any token of
    the vocabulary that is not special; each token by itself, also within a word.

    Attributes:
        mask_id: Id of `[MASK]`.
        special_ids: Ids that are never chosen and never drawn.
        vocab_size: Ids are below.
        max_predictions: Most chosen tokens of an example.
        seed: Of all choices.
    """

    mask_id: int
    special_ids: tuple[int, ...]
    vocab_size: int
    max_predictions: int
    seed: int

    def choose(
        self,
        tokens: Tokens,
        *,
        examples: np.ndarray,
        epochs: np.ndarray,
        rates: np.ndarray,
    ) -> Choice:
        """Chooses and replaces tokens.

        Args:
            tokens: Of the examples.
            examples: Which examples of the data set they are, int64 [examples].
            epochs: In which epoch each is seen, int64 [examples].
            rates: Share of each one's tokens to mask, float64 [examples].
        """
        keys = self._keys(tokens, examples=examples, epochs=epochs)
        chosen = self._chosen(tokens, keys, rates=rates)
        places = np.flatnonzero(chosen)
        fate = _uniform(keys[places], _FATE)
        ids = np.where(fate < 0.9, tokens.ids[places], self._drawn(keys[places]))
        return Choice(places, np.where(fate < 0.8, self.mask_id, ids).astype(np.int32))

    def _keys(
        self, tokens: Tokens, *, examples: np.ndarray, epochs: np.ndarray
    ) -> np.ndarray:
        """A random number for each token, uint64 [tokens]."""
        key = _mixed(np.full(len(examples), self.seed, np.uint64))
        for part in (epochs, examples):
            key = _mixed(key ^ part.astype(np.uint64))
        inside = ranges(np.zeros_like(tokens.lengths), lengths=tokens.lengths)
        return _mixed(np.repeat(key, tokens.lengths) ^ inside.astype(np.uint64))

    def _chosen(
        self, tokens: Tokens, keys: np.ndarray, *, rates: np.ndarray
    ) -> np.ndarray:
        """Whether each token is masked, bool [tokens]."""
        is_candidate = ~np.isin(tokens.ids, self.special_ids)
        places = np.flatnonzero(is_candidate)
        owners = np.repeat(np.arange(len(tokens.lengths)), tokens.lengths)[places]
        begins = tokens.starts_word[places]
        begins |= np.diff(owners, prepend=-1) > 0
        word_of = np.cumsum(begins) - 1
        firsts = np.flatnonzero(begins)
        order = np.lexsort((_mixed_for(keys[places[firsts]], _ORDER), owners[firsts]))
        wanted = np.maximum(np.rint(tokens.lengths * rates), 1).astype(np.int64)
        taken = _taken(
            np.diff(firsts, append=len(places))[order],
            owners[firsts][order],
            room=np.minimum(wanted, self.max_predictions),
        )
        is_masked = np.zeros(len(firsts), np.bool_)
        is_masked[order[taken]] = True
        chosen = np.zeros(len(tokens.ids), np.bool_)
        chosen[places[is_masked[word_of]]] = True
        return chosen

    def _drawn(self, keys: np.ndarray) -> np.ndarray:
        ordinary = np.setdiff1d(np.arange(self.vocab_size), self.special_ids)
        return ordinary[(_uniform(keys, _TOKEN) * len(ordinary)).astype(np.int64)]


def rate_at(schedule: tuple[float, ...], *, done: float) -> float:
    """The rate of masking after a share of the updates.

    Args:
        schedule: Rates at equal distances from the first update to the last.
        done: 0 to 1.
    """
    points = np.linspace(0, 1, len(schedule))
    return float(np.interp(done, points, schedule))


def _taken(sizes: np.ndarray, owners: np.ndarray, *, room: np.ndarray) -> np.ndarray:
    """Which words are taken: in order, each that still finds room; bool [words].

    Args:
        sizes: Tokens of each word, int64 [words].
        owners: The example of each word, ascending, int64 [words].
        room: Tokens to take of each example, int64 [examples].
    """
    counts = np.bincount(owners, minlength=len(room))
    begins = offsets_of(counts)[owners]
    is_open = np.ones(len(sizes), np.bool_)
    while True:
        total = offsets_of(sizes * is_open)
        upto = total[1:] - total[begins]
        fits = is_open & (upto <= room[owners])
        if (fits == is_open).all():
            return fits
        used = np.zeros_like(room)
        np.maximum.at(used, owners[fits], upto[fits])
        is_open = fits | (is_open & (sizes <= (room - used)[owners]))


def _mixed(values: np.ndarray) -> np.ndarray:
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _mixed_for(keys: np.ndarray, purpose: int) -> np.ndarray:
    return _mixed(keys ^ np.uint64(purpose))


def _uniform(keys: np.ndarray, purpose: int) -> np.ndarray:
    """Numbers in [0, 1), float64."""
    return (_mixed_for(keys, purpose) >> np.uint64(11)) * 2.0**-53
