"""Sources as a model reads them, `[CLS] s [SEP]`, and targets as it learns them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from processors.batches.features import Features, TokenCounts, encode
from processors.example import InputExample
from processors.tokenization.base import Tokenizer


def features_format(max_target_length: int) -> str:
    """How `featurize` makes ids, as manifests name it.

    Args:
        max_target_length: See there.
    """
    return f"[CLS] source [SEP], target [SEP], --max_target_length={max_target_length}"


def featurize(
    examples: Iterable[InputExample],
    *,
    tokenizer: Tokenizer,
    max_source_length: int,
    max_target_length: int,
    counts: TokenCounts,
) -> Iterator[Features]:
    """Yields the ids of each source and its target, holding few at a time.

    Args:
        examples: Pairs; `text_b`, the target, is None where it is unknown.
        tokenizer: Texts to ids, of both.
        max_source_length: Most tokens of a source, [CLS] and [SEP] included.
        max_target_length: Most tokens of a target with [SEP], which one that is cut has
            at its end, too: a model that never sees an end does not end.
        counts: Where to count tokens of sources before any are cut off.
    """
    special = tokenizer.special
    for example, source, target in encode(examples, tokenizer=tokenizer):
        counts.add(source, [], added=2, unk=special.unk)
        ids = [special.cls, *source[: max_source_length - 2], special.sep]
        learned = [] if example.text_b is None else [special.sep]
        learned = [*target[: max_target_length - 1], *learned]
        yield Features(
            np.array(ids, np.int32),
            np.zeros(len(ids), np.int32),
            label_id=None,
            target_ids=np.array(learned, np.int32),
        )
