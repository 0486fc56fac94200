"""From texts to token ids: `[CLS] a [SEP]` or `[CLS] a [SEP] b [SEP]`, not padded.

Source: google-research/bert, run_classifier.py, convert_single_example. Its padding is
left to the batches, which know what it costs.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from processors.batches.long_texts import LongTexts, shorten
from processors.example import InputExample
from processors.labels.targets import Targets
from runtime.errors import DataError, SettingsError

if TYPE_CHECKING:  # reading features takes no tokenizer
    from processors.tokenization.base import SpecialTokens, Tokenizer

# Tokenizers are up to 8 times faster on a list than text by text; more gains nothing.
_EXAMPLES_A_CALL = 1024

FEATURES = "[CLS] a [SEP] b [SEP]"
"""How `featurize` makes one row of a text or two, as manifests name it."""

_PAIR = (
    "Example {} is a pair, and --long_texts=chunk cuts single texts into windows: use"
    " truncate or head_tail."
)


def features_format(long_texts: LongTexts, *, layout: str = FEATURES) -> str:
    """How rows are made of texts, as manifests name it.

    Args:
        long_texts: What is read of a text that is too long for a row.
        layout: How a row is made of texts that are not; by default as `featurize` does.
    """
    if long_texts is LongTexts.TRUNCATE:  # which manifests have never named
        return layout
    return f"{layout}, --long_texts={long_texts.value}"


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """One example as the model reads it.

    Attributes:
        input_ids: Token ids with [CLS] and [SEP], int32 [length].
        segment_ids: 0 for the first text, 1 for the second, int32 [length].
        label_id: Place of the label in the list of labels; None when unlabelled. 0
            where `target` is the label.
        target: Where an example has several labels, 1 for each of them, else 0, float32
            [labels]; where it has a number, that, float32 []; otherwise None.
        target_ids: Where a text is learned, the ids of its tokens with [SEP] at the
            end, int32 [length]; none where it is unknown. Otherwise None.
    """

    input_ids: np.ndarray
    segment_ids: np.ndarray
    label_id: int | None
    target: np.ndarray | None = None
    target_ids: np.ndarray | None = None


@dataclass(frozen=True, kw_only=True)
class TokenSummary:
    """What tokenizing found in the examples of a split, before anything was cut off.

    Attributes:
        examples: How many there are.
        shortest: Tokens of the shortest example, special tokens included.
        median: Tokens of the middle one.
        percentile_95: Tokens that 95 % of them do not exceed.
        longest: Tokens of the longest.
        cut: Examples that were longer than the limit.
        text_tokens: Tokens of all texts.
        unknown: How many of those the vocabulary does not know.
    """

    examples: int
    shortest: int
    median: int
    percentile_95: int
    longest: int
    cut: int
    text_tokens: int
    unknown: int


@dataclass(slots=True)
class TokenCounts:
    """What tokenizing found, before anything was cut off.

    Attributes:
        lengths: Tokens of each example, special tokens included.
        text_tokens: Tokens of all texts.
        unknown: How many of those the vocabulary does not know.
    """

    lengths: list[int] = field(default_factory=list)
    text_tokens: int = 0
    unknown: int = 0

    def add(self, first: list[int], second: list[int], *, added: int, unk: int) -> None:
        """Counts the ids of an example's one or two texts.

        Args:
            first: Ids of its text.
            second: Ids of its second text; none where there is none.
            added: How many special tokens are beside them.
            unk: Id of the unknown token.
        """
        tokens = len(first) + len(second)
        self.lengths.append(tokens + added)
        self.text_tokens += tokens
        self.unknown += first.count(unk) + second.count(unk)

    def summary(self, *, max_seq_length: int) -> TokenSummary:
        """See `TokenTotals.summary`."""
        totals = TokenTotals()
        totals.add(self)
        return totals.summary(max_seq_length=max_seq_length)


@dataclass(slots=True)
class TokenTotals:
    """The same of any number of examples, in memory that does not grow with them.

    Attributes:
        lengths: Number of tokens -> how many examples have it.
        text_tokens: Tokens of all texts.
        unknown: How many of those the vocabulary does not know.
    """

    lengths: Counter[int] = field(default_factory=Counter)
    text_tokens: int = 0
    unknown: int = 0

    def add(self, other: TokenCounts | TokenTotals) -> None:
        """Counts other examples too."""
        self.lengths.update(other.lengths)
        self.text_tokens += other.text_tokens
        self.unknown += other.unknown

    def summary(self, *, max_seq_length: int) -> TokenSummary:
        """What was found, in few numbers; there is at least one example.

        Args:
            max_seq_length: Tokens to which examples are cut.
        """
        lengths = np.repeat(list(self.lengths), list(self.lengths.values()))
        ranks = np.percentile(lengths, (0, 50, 95, 100), method="inverted_cdf")
        shortest, median, percentile_95, longest = map(int, ranks)
        return TokenSummary(
            examples=len(lengths),
            shortest=shortest,
            median=median,
            percentile_95=percentile_95,
            longest=longest,
            cut=int((lengths > max_seq_length).sum()),
            text_tokens=self.text_tokens,
            unknown=self.unknown,
        )


def featurize(
    examples: Iterable[InputExample],
    *,
    tokenizer: Tokenizer,
    labels: Sequence[str],
    max_seq_length: int,
    counts: TokenCounts | None = None,
    targets: Targets = Targets.LABEL,
    long_texts: LongTexts = LongTexts.TRUNCATE,
) -> Iterator[Features]:
    """Yields the features of each example, in order, holding few at a time.

    Args:
        examples: Any iterable; it is streamed.
        tokenizer: Texts to ids.
        labels: The labels, in the order of their ids.
        max_seq_length: Longest result in tokens, [CLS] and [SEP] included.
        counts: Where to count tokens, for who wants to know.
        targets: What the examples are told apart by.
        long_texts: What is read of a longer text. With `CHUNK` the whole text is the
            result; see `processors.batches.windows`.

    Raises:
        SettingsError: max_seq_length leaves no room for the special tokens of a pair.
        DataError: an example has a label that is not in `labels`, or is a pair, of
            which there are no windows.
    """
    if max_seq_length < 3:
        raise SettingsError(
            f"max_seq_length: expected at least 3 for [CLS] and two [SEP], got"
            f" {max_seq_length}."
        )
    label_ids = {label: place for place, label in enumerate(labels)}
    counts, special = counts or TokenCounts(), tokenizer.special
    for example, first, second in encode(examples, tokenizer=tokenizer):
        added = 3 if second else 2
        counts.add(first, second, added=added, unk=special.unk)
        if second and long_texts is LongTexts.CHUNK:
            raise DataError(_PAIR.format(example.guid))
        kept = shorten(
            first, second, max_tokens=max_seq_length - added, long_texts=long_texts
        )
        # A second text that has no token is none, as in the original.
        row = _join(*kept, special=special, is_pair=bool(second))
        target = target_of(example, label_ids, targets=targets)
        yield Features(*row, *target)


def encode(
    examples: Iterable[InputExample], *, tokenizer: Tokenizer
) -> Iterator[tuple[InputExample, list[int], list[int]]]:
    """Yields each example, the ids of its text and those of its second, if it has one.

    Args:
        examples: Any iterable; it is streamed.
        tokenizer: Texts to ids.
    """
    stream = iter(examples)
    chunks = iter(lambda: list(itertools.islice(stream, _EXAMPLES_A_CALL)), [])
    here, there = itertools.tee(chunks)
    encoded = tokenizer.encode_stream(map(_texts, there))
    for chunk, rows in zip(here, encoded, strict=True):
        seconds = iter(rows[len(chunk) :])
        for example, first in zip(chunk, rows, strict=False):
            yield example, first, next(seconds) if example.text_b else []


def _texts(examples: Sequence[InputExample]) -> list[str]:
    """The texts of some examples, then the second ones of those that have one."""
    seconds = [example.text_b for example in examples if example.text_b]
    return [*(example.text_a for example in examples), *seconds]


def _join(
    first: list[int], second: list[int], *, special: SpecialTokens, is_pair: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the ids and the segment of each."""
    ids = [special.cls, *first, special.sep]
    if is_pair:
        ids += [*second, special.sep]
    segment_ids = np.zeros(len(ids), np.int32)
    segment_ids[len(first) + 2 :] = 1
    return np.array(ids, np.int32), segment_ids


