import itertools
import types

import numpy as np
import pytest

from processors.batches import features
from processors.batches.long_texts import LongTexts
from processors.example import InputExample
from processors.labels.targets import Targets
from runtime.errors import DataError, SettingsError

UNK, CLS, SEP = 1, 2, 3


class Letters:
    """A tokenizer of one id a letter; it does not know ?, and a space is no token."""

    special = types.SimpleNamespace(unk=UNK, cls=CLS, sep=SEP)

    def __init__(self):
        self.calls = []

    def encode_batch(self, texts):
        self.calls.append(len(texts))
        return [
            [self._id(letter) for letter in text if letter != " "] for text in texts
        ]

    def encode_stream(self, lists):
        return map(self.encode_batch, lists)

    def _id(self, letter):
        return UNK if letter == "?" else ord(letter)


def featurize(*examples, max_seq_length=8, labels=("neg", "pos"), **others):
    return list(
        features.featurize(
            examples,
            tokenizer=Letters(),
            labels=labels,
            max_seq_length=max_seq_length,
            **others,
        )
    )


def test_single_text():
    [row] = featurize(InputExample("1", "ab", label="pos"))
    assert row.input_ids.tolist() == [CLS, ord("a"), ord("b"), SEP]
    assert row.segment_ids.tolist() == [0, 0, 0, 0]
    assert row.input_ids.dtype == row.segment_ids.dtype == np.int32
    assert row.label_id == 1


def test_pair():
    [row] = featurize(InputExample("1", "ab", "c", label="neg"))
    assert row.input_ids.tolist() == [CLS, ord("a"), ord("b"), SEP, ord("c"), SEP]
    assert row.segment_ids.tolist() == [0, 0, 0, 0, 1, 1]


def test_unlabelled_stays_unlabelled():
    [row] = featurize(InputExample("1", "ab"))
    assert row.label_id is None


def test_single_text_keeps_its_head():
    [row] = featurize(InputExample("1", "abcdefghij"))
    assert row.input_ids.tolist() == [CLS, *map(ord, "abcdef"), SEP]


def test_long_pair_fills_the_length():
    [row] = featurize(InputExample("1", "aaaaaaaaa", "bbbbbbbbb"))
    assert row.input_ids.tolist() == [CLS, *map(ord, "aaa"), SEP, *map(ord, "bb"), SEP]


def test_head_and_tail_of_a_long_text():
    [row] = featurize(InputExample("1", "abcdefghij"), long_texts=LongTexts.HEAD_TAIL)
    assert row.input_ids.tolist() == [CLS, *map(ord, "abghij"), SEP]


def test_head_and_tail_of_each_text_of_a_long_pair():
    pair = InputExample("1", "abcdefghi", "nopqrs")
    whole, long = (
        featurize(pair, max_seq_length=size, long_texts=LongTexts.HEAD_TAIL)[0]
        for size in (18, 15)
    )
    parts = [map(ord, "abcdefghi"), map(ord, "nopqrs")]
    assert whole.input_ids.tolist() == [CLS, *parts[0], SEP, *parts[1], SEP]
    parts = [map(ord, "abfghi"), map(ord, "nopqrs")]
    assert long.input_ids.tolist() == [CLS, *parts[0], SEP, *parts[1], SEP]
    assert long.segment_ids.tolist() == [0] * 8 + [1] * 7


def test_a_text_that_is_to_be_read_in_windows_stays_whole():
    counts = features.TokenCounts()
    [row] = featurize(
        InputExample("1", "abcdefghij"), long_texts=LongTexts.CHUNK, counts=counts
    )
    assert row.input_ids.tolist() == [CLS, *map(ord, "abcdefghij"), SEP]
    assert counts.lengths == [12]


def test_there_are_no_windows_of_a_pair():
    pair = InputExample("dev-7", "a", "b")
    with pytest.raises(DataError, match="Example dev-7 is a pair, and --long_texts"):
        featurize(pair, long_texts=LongTexts.CHUNK)


