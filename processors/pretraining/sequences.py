"""Documents to sequences of one or two segments, at random but by a seed.

Source: google-research/bert, create_pretraining_data.py, create_instances_from_document
and truncate_seq_pair; ALBERT, arXiv:1909.11942, 3.1, for the order of segments. For
next sentences random numbers are drawn in the original's order: of the same seed come
the same sequences.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator, Sequence
from random import Random

from processors.pretraining.corpus import Corpus, Document
from processors.pretraining.settings import PretrainingTask
from runtime.errors import DataError

_TRIES = 10  # to find another document


@dataclasses.dataclass(frozen=True, slots=True)
class Segments:
    """One sequence, without special tokens.

    Attributes:
        first: Tokens; see `processors.pretraining.corpus`.
        second: Tokens of the second segment; none where there is but one.
        label: 1 for a random next sentence, or for segments in the wrong order, else 0;
            None where nothing is asked.
        borrowed: How many of the tokens are another document's.
        lost: How many of the document's own were cut off: no other sequence of this
            pass has them.
        has_long_line: Whether one of the document's sentences is longer than any
            sequence.
    """

    first: list[int]
    second: list[int]
    label: int | None
    borrowed: int = 0
    lost: int = 0
    has_long_line: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cut:
    """How long sequences are.

    Attributes:
        max_seq_length: Tokens of the longest, special tokens included.
        short_seq_prob: Share of the documents, or of the sequences, that are cut
            shorter.
    """

    max_seq_length: int
    short_seq_prob: float

    def target(self, rng: Random, *, special_tokens: int) -> tuple[int, int]:
        """Most tokens of a sequence, and those to aim at."""
        most = self.max_seq_length - special_tokens
        if rng.random() < self.short_seq_prob:
            return most, rng.randint(2, most)
        return most, most


def refuse_single(corpus: Corpus, *, objective: PretrainingTask) -> None:
    """Checks that there are documents to take random next sentences from.

    Raises:
        DataError: They are asked for of one document.
    """
    if objective is PretrainingTask.MLM_NSP and len(corpus) < 2:
        raise DataError(
            "--objective=mlm_nsp takes random next sentences from other documents, and "
            "there is but one. Put blank lines between documents, or use "
            "--objective=mlm or mlm_sop."
        )


def sequences(
    corpus: Corpus,
    place: int,
    *,
    order: Sequence[int],
    objective: PretrainingTask,
    cut: Cut,
    rng: Random,
) -> Iterator[Segments]:
    """Yields the sequences of one document.

    Draw from `rng` between two sequences at will: a mask, say.

    Args:
        corpus: The documents.
        place: Of the document in `order`.
        order: Numbers of the documents; random ones are drawn by their place in it.
        objective: What is asked of two segments.
        cut: How long sequences are.
        rng: Source of all choices.
    """
    document = corpus.document(order[place])
    if objective is PretrainingTask.MLM:
        return _single(document, cut=cut, rng=rng)
    if objective is PretrainingTask.MLM_SOP:
        return _ordered(document, cut=cut, rng=rng)
    part = functools.partial(
        _random_part, corpus=corpus, order=order, place=place, rng=rng
    )
    return _next(document, part, cut=cut, rng=rng)


def _single(document: Document, *, cut: Cut, rng: Random) -> Iterator[Segments]:
    """Whole sentences up to the target; a longer one is cut in pieces.

    The target is drawn for each sequence: a document may be a novel, all of which would
    be cut to a few tokens.
    """
    _, target = cut.target(rng, special_tokens=2)
    chunk: list[int] = []
    for place in range(len(document)):
        sentence = document.joined(place, place + 1)
        start = 0
        while start < len(sentence):
            if chunk and len(chunk) + min(len(sentence) - start, target) > target:
                yield Segments(chunk, [], None)
                chunk = []
                if cut.short_seq_prob:
                    _, target = cut.target(rng, special_tokens=2)
            chunk += sentence[start : start + target]
            start += target
    yield Segments(chunk, [], None)


def _ordered(document: Document, *, cut: Cut, rng: Random) -> Iterator[Segments]:
    """Two segments as they follow each other, or swapped; no token is lost."""
    _, target = cut.target(rng, special_tokens=3)
    for pieces in _filled(document, target=target):
        if len(pieces) == 1:  # what is left of a document: no order to ask for
            yield Segments(pieces[0], [], None)
            continue
        split = rng.randint(1, len(pieces) - 1)
        first, second = _joined(pieces[:split]), _joined(pieces[split:])
        if rng.random() < 0.5:
            yield Segments(second, first, 1)
        else:
            yield Segments(first, second, 0)


def _filled(document: Document, *, target: int) -> Iterator[list[list[int]]]:
    """Whole sentences up to the target: two pieces at least, but for the last.

    A sentence is cut only where there would be one piece: the first at half of the
    target if it fills the whole, the second where the target is full.
    """
    pieces: list[list[int]] = []
    for place in range(len(document)):
        rest = document.joined(place, place + 1)
        while rest:
            taken = _taken(len(rest), pieces, target=target)
            if taken:
                pieces.append(rest[:taken])
                rest = rest[taken:]
            if rest and len(pieces) > 1:
                yield pieces
                pieces = []
    if pieces:
        yield pieces


def _taken(length: int, pieces: Sequence[list[int]], *, target: int) -> int:
    """How many tokens of a sentence go to the pieces; 0 where they are complete."""
    if not pieces:
        return length if length < target else target // 2
    room = target - sum(map(len, pieces))
    if length <= room:
        return length
    return room if len(pieces) == 1 else 0


def _next(
    document: Document,
    random_part: Callable[[int], list[int]],
    *,
    cut: Cut,
    rng: Random,
) -> Iterator[Segments]:
    """A segment and the one that follows it, or one of another document."""
    most, target = cut.target(rng, special_tokens=3)
    start = 0
    while start < len(document):
        stop = document.stop_after(start, tokens=target)
        split = start + (rng.randint(1, stop - start - 1) if stop - start > 1 else 1)
        first = document.joined(start, split)
        is_random = stop - start == 1 or rng.random() < 0.5
        if is_random:
            second = random_part(target - len(first))
            stop = split  # the rest is used for the next sequence
        else:
            second = document.joined(split, stop)
        sizes = len(first), len(second)
        _truncate(first, second, most=most, rng=rng)
        yield Segments(
            first,
            second,
            int(is_random),
            borrowed=len(second) if is_random else 0,
            lost=sizes[0] - len(first) + (not is_random) * (sizes[1] - len(second)),
            has_long_line=document.longest(start, stop) > most,
        )
        start = stop


def _random_part(
    target: int, *, corpus: Corpus, order: Sequence[int], place: int, rng: Random
) -> list[int]:
    """Sentences of another document from a random one on, until they hold the target.

    After ten tries for another document, as in the original, it may be the same.
    """
    found = place
    for _ in range(_TRIES):
        found = rng.randint(0, len(order) - 1)
        if found != place:
            break
    other = corpus.document(order[found])
    start = rng.randint(0, len(other) - 1)
    return other.joined(start, other.stop_after(start, tokens=target))


def _joined(pieces: Sequence[list[int]]) -> list[int]:
    return [token for piece in pieces for token in piece]


def _truncate(first: list[int], second: list[int], *, most: int, rng: Random) -> None:
    """Takes tokens from either end of the longer until both fit."""
    sizes, starts = [len(first), len(second)], [0, 0]
    for _ in range(sum(sizes) - most):
        longer = 0 if sizes[0] > sizes[1] else 1
        sizes[longer] -= 1
        if rng.random() < 0.5:
            starts[longer] += 1
    for tokens, start, size in zip((first, second), starts, sizes, strict=True):
        tokens[:] = tokens[start : start + size]
