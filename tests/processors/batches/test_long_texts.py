import itertools

import pytest

from processors.batches import long_texts
from processors.batches.long_texts import LongTexts


def original_truncate(first, second, max_tokens):
    """google-research/bert, run_classifier.py, _truncate_seq_pair."""
    while len(first) + len(second) > max_tokens:
        if len(first) > len(second):
            first.pop()
        else:
            second.pop()


def test_pair_is_cut_as_the_original_cuts():
    for first, second, room in itertools.product(range(12), range(12), range(15)):
        ours = long_texts.truncate_pair(
            list(range(first)), list(range(second)), max_tokens=room
        )
        theirs = list(range(first)), list(range(second))
        original_truncate(*theirs, room)
        assert ours == theirs


def test_head_and_tail_are_those_of_the_paper():
    """Of 512 tokens with [CLS] and [SEP] the first 128 and the last 382."""
    found = long_texts.head_tail(list(range(1000)), size=510)
    assert found == [*range(128), *range(1000 - 382, 1000)]


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (1, [0]),
        (2, [0, 9]),
        (5, [0, 1, 7, 8, 9]),
        (9, [0, 1, 2, 4, 5, 6, 7, 8, 9]),
        (10, list(range(10))),
    ],
)
def test_head_and_tail(size, expected):
    assert long_texts.head_tail(list(range(10)), size=size) == expected


def test_each_text_of_a_pair_keeps_as_much_as_truncation_leaves():
    for first, second, room in itertools.product(range(12), range(12), range(15)):
        texts = list(range(first)), list(range(second))
        ours, theirs = (
            long_texts.shorten(*texts, max_tokens=room, long_texts=way)
            for way in (LongTexts.HEAD_TAIL, LongTexts.TRUNCATE)
        )
        assert list(map(len, ours)) == list(map(len, theirs))