@pytest.mark.parametrize("long_texts", LongTexts)
def test_what_fits_is_read_whole_whatever_becomes_of_the_rest(long_texts):
    [row] = featurize(InputExample("1", "abcdef"), long_texts=long_texts)
    assert row.input_ids.tolist() == [CLS, *map(ord, "abcdef"), SEP]


def test_a_pair_without_room_for_the_second_text_keeps_its_separator():
    [row] = featurize(InputExample("1", "ab", "c"), max_seq_length=4)
    assert row.input_ids.tolist() == [CLS, ord("a"), SEP, SEP]
    assert row.segment_ids.tolist() == [0, 0, 0, 1]


@pytest.mark.parametrize("second", [None, "", "  "])
def test_second_text_without_tokens_is_no_pair(second):
    [row] = featurize(InputExample("1", "abcdefghij", second))
    assert row.input_ids.tolist() == [CLS, *map(ord, "abcdef"), SEP]
    assert not row.segment_ids.any()


def test_text_without_tokens_is_still_an_example():
    [row] = featurize(InputExample("1", " "))
    assert row.input_ids.tolist() == [CLS, SEP]


def test_unknown_label_is_named():
    with pytest.raises(DataError, match=r"dev-7 .*'meh'.*'neg', 'pos'"):
        featurize(InputExample("dev-7", "a", label="meh"))


def test_length_without_room_is_refused():
    with pytest.raises(SettingsError, match="max_seq_length: expected at least 3"):
        featurize(InputExample("1", "a"), max_seq_length=2)


def test_examples_stream_in_order_through_few_calls():
    taken = 0

    def endless():
        nonlocal taken
        for taken in itertools.count(1):
            yield InputExample(str(taken), "a" * (taken % 5))

    tokenizer = Letters()
    rows = features.featurize(
        endless(), tokenizer=tokenizer, labels=(), max_seq_length=8
    )
    lengths = [len(row.input_ids) for row in itertools.islice(rows, 2500)]
    assert lengths == [number % 5 + 2 for number in range(1, 2501)]
    assert taken < 4000
    assert len(tokenizer.calls) < 10


def test_tokens_are_counted_before_they_are_cut():
    counts = features.TokenCounts()
    rows = features.featurize(
        [
            InputExample("1", "a?" * 10),
            InputExample("2", "abc", "d?"),
            InputExample("3", "ab", " "),
            InputExample("4", ""),
        ],
        tokenizer=Letters(),
        labels=[],
        max_seq_length=8,
        counts=counts,
    )
    assert [len(row.input_ids) for row in rows] == [8, 8, 4, 2]
    assert counts == features.TokenCounts([22, 8, 4, 2], text_tokens=27, unknown=11)


# Several labels, and numbers ---------------------------------------------------------


def targets_of(*examples, targets, labels=("a", "b", "c")):
    rows = featurize(*examples, labels=labels, targets=targets)
    return [(row.label_id, row.target) for row in rows]


def test_an_example_may_have_none_of_several_labels():
    examples = [
        InputExample("1", "x", labels=("c", "a")),
        InputExample("2", "x", labels=()),
        InputExample("3", "x"),
    ]
    found = targets_of(*examples, targets=Targets.LABELS)
    assert [label_id for label_id, _ in found] == [0, 0, None]
    assert [row.tolist() for _, row in found] == [[1, 0, 1], [0, 0, 0], [0, 0, 0]]
    assert {row.dtype for _, row in found} == {np.dtype(np.float32)}


def test_an_unknown_label_among_several():
    with pytest.raises(DataError, match="Example 1 has the label 'd'"):
        targets_of(InputExample("1", "x", labels=("a", "d")), targets=Targets.LABELS)


def test_a_number_is_the_target():
    examples = [InputExample("1", "x", number=2.5), InputExample("2", "x")]
    found = targets_of(*examples, targets=Targets.NUMBER, labels=("score",))
    assert [(label_id, row.tolist()) for label_id, row in found] == [
        (0, 2.5),
        (None, 0),
    ]
