"""Texts as an LSTM reads them, and the targets of a language model."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from processors.batches import features, predicted_tokens
from processors.batches.features import Features, TokenCounts, target_of
from processors.batches.long_texts import LongTexts
from processors.example import InputExample, Target
from processors.labels.targets import Targets
from processors.tokenization.base import Tokenizer
from runtime.errors import DataError

_log = logging.getLogger(__name__)

CLASSIFIER_FORMAT = "a [SEP] b"
"""How `classifier_features` makes one row of a text or two, as manifests name it."""

_CHUNK_OVERLAP = 1  # so that the first token of a piece is predicted, too


def token_ids(
    examples: Iterable[InputExample], *, tokenizer: Tokenizer, counts: TokenCounts
) -> Iterator[tuple[InputExample, list[int]]]:
    """Yields each example and its tokens' ids: a text, or two with `[SEP]` between."""
    special = tokenizer.special
    for example, first, second in features.encode(examples, tokenizer=tokenizer):
        between = [special.sep] if example.text_b is not None else []
        counts.add(first, second, added=len(between), unk=special.unk)
        yield example, [*first, *between, *second]


def language_model_features(
    examples: Iterable[InputExample],
    *,
    tokenizer: Tokenizer,
    max_seq_length: int,
    long_texts: LongTexts,
    counts: TokenCounts,
) -> Iterator[Features]:
    """Yields the sequences that a language model learns from.

    A text of one token predicts nothing and is left out. How many were, and how many
    were longer than the limit, is logged at the end.

    Args:
        examples: Texts; their labels are not looked at.
        tokenizer: Texts to ids.
        max_seq_length: Most tokens of a sequence.
        long_texts: What is read of a longer text.
        counts: Where to count tokens before any are cut off.

    Raises:
        DataError: Nothing is left.
    """
    texts = short = long = cut = yielded = 0
    for _, ids in token_ids(examples, tokenizer=tokenizer, counts=counts):
        texts += 1
        short += len(ids) < 2
        long += len(ids) > max_seq_length
        cut += max(len(ids) - max_seq_length, 0)
        for piece in _pieces(ids, size=max_seq_length, long_texts=long_texts):
            yielded += 1
            yield _features(piece, None, None)
    _report(
        texts,
        (short, "have fewer than two tokens and are left out"),
        (long, f"are longer than {max_seq_length} tokens: {_READ[long_texts]} is read"),
    )
    if long_texts is LongTexts.TRUNCATE and cut:
        _log.warning(
            "%d of %d tokens are cut off with it; --long_texts=chunk reads them all.",
            *(cut, sum(counts.lengths)),
        )
    if not yielded:
        raise DataError(
            f"The corpus is empty: none of its {texts} texts has two tokens or more."
        )


def language_model_format(long_texts: LongTexts) -> str:
    """How `language_model_features` makes rows of texts, as manifests name it."""
    return f"a [SEP] b, language model, --long_texts={long_texts.value}"


def classifier_features(
    examples: Iterable[InputExample],
    *,
    tokenizer: Tokenizer,
    labels: Sequence[str],
    max_seq_length: int,
    counts: TokenCounts,
    targets: Targets = Targets.LABEL,
) -> Iterator[Features]:
    """Yields what a classifier reads, and logs how many texts were empty or cut.

    Args:
        examples: Texts with their labels.
        tokenizer: Texts to ids.
        labels: The labels, in the order of their ids.
        max_seq_length: Most tokens of a text; of a longer one the start is read.
        counts: Where to count tokens before any are cut off.
        targets: What the examples are told apart by.

    Raises:
        DataError: An example has a label that is not in `labels`.
    """
    before = len(counts.lengths)
    yield from classifier_rows(
        examples,
        tokenizer=tokenizer,
        labels=labels,
        max_seq_length=max_seq_length,
        counts=counts,
        targets=targets,
    )
    lengths = counts.lengths[before:]
    long = sum(length > max_seq_length for length in lengths)
    _report(
        len(lengths),
        (lengths.count(0), "have no token and are read as [UNK]"),
        (long, f"are longer than {max_seq_length} tokens: their start is read"),
    )


