"""ROUGE of token sequences; how texts become tokens is the caller's.

Source: Lin, ROUGE: A Package for Automatic Evaluation of Summaries, 2004; the numbers
are those of the package rouge-score on the same tokens, whose own tokens are a-z and
0-9 alone, so that most Japanese texts score 0.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence

Tokens = Sequence[Hashable]


def rouge_n(written: Tokens, given: Tokens, *, n: int) -> float:
    """F1 of the runs of n tokens that two texts share, each as often as both have it.

    Args:
        written: Tokens of a text.
        given: Those of the text that it should be like.
        n: Tokens of a run.

    Returns:
        From 0 to 1; 0 where either has no such run.
    """
    ours, theirs = _runs(written, n=n), _runs(given, n=n)
    shared = (ours & theirs).total()
    return _f1(shared, ours.total(), theirs.total())


def rouge_l(written: Tokens, given: Tokens) -> float:
    """F1 of the longest sequence that both texts have in this order; see `rouge_n`."""
    return _f1(longest_common(written, given), len(written), len(given))


def longest_common(one: Tokens, other: Tokens) -> int:
    """Length of the longest common subsequence.

    Args:
        one: Tokens.
        other: Tokens.

    Source: Hyyro, Bit-Parallel LCS-length Computation Revisited, 2004: a bit for each
        token of `one`, a few operations for each of `other`.
    """
    places: dict[Hashable, int] = {}
    for place, token in enumerate(one):
        places[token] = places.get(token, 0) | 1 << place
    everything = (1 << len(one)) - 1
    left = everything
    for token in other:
        matched = left & places.get(token, 0)
        left = ((left + matched) | (left - matched)) & everything
    return len(one) - left.bit_count()


def _runs(tokens: Tokens, *, n: int) -> Counter[tuple[Hashable, ...]]:
    return Counter(zip(*(tokens[start:] for start in range(n)), strict=False))


def _f1(shared: int, ours: int, theirs: int) -> float:
    if not shared:
        return 0.0
    precision, recall = shared / ours, shared / theirs
    return 2 * precision * recall / (precision + recall)
