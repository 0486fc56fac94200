"""What is read of a text that is longer than a row."""

from __future__ import annotations

import enum


class LongTexts(enum.Enum):
    """What a model reads of a text longer than `max_seq_length`."""

    TRUNCATE = "truncate"  # its start
    HEAD_TAIL = "head_tail"  # its start and its end
    CHUNK = "chunk"  # all of it, in several rows


def shorten(
    first: list[int], second: list[int], *, max_tokens: int, long_texts: LongTexts
) -> tuple[list[int], list[int]]:
    """Returns what is kept of one text or two.

    Of two texts each keeps as many tokens as truncation leaves it, whichever they are.

    Args:
        first: Ids of a text.
        second: Ids of the second; none where there is none.
        max_tokens: Most tokens of both together.
        long_texts: What is read of a longer text. With `CHUNK` nothing is left out;
            batches cut such a text.
    """
    if long_texts is LongTexts.CHUNK:
        return first, second
    heads = truncate_pair(first, second, max_tokens=max_tokens)
    if long_texts is LongTexts.TRUNCATE:
        return heads
    return (
        head_tail(first, size=len(heads[0])),
        head_tail(second, size=len(heads[1])),
    )


def head_tail(ids: list[int], *, size: int) -> list[int]:
    """Returns the first quarter of `size` tokens from a text's start, the rest its end.

    Source: Sun et al., How to Fine-Tune BERT for Text Classification?, 2019, section
        5.3.1: of 510 tokens the first 128 and the last 382.
    """
    if len(ids) <= size:
        return ids
    head = -(-size // 4)
    return ids[:head] + ids[len(ids) - (size - head) :]


def truncate_pair(
    first: list[int], second: list[int], *, max_tokens: int
) -> tuple[list[int], list[int]]:
    """Returns the heads of two texts that fit `max_tokens` together.

    Source: google-research/bert, _truncate_seq_pair: while both are too long together,
    the end of the longer goes, and of the second when they are equally long. Here its
    outcome is counted, so that a book takes no longer than a sentence.
    """
    keep_second = min(len(second), max(max_tokens - len(first), max_tokens // 2))
    return first[: max_tokens - keep_second], second[:keep_second]
