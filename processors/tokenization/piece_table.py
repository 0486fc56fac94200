"""The pieces of a vocabulary in arrays: the words of many texts are spelled at once.

A piece is a path from a root of a tree along its letters. The children of all nodes lie
in one long array, that of a letter at `shift[node] + letter`, between those of other
nodes; `owner` tells whose a place is. A step down is two look-ups, whatever the size of
the alphabet.

Source: Aoe, An Efficient Digital Search Algorithm by Using a Double-Array Structure,
IEEE Transactions on Software Engineering 15 (1989).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

NONE = -1
"""Stands among ids where no piece starts."""

# Two roots, of pieces that start a word and of those that go on with one; then the
# other nodes. No node is 0.
_FIRST, _FURTHER, _BELOW = 1, 2, 3


class PieceTable:
    """Greedy longest match from the left, of all words at once.

    Words are arrays of letters, numbers that `letter` gives. What cannot be matched to
    its end is unknown as a whole.

    Args:
        first: Pieces that start a word, and their ids.
        further: Pieces that go on with a word, and their ids.
        unknown: Id of an unknown word.
        longest_word: Letters from which on a longer word is unknown; None for any.
    """

    def __init__(
        self,
        first: Mapping[str, int],
        *,
        further: Mapping[str, int],
        unknown: int,
        longest_word: int | None,
    ) -> None:
        self._unknown = unknown
        self._longest_word = longest_word
        starting, going_on = _unempty(first), _unempty(further)
        pieces = [*starting, *going_on]
        self._letters = {c: i for i, c in enumerate(sorted({*"".join(pieces)}), 1)}
        tree = _tree(
            _spelled(pieces, letters=self._letters),
            roots=np.repeat((_FIRST, _FURTHER), (len(starting), len(going_on))),
            letters=len(self._letters) + 2,
        )
        self._ids = np.full(tree.nodes, NONE, np.int32)
        self._ids[tree.ends] = [*starting.values(), *going_on.values()]
        self._shift, self._owner, self._child = _interleave(tree)

    def letter(self, character: str) -> int:
        """Returns the number of a character; those in no piece share one, never 0."""
        return self._letters.get(character, len(self._letters) + 1)

    def spell(self, letters: np.ndarray) -> np.ndarray:
        """Spells the words that stand between zeros.

        Args:
            letters: Integers `[n]`; the last is 0.

        Returns:
            int32 `[n]`: the id of each piece at its first letter, `NONE` elsewhere.
        """
        inside = np.flatnonzero(letters)
        is_start = np.diff(inside, prepend=-2) > 1
        starts = inside[is_start]
        lengths = np.diff(np.flatnonzero(is_start), append=len(inside))
        is_unknown = lengths > (self._longest_word or len(letters))
        ids, ends = self._match(letters, inside=inside, is_start=is_start)
        spelled, unmatched = _hop(
            starts[~is_unknown], ids=ids, ends=ends, letters=letters
        )
        is_unknown[np.searchsorted(starts, unmatched, side="right") - 1] = True
        spelled[inside[np.repeat(is_unknown, lengths)]] = NONE
        spelled[starts[is_unknown]] = self._unknown
        return spelled

    def _match(
        self, letters: np.ndarray, *, inside: np.ndarray, is_start: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Returns for each letter the longest piece from there, and what is after it.

        Where there is none, they are `NONE` and the last place, a zero.
        """
        ids = np.full(len(letters), NONE, np.int32)
        ends = np.full(len(letters), len(letters) - 1)
        origin = at = inside
        node = np.where(is_start, _FIRST, _FURTHER)
        while len(at):
            place = self._shift[node] + letters[at]
            goes_on = np.flatnonzero(self._owner[place] == node)
            origin, at = origin[goes_on], at[goes_on] + 1
            node = self._child[place[goes_on]]
            found = self._ids[node]
            is_piece = np.flatnonzero(found != NONE)
            ids[origin[is_piece]] = found[is_piece]
            ends[origin[is_piece]] = at[is_piece]
        return ids, ends


