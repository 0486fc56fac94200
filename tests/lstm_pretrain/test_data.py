import logging

import numpy as np
import pytest

from lstm_pretrain import data
from lstm_pretrain.settings import LongTexts
from processors.batches.batches import BatchShape, PadTo, TrainBatches
from processors.batches.features import Features, TokenCounts
from processors.batches.token_dataset import TokenDataset
from processors.example import InputExample
from processors.tokenization.units import (
    Units,
    UnitTokenizer,
    find_words,
    make_vocabulary,
)
from runtime.errors import DataError
from tests import rounding

TEXTS = ["a b c", "", "a", "a b c d e f g"]


@pytest.fixture(scope="module")
def tokenizer():
    words = find_words(Units.WHITESPACE, do_lower_case=False)
    counts = words.count(["a b c d e f g"])
    return UnitTokenizer(
        make_vocabulary(counts, size=100), units=Units.WHITESPACE, do_lower_case=False
    )


def examples(texts, *, label=None):
    return [
        InputExample(guid=str(n), text_a=t, label=label) for n, t in enumerate(texts)
    ]


def sequences(tokenizer, texts, *, long_texts=LongTexts.TRUNCATE, size=4):
    return [
        " ".join(tokenizer.convert_ids_to_tokens(features.input_ids))
        for features in data.language_model_features(
            examples(texts),
            tokenizer=tokenizer,
            max_seq_length=size,
            long_texts=long_texts,
            counts=TokenCounts(),
        )
    ]


def test_a_long_text_is_cut_and_counted(tokenizer, caplog):
    assert sequences(tokenizer, TEXTS) == ["a b c", "a b c d"]
    assert "2 of 4 texts have fewer than two tokens and are left out." in caplog.text
    assert "1 of 4 texts are longer than 4 tokens: their start is read." in caplog.text
    assert "3 of 11 tokens are cut off with it; --long_texts=chunk" in caplog.text


def test_a_long_text_in_pieces_predicts_each_token_once(tokenizer, caplog):
    found = sequences(tokenizer, TEXTS, long_texts=LongTexts.CHUNK)
    assert found == ["a b c", "a b c d", "d e f g"]
    found = sequences(tokenizer, ["a b c d e"], long_texts=LongTexts.CHUNK)
    assert found == ["a b c d", "d e"]
    assert "all of them, in pieces, is read" in caplog.text
    assert "cut off" not in caplog.text


def test_nothing_is_said_of_texts_that_fit(tokenizer, caplog):
    caplog.set_level(logging.INFO)
    sequences(tokenizer, ["a b", "c d"])
    assert caplog.text == ""


@pytest.mark.parametrize("texts", [[], [""], ["a", "b"]])
def test_an_empty_corpus_is_an_error(tokenizer, texts):
    with pytest.raises(DataError, match="The corpus is empty"):
        sequences(tokenizer, texts)


def classified(tokenizer, rows):
    return list(
        data.classifier_features(
            rows,
            tokenizer=tokenizer,
            labels=["x", "y"],
            max_seq_length=3,
            counts=TokenCounts(),
        )
    )


def test_an_empty_text_is_read_as_unknown_and_counted(tokenizer, caplog):
    found = classified(tokenizer, examples(TEXTS, label="y"))
    assert [len(features.input_ids) for features in found] == [3, 1, 1, 3]
    assert found[1].input_ids.tolist() == [tokenizer.special.unk]
    assert [features.label_id for features in found] == [1] * 4
    assert "1 of 4 texts have no token and are read as [UNK]." in caplog.text
    assert "1 of 4 texts are longer than 3 tokens" in caplog.text


def test_two_texts_have_a_mark_between_them(tokenizer):
    [features] = classified(tokenizer, [InputExample(guid="0", text_a="a", text_b="b")])
    assert tokenizer.convert_ids_to_tokens(features.input_ids) == ["a", "[SEP]", "b"]


def test_an_unknown_label_is_an_error(tokenizer):
    with pytest.raises(DataError, match="label 'z'; the labels of this task are 'x'"):
        classified(tokenizer, examples(["a"], label="z"))


@pytest.mark.parametrize("pad_to", PadTo)
def test_targets_are_each_token_after_the_first(arrays_of, texts, pad_to):
    found = data.add_targets(arrays_of(pad_to), max_row_shapes=32)
    places, ids, weights = (
        found[name][0, 0, 0]
        for name in ("target_positions", "target_ids", "target_weight")
    )
    real = weights > 0
    assert weights.sum() == pytest.approx(1)
    assert real.sum() == texts.lengths.sum() - len(texts)
    inputs = found["input_ids"][0, 0, 0].ravel()
    pairs = sorted(zip(inputs[places[real]], ids[real], strict=True))
    expected = sorted(
        pair
        for n in range(len(texts))
        for pair in zip(
            texts.example(n).input_ids, texts.example(n).input_ids[1:], strict=False
        )
    )
    assert pairs == expected


