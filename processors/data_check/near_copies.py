"""Texts that are one character apart, in a time that grows with their characters.

Such texts share their first half or their second, which in most corpora leaves few that
need a closer look. Of those, two of equal length differ in the character at i alone
when both are the same without it; a text is another with one character more when it is
that other without one. So each is hashed without each of its characters in turn, which
prefix sums of a polynomial hash give for all characters at once, and hashes are looked
up. No pair is formed that is not a result: texts of one template, which share their
halves by the thousand, take a time that grows with their number, not with its square.

Source: the deletion neighbourhoods of Mor & Fraenkel, "A hash code method for detecting
and correcting spelling errors", CACM 25(12), 1982.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from processors.batches.token_dataset import offsets_of

MIN_SAME_CHARACTERS = 4
"""What two texts must share: in 「良い」 and 「悪い」 one character is half of all."""

# Odd numbers without pattern; odd ones can be divided by modulo 2**64.
_BASE = 0x9E3779B97F4A7C15
_INVERSE = np.uint64(pow(_BASE, -1, 2**64))
_MIXER = np.uint64(0xD6E8FEB86659FD93)

# Characters hashed at once, about 100 bytes each while it lasts: of the searched texts
# and of those that are looked for, whose hashes are kept for one pass over the others.
_BLOCK = 2**19
_QUERY_BLOCK = 2**22
_MAX_TABLE_BITS = 25


def find(queries: Sequence[str], *, corpus: Sequence[str]) -> dict[int, int]:
    """Finds texts of a corpus that are one inserted, deleted or other character away.

    Args:
        queries: Texts to look for; none of them is in the corpus.
        corpus: Texts to look in.

    Returns:
        Place in `queries` -> place in `corpus` of one such text, where there is one
        and MIN_SAME_CHARACTERS of both are the same.
    """
    likely = _with_a_half_of(queries, corpus=corpus)
    likely_queries = _with_a_half_of(
        [corpus[place] for place in likely], corpus=queries
    )
    found: dict[int, int] = {}
    for query_places in _blocks(queries, likely_queries, characters=_QUERY_BLOCK):
        wanted = _hash([queries[place] for place in query_places])
        lookups = _Lookup(wanted.masked), _Lookup(wanted.whole), _Lookup(wanted.without)
        for places in _blocks(corpus, likely, characters=_BLOCK):
            there = _hash([corpus[place] for place in places])
            offered = there.masked, there.without, there.whole
            for lookup, keys in zip(lookups, offered, strict=True):
                for one, other in lookup.matches(keys):
                    query, place = query_places[one], places[other]
                    if query not in found and one_apart(queries[query], corpus[place]):
                        found[query] = place
    return found


def one_apart(first: str, second: str) -> bool:
    """Whether one inserted, deleted or replaced character makes one text the other."""
    shorter, longer = sorted((first, second), key=len)
    pairs = enumerate(zip(shorter, longer, strict=False))
    same = next((place for place, (a, b) in pairs if a != b), len(shorter))
    if len(longer) == len(shorter):
        return same < len(longer) and shorter[same + 1 :] == longer[same + 1 :]
    return shorter[same:] == longer[same + 1 :]


@dataclass(frozen=True, eq=False)
class _Keys:
    """Hashes of some texts, uint64 [hashes], and the text that each is of.

    Attributes:
        hashes: The hashes.
        owners: Places of their texts, int32 [hashes].
    """

    hashes: np.ndarray
    owners: np.ndarray


@dataclass(frozen=True, eq=False)
class _Hashes:
    """The hashes of some texts.

    Attributes:
        whole: Of each text.
        without: Of each text without each of its characters.
        masked: The same, and of the place of the character that is left out.
    """

    whole: _Keys
    without: _Keys
    masked: _Keys


class _Lookup:
    """Hashes to be found again among many others.

    Args:
        keys: The hashes.
    """

    def __init__(self, keys: _Keys) -> None:
        order = np.argsort(keys.hashes)
        self._hashes = keys.hashes[order]
        self._owners = keys.owners[order]
        # Most hashes are of one side alone, which a table of bytes says at once; 16
        # bytes a hash or less leave few that it cannot tell.
        bits = min(4 + len(order).bit_length(), _MAX_TABLE_BITS)
        self._shift = np.uint64(64 - bits)
        self._seen = np.zeros(2**bits, np.bool_)
        self._seen[self._slots(self._hashes)] = True

    def matches(self, keys: _Keys) -> Iterator[tuple[int, int]]:
        """Yields the owner here and the owner there of equal hashes.

        Each hash comes with one of its owners there and all of its owners here.
        """
        likely = np.flatnonzero(self._seen[self._slots(keys.hashes)])
        hashes, first = np.unique(keys.hashes[likely], return_index=True)
        starts = np.searchsorted(self._hashes, hashes, side="left")
        ends = np.searchsorted(self._hashes, hashes, side="right")
        owners = keys.owners[likely[first]]
        for place in np.flatnonzero(ends > starts):
            for owner in np.unique(self._owners[starts[place] : ends[place]]):
                yield int(owner), int(owners[place])

    def _slots(self, hashes: np.ndarray) -> np.ndarray:
        return (hashes * _MIXER) >> self._shift


def _with_a_half_of(queries: Sequence[str], *, corpus: Sequence[str]) -> list[int]:
    """Returns the places of texts in `corpus` that have a half of one of `queries`."""
    halves = {half for text in queries for half in _halves(text)}
    return [
        place
        for place, text in enumerate(corpus)
        if not halves.isdisjoint(_halves(text))
    ]


def _halves(text: str) -> Iterator[int]:
    """Yields hashes of halves, one of which any text one character away has as well.

    Start and end that two such texts share are together one character less than the
    longer of them, so one of the two is at least half of that: the start or the end of
    this text, which is as long as the longer one or one character shorter.
    """
    for shared in (len(text) - 1, len(text)):
        if shared >= MIN_SAME_CHARACTERS:
            half = shared // 2
            yield hash((shared, text[:half]))
            yield hash((-shared, text[len(text) - shared + half :]))


def _blocks(
    texts: Sequence[str], places: Sequence[int], *, characters: int
) -> Iterator[list[int]]:
    """Yields the places so many that their texts have so many characters together."""
    block: list[int] = []
    held = 0
    for place in places:
        if block and held + len(texts[place]) > characters:
            yield block
            block, held = [], 0
        block.append(place)
        held += len(texts[place])
    if block:
        yield block


def _hash(texts: Sequence[str]) -> _Hashes:
    """Hashes texts and what is left of them without one character.

    The hash of a text is the sum of code(c) * BASE**i over its characters; behind a
    character that is left out the exponents are one less.
    """
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    offsets = offsets_of(lengths)
    owners = np.repeat(np.arange(len(texts), dtype=np.int32), lengths)
    positions = np.arange(offsets[-1]) - offsets[owners]
    sums = np.zeros(offsets[-1] + 1, np.uint64)
    np.cumsum(code_points(texts) * _powers(lengths.max())[positions], out=sums[1:])
    before = sums[:-1] - sums[offsets[:-1]][owners]
    behind = sums[offsets[1:]][owners] - sums[1:]
    without = before + behind * _INVERSE
    changeable = lengths[owners] > MIN_SAME_CHARACTERS
    without, owners = without[changeable], owners[changeable]
    masked = without + (positions[changeable].astype(np.uint64) + 1) * _MIXER
    whole = sums[offsets[1:]] - sums[offsets[:-1]]
    return _Hashes(
        whole=_Keys(whole, np.arange(len(texts), dtype=np.int32)),
        without=_Keys(without, owners),
        masked=_Keys(masked, owners),
    )


def code_points(texts: Sequence[str]) -> np.ndarray:
    """Returns a number without pattern for each character of each text, uint64."""
    encoded = "".join(texts).encode("utf-32-le", "surrogatepass")
    codes = (np.frombuffer(encoded, np.uint32).astype(np.uint64) + 1) * _MIXER
    return (codes ^ (codes >> np.uint64(29))) * _MIXER


def _powers(count: int) -> np.ndarray:
    factors = np.full(count, _BASE, np.uint64)
    factors[:1] = 1
    return np.multiply.accumulate(factors)