def classifier_rows(
    examples: Iterable[InputExample],
    *,
    tokenizer: Tokenizer,
    labels: Sequence[str],
    max_seq_length: int,
    counts: TokenCounts,
    targets: Targets = Targets.LABEL,
) -> Iterator[Features]:
    """Yields what a classifier reads; an empty text is read as `[UNK]`.

    Args:
        examples: See `classifier_features`, also for the rest.
        tokenizer: See there.
        labels: See there.
        max_seq_length: See there.
        counts: See there.
        targets: See there.
    """
    label_ids = {label: place for place, label in enumerate(labels)}
    for example, ids in token_ids(examples, tokenizer=tokenizer, counts=counts):
        yield _features(
            ids[:max_seq_length] or [tokenizer.special.unk],
            *target_of(example, label_ids, targets=targets),
        )


def draw(available: int, *, count: int, seed: int) -> np.ndarray:
    """Draws examples; of one seed, a smaller draw is the start of a larger.

    Args:
        available: How many there are.
        count: How many are wanted, at most all.
        seed: Seed of the draw.

    Returns:
        Their places, int64 `[count]`.
    """
    return np.random.RandomState(seed).permutation(available)[:count]


def choose(targets: Sequence[Target], *, count: int | None, seed: int) -> list[int]:
    """Chooses the labelled examples to train on.

    Args:
        targets: What is to be learned of each training example.
        count: How many; None for all.
        seed: Seed of the draw; see `draw`.

    Returns:
        Places of the examples in the order of the draw.

    Raises:
        DataError: There are fewer, or all have the same to be learned.
    """
    available = len(targets)
    if count is not None and count > available:
        raise DataError(
            f"--train_examples={count} were asked for; the training split has "
            f"{available}. Ask for fewer, or for all by leaving the flag out."
        )
    order = list(range(available))
    if count is not None:
        order = draw(available, count=count, seed=seed).tolist()
    seen = {targets[place] for place in order} - {None}
    if len(seen) < 2:
        raise DataError(
            f"All {len(order)} training examples have the label "
            f"{', '.join(map(str, seen))}: there is nothing to tell apart. Draw more "
            "of them, or look at the label column."
        )
    return order


def add_targets(
    arrays: Mapping[str, np.ndarray], *, max_row_shapes: int
) -> dict[str, np.ndarray]:
    """Adds what a language model is to predict.

    Logits are made for these positions only. Their number varies from batch to batch
    and is rounded up, so that few shapes are compiled.

    Args:
        arrays: Batch arrays `[updates, accumulation, replicas, ...]`.
        max_row_shapes: About how many sizes there may be; see `Placement`.

    Returns:
        `input_ids` and `example_ids` as they are, and of `[..., targets]` for each
        replica: `target_positions` int32, a token that is followed by another of its
        text, counted along the rows laid end to end; `target_ids` int32, that other;
        `target_weight` float32, which sums to 1 over an update. Filler has 0.
    """
    ids, owners = arrays["input_ids"], arrays["example_ids"]
    is_source = np.zeros(owners.shape, bool)
    is_source[..., :-1] = (owners[..., :-1] == owners[..., 1:]) & (owners[..., 1:] > 0)
    followers = np.zeros_like(ids)
    followers[..., :-1] = ids[..., 1:]
    return {
        "input_ids": ids,
        "example_ids": owners,
        **predicted_tokens.gather(is_source, followers, max_row_shapes=max_row_shapes),
    }


_READ = {
    LongTexts.TRUNCATE: "their start",
    LongTexts.CHUNK: "all of them, in pieces,",
}


def _pieces(ids: list[int], *, size: int, long_texts: LongTexts) -> Iterator[list[int]]:
    stop = size if long_texts is LongTexts.TRUNCATE else len(ids)
    for start in range(0, min(stop, len(ids)) - 1, max(size - _CHUNK_OVERLAP, 1)):
        yield ids[start : start + size]


def _features(
    ids: Sequence[int], label_id: int | None, target: np.ndarray | None
) -> Features:
    input_ids = np.array(ids, np.int32)
    return Features(input_ids, np.zeros_like(input_ids), label_id, target)


def _report(texts: int, *findings: tuple[int, str]) -> None:
    for count, what in findings:
        if count:
            _log.warning("%d of %d texts %s.", count, texts, what)
