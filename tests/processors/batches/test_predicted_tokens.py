"""Inputs with the texts that they teach, from a data set to what a decoder reads."""

import numpy as np
import pytest

from processors.batches import predicted_tokens
from processors.batches.batch_shape import BatchShape, PadTo
from processors.batches.batches import FILLER, EvalBatches, TrainBatches, stack
from processors.batches.features import Features
from processors.batches.token_dataset import TokenDataset
from runtime.errors import DataError

CLS, SEP = 2, 3
MAX_SOURCE, MAX_TARGET = 24, 10
EVERY_WAY = pytest.mark.parametrize("pad_to", PadTo)


def make_dataset(examples, *, seed=0, without=()):
    """Texts of any length; those numbered in `without` teach none."""
    random = np.random.default_rng(seed)
    rows = []
    for number in range(examples):
        source = random.integers(10, 99, int(random.integers(1, MAX_SOURCE - 1)))
        ids = np.array([CLS, *source, SEP], np.int32)
        target = random.integers(10, 99, int(random.integers(0, MAX_TARGET)))
        target_ids = np.array([*target, SEP][: 0 if number in without else None])
        rows.append(
            Features(ids, np.zeros_like(ids), None, None, target_ids.astype(np.int32))
        )
    return TokenDataset.from_features(rows)


def make_shape(**settings):
    defaults = {
        "per_replica_batch": 4,
        "max_seq_length": MAX_SOURCE,
        "max_target_length": MAX_TARGET,
        "pad_to": PadTo.PACK,
    }
    return BatchShape(**(defaults | settings))


def decoder(batches, *, max_row_shapes=100):
    return predicted_tokens.of_decoder(
        stack(batches), start_id=CLS, max_row_shapes=max_row_shapes
    )


def taught(arrays, where):
    """(row, place in it) of each example -> source ids, read ids, ids to predict."""
    block = {name: array[where] for name, array in arrays.items()}
    predicted = np.zeros_like(block["decoder_input_ids"])
    real = block["target_weight"] > 0
    predicted.ravel()[block["target_positions"][real]] = block["target_ids"][real]
    found = {}
    for row, column in np.argwhere(block["position_ids"] == 0):
        place = block["example_ids"][row, column]
        if place:
            mine = block["example_ids"][row] == place
            theirs = block["decoder_example_ids"][row] == place
            positions = block["decoder_position_ids"][row, theirs].tolist()
            assert positions == list(range(theirs.sum()))
            found[row, place] = (
                block["input_ids"][row, mine].tolist(),
                block["decoder_input_ids"][row, theirs].tolist(),
                predicted[row, theirs].tolist(),
            )
    return found


@EVERY_WAY
def test_a_decoder_reads_each_text_from_its_start_and_predicts_it(pad_to):
    dataset = make_dataset(30, without=(4, 17))
    shape = make_shape(pad_to=pad_to, accumulation=2, replicas=2)
    several = [TrainBatches(dataset, shape=shape, seed=1).batch(s) for s in range(3)]
    arrays = decoder(several)
    for update, batch in enumerate(several):
        for part, replica in np.ndindex(2, 2):
            found = list(taught(arrays, (update, part, replica)).values())
            index = batch.example_index[part, replica]
            expected = []
            for example in map(dataset.example, index):
                target = example.target_ids.tolist()
                read = [CLS, *target[:-1]] if target else []
                expected.append((example.input_ids.tolist(), read, target))
            assert sorted(found) == sorted(expected)


@EVERY_WAY
def test_weights_are_shares_of_all_tokens_of_an_update(pad_to):
    dataset = make_dataset(30)
    shape = make_shape(pad_to=pad_to, accumulation=2, replicas=2)
    batch = TrainBatches(dataset, shape=shape, seed=1).batch(0)
    weights = decoder([batch])["target_weight"]
    tokens = dataset.target_ids.lengths[batch.example_index].sum()
    assert set(weights.ravel()) == {0, np.float32(1 / tokens)}
    assert weights.sum() == pytest.approx(1)


def test_every_way_sees_the_same_examples():
    dataset = make_dataset(30)
    batches = [
        TrainBatches(dataset, shape=make_shape(pad_to=pad_to), seed=3).batch(2)
        for pad_to in PadTo
    ]
    for batch in batches[1:]:
        np.testing.assert_array_equal(batch.example_index, batches[0].example_index)
        assert batch.real_tokens == batches[0].real_tokens


def test_packing_saves_rows_and_keeps_both_sides_within_theirs():
    dataset = make_dataset(200)
    batch = TrainBatches(dataset, shape=make_shape(per_replica_batch=40), seed=0).batch(
        0
    )
    rows = batch.arrays["input_ids"].shape[-2]
    assert rows < 40
    assert batch.arrays["decoder_target_ids"].shape[-2:] == (rows, MAX_TARGET)


def test_the_last_batch_of_an_evaluation_is_filled_up():
    dataset = make_dataset(5)
    *_, last = EvalBatches(dataset, shape=make_shape())
    assert (last.example_index == FILLER).sum() == 3
    weights = decoder([last])["target_weight"]
    assert (weights > 0).sum() == dataset.target_ids.lengths[4]


def test_texts_may_all_be_unknown():
    rows = [Features(np.array([CLS, 9, SEP], np.int32), np.zeros(3, np.int32), None)]
    [batch] = EvalBatches(TokenDataset.from_features(rows), shape=make_shape())
    arrays = decoder([batch])
    assert not arrays["decoder_example_ids"].any()
    assert not arrays["target_weight"].any()


def test_a_longer_text_than_a_row_holds_is_refused():
    dataset = make_dataset(30)
    with pytest.raises(DataError, match="max_target_length is 4: raise it"):
        EvalBatches(dataset, shape=make_shape(max_target_length=4))


def test_few_sizes_are_compiled():
    dataset = make_dataset(400)
    shape = make_shape(per_replica_batch=40, pad_to=PadTo.MAX)
    order = TrainBatches(dataset, shape=shape, seed=0)
    sizes = {
        decoder([order.batch(step)], max_row_shapes=4)["target_ids"].shape[-1]
        for step in range(8)
    }
    assert len(sizes) <= 2
