import itertools

import keras
import numpy as np
import pytest

from runtime.engine.engine import dropout_seeds
from runtime.kernels import dropout
from runtime.kernels.dropout import Dropout

SEED = np.array([3, 5], np.int32)
ONES = np.ones((64, 64), np.float32)


def drop(layer, *, seed=SEED, training=True, values=ONES):
    with dropout.stream(seed):
        return keras.ops.convert_to_numpy(layer(values, training=training))


def drop_in_turn(layers, *, seed=SEED):
    with dropout.stream(seed):
        outputs = [layer(ONES, training=True) for layer in layers]
    return [keras.ops.convert_to_numpy(output) for output in outputs]


def assert_all_differ(masks):
    for one, other in itertools.combinations(masks, 2):
        share = np.mean((one > 0) != (other > 0))
        assert 0.05 < share < 0.6  # equal masks would give 0, independent 2 p (1 - p)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_share_and_scale(rate):
    values = np.full((300, 300), 2.0, np.float32)
    out = drop(Dropout(rate), values=values)
    kept = out != 0
    assert kept.mean() == pytest.approx(1 - rate, abs=0.006)
    np.testing.assert_allclose(out[kept], 2 / (1 - rate), rtol=1e-4)
    assert kept.mean(axis=0).std() < 0.05  # no row or column is favoured
    assert kept.mean(axis=1).std() < 0.05


def test_same_seed_same_mask_whichever_layer_draws():
    first, second = Dropout(0.3), Dropout(0.3)
    np.testing.assert_array_equal(drop(first), drop(second))
    np.testing.assert_array_equal(drop(first), drop(first))


def test_each_layer_of_a_stream_draws_its_own_mask():
    layers = [Dropout(0.3) for _ in range(6)]
    masks = drop_in_turn(layers)
    assert_all_differ(masks)
    again = drop_in_turn(layers)
    np.testing.assert_array_equal(masks, again)


def test_each_slice_replica_and_step_draws_its_own_mask():
    seeds = dropout_seeds(7, first_step=3, shape=(2, 2, 3)).reshape(-1, 2)
    assert_all_differ([drop(Dropout(0.3), seed=seed) for seed in seeds])


def test_seeds_are_a_function_of_seed_step_slice_and_replica():
    whole = dropout_seeds(7, first_step=0, shape=(6, 2, 3))
    later = dropout_seeds(7, first_step=4, shape=(2, 2, 3))
    assert whole.dtype == np.int32
    np.testing.assert_array_equal(whole[4:], later)
    fewer = dropout_seeds(7, first_step=0, shape=(6, 2, 2))
    np.testing.assert_array_equal(whole[:, :, :2], fewer)
    everything = [
        dropout_seeds(seed, first_step=0, shape=(20, 4, 8)).reshape(-1, 2)
        for seed in range(5)
    ]
    pairs = {tuple(pair) for pair in np.concatenate(everything).tolist()}
    assert len(pairs) == 5 * 20 * 4 * 8


@pytest.mark.parametrize(("rate", "training"), [(0.0, True), (0.5, False)])
def test_nothing_is_dropped(rate, training):
    np.testing.assert_array_equal(drop(Dropout(rate), training=training), ONES)


def test_nothing_that_is_idle_moves_the_stream():
    idle, busy = Dropout(0.0), Dropout(0.5)
    np.testing.assert_array_equal(drop_in_turn([idle, busy])[1], drop(busy))


def test_outside_a_stream_the_layers_own_seed_draws():
    drawn = []
    for layer in (Dropout(0.4, seed=11), Dropout(0.4, seed=11), Dropout(0.4, seed=12)):
        outputs = [layer(ONES, training=True) for _ in range(2)]
        drawn.append([keras.ops.convert_to_numpy(output) for output in outputs])
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert_all_differ([*drawn[0], *drawn[2]])
    assert np.mean(drawn[0][0] != 0) == pytest.approx(0.6, abs=0.03)


@pytest.mark.parametrize("shape", [(1,), (3, 5, 7), (0, 4)])
def test_any_shape(shape):
    out = drop(Dropout(0.5), values=np.ones(shape, np.float32))
    assert out.shape == shape
    assert set(out.ravel().tolist()) <= {0.0, 2.0}


def test_bfloat16_stays_bfloat16():
    layer = Dropout(0.5, dtype="mixed_bfloat16")
    with dropout.stream(SEED):
        out = layer(keras.ops.ones((8, 8), "bfloat16"), training=True)
    assert keras.backend.standardize_dtype(out.dtype) == "bfloat16"


def test_a_stream_ends_with_its_block_even_after_an_error():
    layer = Dropout(0.4)
    with pytest.raises(RuntimeError, match="stop"), dropout.stream(SEED):
        raise RuntimeError("stop")
    unlike = [keras.ops.convert_to_numpy(layer(ONES, training=True)) for _ in "ab"]
    assert_all_differ(unlike)


def test_inner_stream_gives_way_to_the_outer():
    first, second = Dropout(0.3), Dropout(0.3)
    plain = drop_in_turn([first, second])
    with dropout.stream(SEED):
        before = keras.ops.convert_to_numpy(first(ONES, training=True))
        drop(second, seed=np.array([8, 9], np.int32))
        after = keras.ops.convert_to_numpy(second(ONES, training=True))
    np.testing.assert_array_equal(plain, [before, after])