def target_of(
    example: InputExample,
    label_ids: Mapping[str, int],
    *,
    targets: Targets = Targets.LABEL,
) -> tuple[int | None, np.ndarray | None]:
    """Returns the last two of an example's `Features`.

    Args:
        example: The example.
        label_ids: Label -> id, of the task.
        targets: What the examples are told apart by.

    Raises:
        DataError: The task has no such label, or the example is told apart by something
            else.
    """
    _refuse_other_targets(example, targets)
    if targets is Targets.LABEL:
        label = example.label
        return None if label is None else _label_id(example, label, label_ids), None
    if targets is Targets.NUMBER:
        number = example.number
        return None if number is None else 0, np.array(number or 0.0, np.float32)
    held = np.zeros(len(label_ids), np.float32)
    for label in example.labels or ():
        held[_label_id(example, label, label_ids)] = 1
    return None if example.labels is None else 0, held


_EXPECTED = {
    Targets.LABEL: ("label", "a label"),
    Targets.LABELS: ("labels", "any number of labels (--multi_label)"),
    Targets.NUMBER: ("number", "a number (--objective=regression)"),
}


def _refuse_other_targets(example: InputExample, targets: Targets) -> None:
    name, expected = _EXPECTED[targets]
    if example.is_labelled and getattr(example, name) is None:
        raise DataError(
            f"Example {example.guid}: expected {expected}, in `{name}`; got"
            f" {example.target!r:.60}."
        )


def _label_id(example: InputExample, label: str, label_ids: Mapping[str, int]) -> int:
    if label not in label_ids:
        raise DataError(
            f"Example {example.guid} has the label {label!r}; the labels of"
            f" this task are {', '.join(map(repr, label_ids))}."
        )
    return label_ids[label]