def _hop(
    at: np.ndarray, *, ids: np.ndarray, ends: np.ndarray, letters: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Goes through words from piece to piece.

    Returns:
        The ids at the places that were come by, and the places without a piece.
    """
    spelled, unmatched = np.full_like(ids, NONE), [at[:0]]
    while len(at):
        spelled[at] = ids[at]
        unmatched.append(at[ids[at] == NONE])
        at = ends[at]
        at = at[letters[at] > 0]
    return spelled, np.concatenate(unmatched)


@dataclasses.dataclass(frozen=True)
class _Spelled:
    """Pieces in letters: those of all, one after the other, and how many each has."""

    letters: np.ndarray
    lengths: np.ndarray


@dataclasses.dataclass(frozen=True)
class _Tree:
    """Nodes and how they hang together.

    Attributes:
        parents: The parent of each node, from `_BELOW` on.
        letters: The letter that leads to it.
        alphabet: Letters are below this.
        ends: The node that each piece leads to.
    """

    parents: np.ndarray
    letters: np.ndarray
    alphabet: int
    ends: np.ndarray

    @property
    def nodes(self) -> int:
        """How many there are, with 0 and the roots."""
        return _BELOW + len(self.parents)


def _unempty(pieces: Mapping[str, int]) -> dict[str, int]:
    return {piece: index for piece, index in pieces.items() if piece}


def _spelled(pieces: Sequence[str], *, letters: Mapping[str, int]) -> _Spelled:
    return _Spelled(
        np.array([letters[c] for piece in pieces for c in piece], np.int64),
        lengths=np.array([len(piece) for piece in pieces], np.int64),
    )


def _tree(pieces: _Spelled, *, roots: np.ndarray, letters: int) -> _Tree:
    """Lets all pieces grow by a letter at a time; equal edges are one."""
    starts = np.cumsum(pieces.lengths) - pieces.lengths
    ends, nodes, levels = roots.astype(np.int64), _BELOW, [roots[:0].astype(np.int64)]
    growing = np.arange(len(ends))
    for depth in range(int(pieces.lengths.max(initial=0))):
        growing = growing[pieces.lengths[growing] > depth]
        edges, numbers = np.unique(
            ends[growing] * letters + pieces.letters[starts[growing] + depth],
            return_inverse=True,
        )
        ends[growing] = nodes + numbers
        nodes += len(edges)
        levels.append(edges)
    return _Tree(*np.divmod(np.concatenate(levels), letters), letters, ends)


def _interleave(tree: _Tree) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Finds places for all children, in rounds, each behind those of the last.

    In a round every node takes a shift by chance. Where two want one place the node of
    more children has it, and the other goes on to the next round. The first places are
    nobody's: a node without children has shift 0.

    Returns:
        Shift of each node; owner of each place, 0 for none; child of each place.
    """
    chance = np.random.default_rng(0)
    shift, place = np.zeros(tree.nodes, np.int64), np.zeros_like(tree.parents)
    children = np.bincount(tree.parents, minlength=tree.nodes)[tree.parents]
    left, top = np.argsort(children, kind="stable"), tree.alphabet
    while len(left):
        room = 4 * len(left)
        parents = tree.parents[left]
        shift[parents] = (top + chance.integers(room, size=tree.nodes))[parents]
        place[left] = shift[parents] + tree.letters[left]
        wanted = np.zeros(room + tree.alphabet, np.int64)
        wanted[place[left] - top] = parents  # of equal indices the last one counts
        lost = parents[wanted[place[left] - top] != parents]
        left, top = left[np.isin(parents, lost)], top + room + tree.alphabet
    owner, child = np.zeros((2, top), np.int32)
    owner[place] = tree.parents
    child[place] = np.arange(_BELOW, tree.nodes)
    return shift.astype(np.int32), owner, child