def test_the_number_of_targets_takes_few_values(arrays_of):
    arrays = arrays_of(PadTo.MAX)
    size = 12 * 16
    for max_row_shapes in (1, 4, 32):
        found = data.add_targets(arrays, max_row_shapes=max_row_shapes)
        targets = found["target_ids"].shape[-1]
        assert targets % -(-size // max_row_shapes) == 0
        assert (found["target_weight"] > 0).sum() <= targets <= size


def test_weights_add_up_over_slices_and_replicas(arrays_of):
    arrays = {
        name: value.reshape(2, 3, 1, 2, *value.shape[4:])
        for name, value in arrays_of(PadTo.MAX).items()
        if name in {"input_ids", "example_ids"}
    }
    found = data.add_targets(arrays, max_row_shapes=32)
    weights = found["target_weight"]
    sums = weights.sum(axis=(1, 2, 3))
    rounding.assert_near(sums, 1, operations=weights[0].size)


def test_grouped_batches_hold_every_text_once_an_epoch(texts):
    shape = BatchShape(per_replica_batch=4, max_seq_length=16, pad_to=PadTo.MAX)
    batches = data.GroupedBatches(texts, shape=shape, seed=5)
    for epoch in range(3):
        steps = range(3 * epoch, 3 * epoch + 3)
        index = [batches.batch(step).example_index.ravel() for step in steps]
        assert sorted(np.concatenate(index)) == list(range(12))
        spans = [np.ptp(texts.lengths[each]) for each in index]
        assert sum(spans) <= np.ptp(texts.lengths)
    again = data.GroupedBatches(texts, shape=shape, seed=5)
    np.testing.assert_array_equal(
        again.batch(7).example_index, batches.batch(7).example_index
    )


def real_share(batches, dataset, *, epoch, size):
    """Share of real tokens in the rows of the batches that begin in an epoch."""
    count = len(dataset)
    steps = range(-(-epoch * count // size), -(-(epoch + 1) * count // size))
    found = [batches.batch(step) for step in steps]
    slots = sum(batch.arrays["input_ids"].size for batch in found)
    return sum(batch.real_tokens for batch in found) / slots


@pytest.mark.parametrize("count", [1000, 1003, 1031])
def test_every_epoch_of_grouped_batches_is_as_full_as_the_first(count):
    random = np.random.default_rng(1)
    lengths = np.minimum(random.geometric(0.03, count) + 1, 128)
    texts = TokenDataset.from_features(
        [Features(np.ones(n, np.int32), np.zeros(n, np.int32), None) for n in lengths]
    )
    shape = BatchShape(
        per_replica_batch=32,
        max_seq_length=128,
        pad_to=PadTo.BUCKET,
        buckets=data.buckets(128),
    )
    grouped = data.GroupedBatches(texts, shape=shape, seed=0)
    plain = TrainBatches(texts, shape=shape, seed=0)
    shares = [real_share(grouped, texts, epoch=e, size=32) for e in range(6)]
    assert min(shares) > 0.8
    assert max(shares) - min(shares) < 0.03
    assert real_share(plain, texts, epoch=0, size=32) < 0.4


@pytest.mark.parametrize(
    ("count", "size"), [(13, 4), (12, 5), (7, 4), (3, 4), (2, 5), (5, 5)]
)
def test_grouped_epochs_hold_every_text_once_wherever_they_start(count, size, texts):
    few = texts.take(np.arange(count) % len(texts))
    shape = BatchShape(per_replica_batch=size, max_seq_length=16, pad_to=PadTo.MAX)
    batches = data.GroupedBatches(few, shape=shape, seed=2)
    stream = [batches.batch(step).example_index.ravel() for step in range(3 * count)]
    epochs = np.concatenate(stream).reshape(-1, count)
    for epoch in epochs:
        assert sorted(epoch) == list(range(count))
    again = data.GroupedBatches(few, shape=shape, seed=2)
    np.testing.assert_array_equal(again.batch(5).example_index.ravel(), stream[5])
    other = data.GroupedBatches(few, shape=shape, seed=3)
    assert any((other.batch(n).example_index != stream[n]).any() for n in range(6))


def test_the_pools_of_grouped_batches_are_shuffled(texts):
    many = texts.take(np.arange(600) % len(texts))
    shape = BatchShape(per_replica_batch=2, max_seq_length=16, pad_to=PadTo.MAX)
    batches = data.GroupedBatches(many, shape=shape, seed=2)
    longest = [
        many.lengths[batches.batch(step).example_index.ravel()].max()
        for step in range(300)
    ]
    assert longest[:64] != sorted(longest[:64])
    pool = [batches.batch(step).example_index.ravel() for step in range(64)]
    assert np.unique(np.concatenate(pool)).size == 128
    assert np.ptp(np.concatenate(pool)) > 500


def test_a_smaller_draw_is_the_start_of_a_larger():
    small, large = (data.draw(9, count=count, seed=4) for count in (3, 9))
    assert large[:3].tolist() == small.tolist()
    assert sorted(large) == list(range(9))
    assert data.draw(9, count=9, seed=5).tolist() != large.tolist()


def test_buckets_end_with_the_limit():
    for limit in (1, 7, 8, 100, 128, 160, 600):
        lengths = data.buckets(limit)
        assert lengths[-1] == limit
        assert list(lengths) == sorted(set(lengths))
