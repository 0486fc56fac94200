import logging

import pytest

from lstm_pretrain import data
from processors.batches.batch_shape import PadTo
from processors.batches.features import TokenCounts
from processors.batches.long_texts import LongTexts
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


def test_a_smaller_draw_is_the_start_of_a_larger():
    small, large = (data.draw(9, count=count, seed=4) for count in (3, 9))
    assert large[:3].tolist() == small.tolist()
    assert sorted(large) == list(range(9))
    assert data.draw(9, count=9, seed=5).tolist() != large.tolist()
