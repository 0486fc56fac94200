"""What two splits have in common, and so makes a result look better than it is.

Texts are compared as they are (copies), and in a form in which case, width and spaces
do not count (near copies): an example is a near copy of another when its form is the
same, is one character away, or shares four fifths of its passages of five characters.
The texts of a pair are compared together, in either order, and by themselves as shared
sides.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from processors.data_check import near_copies, shared_passages
from processors.example import InputExample

MAX_CHARACTERS = 100_000
"""So much of a text is compared in its form: more than any model here reads, and what
keeps the memory bounded where one field holds a whole book."""

# No form of a text holds it: to Python it is white space.
_BETWEEN_SIDES = "\x1f"

_Item = TypeVar("_Item", bound=Hashable)


def form_of(text: str) -> str:
    """Returns a text in the form in which near copies are looked for.

    Source: Unicode's NFKC and full case folding, https://www.unicode.org/reports/tr15/;
    a run of white space is one space, and none where the text starts or ends.
    """
    text = _unusual().sub(_normalise, text[:MAX_CHARACTERS])
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


@functools.cache
def _unusual() -> re.Pattern[str]:
    """What is normalised by itself, after which a text seldom needs more.

    Japanese text is full of full-width letters and signs; the form of 5.4 million
    characters of news took 0.3 seconds so, and 2.0 when all were normalised at once.
    """
    characters = map(chr, range(0x10000))
    unusual = (c for c in characters if not unicodedata.is_normalized("NFKC", c))
    return re.compile(f"[{re.escape(''.join(unusual))}]")


def _normalise(match: re.Match[str]) -> str:
    return unicodedata.normalize("NFKC", match[0])


class ComparedSplit:
    """A split made ready to be compared with others.

    Args:
        examples: The split's examples.

    Attributes:
        examples: The same.
        sides: The forms of each example's one or two texts.
        forms: The forms of each example's texts as one, whichever comes first; empty
            without any text.
    """

    def __init__(self, examples: Sequence[InputExample]) -> None:
        self.examples = examples
        self.sides = [
            tuple(form_of(text) for text in texts_of(example)) for example in examples
        ]
        self.forms = [
            _BETWEEN_SIDES.join(sorted(sides)) if any(sides) else ""
            for sides in self.sides
        ]


@dataclass(frozen=True)
class Overlap:
    """What the examples of one split have in common with another split.

    Attributes:
        compared: Examples of the first split.
        copies: Place of an example -> place of one with equal texts in the other.
        near_copies: Place of an example without such a copy -> place of a near one.
        relabelled: Copies and near copies whose label is another.
        shared_sides: Examples of pairs with a text that a pair of the other has too.
        shared_groups: Examples whose group has examples in the other split.
    """

    compared: int
    copies: Mapping[int, int]
    near_copies: Mapping[int, int]
    relabelled: int
    shared_sides: int
    shared_groups: int

    @property
    def share(self) -> float:
        """Copies and near copies by the number of examples."""
        return (len(self.copies) + len(self.near_copies)) / max(1, self.compared)


def compare(split: ComparedSplit, *, other: ComparedSplit) -> Overlap:
    """Finds what `split` has in common with `other`.

    Examples without any text are no copies of each other.

    Args:
        split: Whose examples are counted: what a model is evaluated on.
        other: What they may be copies of: what it was trained on.

    Returns:
        The overlap.
    """
    copies = _copies(split, other=other)
    near = _near_copies(split, other=other, known=copies)
    return Overlap(
        compared=len(split.examples),
        copies=copies,
        near_copies=near,
        relabelled=relabelled(
            {**copies, **near}, examples=split.examples, others=other.examples
        ),
        shared_sides=_shared_sides(split, other=other),
        shared_groups=_shared_groups(split.examples, other=other.examples),
    )


def repeats(examples: Sequence[InputExample]) -> dict[int, int]:
    """Finds copies within a split.

    Returns:
        Place of an example -> place of the first with equal texts, itself left out.
    """
    texts = [_unordered(example) for example in examples]
    first = _first_places(texts)
    return {
        place: first[each]
        for place, each in enumerate(texts)
        if any(each) and first[each] != place
    }


def relabelled(
    witnesses: Mapping[int, int],
    *,
    examples: Sequence[InputExample],
    others: Sequence[InputExample],
) -> int:
    """Returns how many examples have another label than their witnesses.

    Args:
        witnesses: Place among `examples` -> place among `others`; pairs of which one is
            unlabelled do not count.
        examples: Some examples.
        others: Others, or the same.
    """
    labels = [
        {examples[place].label, others[witness].label}
        for place, witness in witnesses.items()
    ]
    return sum(len(pair) == 2 and None not in pair for pair in labels)


def texts_of(example: InputExample) -> tuple[str, ...]:
    """Returns the one or two texts of an example."""
    if example.text_b is None:
        return (example.text_a,)
    return (example.text_a, example.text_b)


def _unordered(example: InputExample) -> tuple[str, ...]:
    """Returns the texts in an order that a pair and the same swapped share."""
    return tuple(sorted(texts_of(example)))


def _copies(split: ComparedSplit, *, other: ComparedSplit) -> dict[int, int]:
    there = _first_places(map(_unordered, other.examples))
    found = {}
    for place, example in enumerate(split.examples):
        texts = _unordered(example)
        if texts in there and split.forms[place]:
            found[place] = there[texts]
    return found


def _near_copies(
    split: ComparedSplit, *, other: ComparedSplit, known: Mapping[int, int]
) -> dict[int, int]:
    places = _first_places(other.forms)
    places.pop("", None)
    wanted = {
        form: place
        for place, form in enumerate(split.forms)
        if form and place not in known
    }
    witnesses = {form: places[form] for form in wanted if form in places}
    corpus = list(places)
    for search in (near_copies.find, shared_passages.find):
        queries = [form for form in wanted if form not in witnesses]
        for query, text in search(queries, corpus=corpus).items():
            witnesses[queries[query]] = places[corpus[text]]
    return {
        place: witnesses[form]
        for place, form in enumerate(split.forms)
        if form in witnesses and place not in known
    }


def _shared_sides(split: ComparedSplit, *, other: ComparedSplit) -> int:
    there = {side for sides in other.sides if len(sides) == 2 for side in sides if side}
    return sum(len(sides) == 2 and not there.isdisjoint(sides) for sides in split.sides)


def _shared_groups(
    examples: Sequence[InputExample], *, other: Sequence[InputExample]
) -> int:
    there = {example.group for example in other} - {None}
    return sum(example.group in there for example in examples)


def _first_places(items: Iterable[_Item]) -> dict[_Item, int]:
    places: dict[_Item, int] = {}
    for place, item in enumerate(items):
        places.setdefault(item, place)
    return places
