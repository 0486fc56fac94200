"""Documents to sequences of one or two segments, at random but by a seed.

Source: google-research/bert, create_pretraining_data.py, create_instances_from_document
and truncate_seq_pair; ALBERT, arXiv:1909.11942, 3.1, for the order of segments. For
next sentences random numbers are drawn in the original's order: of the same seed come
the same sequences.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from random import Random

from processors.pretraining.documents import Document, Sentence
from processors.pretraining.settings import Objective
from runtime.errors import DataError

_TRIES = 10  # to find another document


@dataclasses.dataclass(frozen=True, slots=True)
class Segments:
    """One sequence, without special tokens.

    Attributes:
        first: Tokens; see `processors.pretraining.documents`.
        second: Tokens of the second segment; none where there is but one.
        label: 1 for a random next sentence, or for segments in the wrong order, else 0;
            None where nothing is asked.
    """

    first: list[int]
    second: list[int]
    label: int | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cut:
    """How long sequences are.

    Attributes:
        max_seq_length: Tokens of the longest, special tokens included.
        short_seq_prob: Share of the documents that are cut shorter.
    """

    max_seq_length: int
    short_seq_prob: float

    def target(self, rng: Random, *, special_tokens: int) -> tuple[int, int]:
        """Most tokens of a document's sequences, and those to aim at."""
        most = self.max_seq_length - special_tokens
        if rng.random() < self.short_seq_prob:
            return most, rng.randint(2, most)
        return most, most


def sequences(
    documents: Sequence[Document], *, objective: Objective, cut: Cut, rng: Random
) -> Iterator[Segments]:
    """Yields the sequences of each document.

    Draw from `rng` between two sequences at will: a mask, say.

    Args:
        documents: The corpus.
        objective: What is asked of two segments.
        cut: How long sequences are.
        rng: Source of all choices.

    Raises:
        DataError: Next sentences are asked for of one document.
    """
    if objective is Objective.MLM_NSP and len(documents) < 2:
        raise DataError(
            "--objective=mlm_nsp takes random next sentences from other documents, and "
            "there is but one. Put blank lines between documents, or use "
            "--objective=mlm or mlm_sop."
        )
    for index in range(len(documents)):
        yield from _MAKERS[objective](documents, index, cut=cut, rng=rng)


def _single(
    documents: Sequence[Document], index: int, *, cut: Cut, rng: Random
) -> Iterator[Segments]:
    """Whole sentences up to the target; a longer one is cut in pieces."""
    _, target = cut.target(rng, special_tokens=2)
    chunk: list[int] = []
    for sentence in documents[index]:
        for start in range(0, len(sentence), target):
            piece = sentence[start : start + target]
            if chunk and len(chunk) + len(piece) > target:
                yield Segments(chunk, [], None)
                chunk = []
            chunk.extend(piece)
    yield Segments(chunk, [], None)


def _ordered(
    documents: Sequence[Document], index: int, *, cut: Cut, rng: Random
) -> Iterator[Segments]:
    """Two segments as they follow each other, or swapped."""
    document = documents[index]
    most, target = cut.target(rng, special_tokens=3)
    start = 0
    while start < len(document):
        stop = _chunk_end(document, start, target=target)
        sentences, start = document[start:stop], stop
        split = rng.randint(1, len(sentences) - 1) if len(sentences) > 1 else 1
        first, second = _joined(sentences[:split]), _joined(sentences[split:])
        _truncate(first, second, most=most, rng=rng)
        if not second:  # one long sentence: no order to ask for
            yield Segments(first, [], None)
        elif rng.random() < 0.5:
            yield Segments(second, first, 1)
        else:
            yield Segments(first, second, 0)


def _next(
    documents: Sequence[Document], index: int, *, cut: Cut, rng: Random
) -> Iterator[Segments]:
    """A segment and the one that follows it, or one of another document."""
    document = documents[index]
    most, target = cut.target(rng, special_tokens=3)
    start = 0
    while start < len(document):
        stop = _chunk_end(document, start, target=target)
        sentences = document[start:stop]
        split = rng.randint(1, len(sentences) - 1) if len(sentences) > 1 else 1
        first = _joined(sentences[:split])
        is_random = len(sentences) == 1 or rng.random() < 0.5
        if is_random:
            other = documents[_other(index, count=len(documents), rng=rng)]
            second = _random_part(other, target=target - len(first), rng=rng)
            stop = start + split  # the rest is used for the next sequence
        else:
            second = _joined(sentences[split:])
        _truncate(first, second, most=most, rng=rng)
        yield Segments(first, second, int(is_random))
        start = stop


def _chunk_end(document: Document, start: int, *, target: int) -> int:
    """Where so many sentences end that they hold the target."""
    length = 0
    for place in range(start, len(document)):
        length += len(document[place])
        if length >= target:
            return place + 1
    return len(document)


def _other(index: int, *, count: int, rng: Random) -> int:
    """Another document; after ten tries, as in the original, maybe the same."""
    found = index
    for _ in range(_TRIES):
        found = rng.randint(0, count - 1)
        if found != index:
            break
    return found


def _random_part(document: Document, *, target: int, rng: Random) -> list[int]:
    """Sentences from a random one on, until they hold the target."""
    part: list[int] = []
    for place in range(rng.randint(0, len(document) - 1), len(document)):
        part.extend(document[place])
        if len(part) >= target:
            break
    return part


def _joined(sentences: Sequence[Sentence]) -> list[int]:
    return [token for sentence in sentences for token in sentence]


def _truncate(first: list[int], second: list[int], *, most: int, rng: Random) -> None:
    """Takes tokens from either end of the longer until both fit."""
    excess = len(first) + len(second) - most
    for _ in range(excess):
        longer = first if len(first) > len(second) else second
        if rng.random() < 0.5:
            del longer[0]
        else:
            longer.pop()


_Maker = Callable[..., Iterator[Segments]]
_MAKERS: dict[Objective, _Maker] = {
    Objective.MLM: _single,
    Objective.MLM_NSP: _next,
    Objective.MLM_SOP: _ordered,
}
