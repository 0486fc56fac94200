"""What is JAX's own; test_engine_contract.py holds for every engine."""

import dataclasses
import logging
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import ops

from runtime.engine import engine
from runtime.engine.optimizer_settings import OptimizerSettings
from runtime.errors import TrainingError
from runtime.files.tf_checkpoint import TensorBundle
from tests import rounding
from tests.runtime.engine import engine_runs

ROOT = os.path.join(os.path.dirname(__file__), "../../..")


def load(*path):
    with np.load(os.path.join(*path)) as file:
        return dict(file)


# google-research/bert ----------------------------------------------------------------


@pytest.mark.slow
def test_the_originals_run_comes_out_on_eight_replicas(golden, golden_dir, place_on):
    run = engine_runs.golden(place_on(8), parts=2)
    np.testing.assert_allclose(run.train(), golden["loss_trace_clf"], rtol=1e-5)
    expected = TensorBundle(os.path.join(golden_dir, "model.ckpt-20"))
    for name, value in run.engine.state().weights.items():
        np.testing.assert_allclose(value, expected.read(name), atol=1e-5, err_msg=name)


# The TensorFlow engine ---------------------------------------------------------------


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """Folders of the same runs on JAX and on TensorFlow, and of crossed-over ones."""
    top = str(tmp_path_factory.mktemp("runs"))
    folders = {
        name: os.path.join(top, name)
        for name in ("jax", "tensorflow", "jax_then_tensorflow", "tensorflow_then_jax")
    }
    runs = engine_runs.make_all()
    engine_runs.write(runs, folders["jax"])
    arguments = [folders[name] for name in ("tensorflow", "jax_then_tensorflow", "jax")]
    subprocess.run(
        [sys.executable, "-m", "tests.runtime.engine.engine_runs", *arguments],
        cwd=ROOT,
        env={**os.environ, "KERAS_BACKEND": "tensorflow"},
        check=True,
    )
    engine_runs.resume(
        runs,
        folders["tensorflow_then_jax"],
        checkpoint_folder=folders["tensorflow"],
    )
    return folders


def tolerances(name):
    if name == "bfloat16":
        return {"rtol": 2e-2}, {"atol": 5e-3}
    return {"rtol": 1e-5}, {"atol": 1e-4}


@pytest.mark.slow
@pytest.mark.parametrize("name", engine_runs.RUNS)
@pytest.mark.parametrize(
    "other", ["tensorflow", "jax_then_tensorflow", "tensorflow_then_jax"]
)
def test_both_engines_and_a_change_of_engine_give_one_run(both, name, other):
    for_losses, for_weights = tolerances(name)
    expected = load(both["jax"], f"{name}.npz")
    found = load(both[other], f"{name}.npz")
    losses = expected.pop("losses")
    assert losses[-1] != losses[0]
    crossed = found.pop("losses")
    np.testing.assert_allclose(crossed, losses[-len(crossed) :], **for_losses)
    assert found.keys() == expected.keys()
    for weight, value in expected.items():
        np.testing.assert_allclose(
            found[weight], value, rtol=0, err_msg=weight, **for_weights
        )


# Models ------------------------------------------------------------------------------


def test_a_recurrent_model_on_eight_replicas(place_on):
    alone, together = (engine_runs.recurrent(place_on(count)) for count in (1, 8))
    np.testing.assert_allclose(together.train(), alone.train(), rtol=1e-5)


class Layers(keras.Model):
    """A number through some layer of Keras."""

    def __init__(self, layer):
        super().__init__(name="layers")
        self.layer = layer
        self.dense = keras.layers.Dense(1, name="dense")

    def call(self, values, training=False):
        return self.dense(self.layer(values, training=training))


class MeanOutput:
    def loss(self, model, block):
        return ops.mean(model(block["values"], training=True))

    def outputs(self, model, block):
        return {"means": model(block["values"], training=False)}


def layers_engine(placement, layer):
    def build_model():
        model = Layers(layer)
        model(np.zeros((1, 3), np.float32))
        return model

    return engine.create(
        placement,
        build_model=build_model,
        objective=MeanOutput(),
        optimizer=OptimizerSettings(num_train_steps=10, learning_rate=0.1),
        seed=0,
    )


ARRAYS = {"values": np.ones((1, 1, 1, 4, 3), np.float32)}
VALUES = 4 * 3  # what a mean adds up at most


@pytest.mark.parametrize(
    ("layer", "variable"),
    [
        (keras.layers.Dropout(0.5, name="drop"), "seed_generator_state"),
        (keras.layers.BatchNormalization(name="norm"), "layers/norm/moving_mean"),
    ],
)
def test_a_model_that_keeps_its_own_state_is_refused(place_on, layer, variable):
    made = layers_engine(place_on(), layer)
    with pytest.raises(TrainingError, match=variable):
        made.train(ARRAYS)
    assert made.step == 0


@pytest.fixture(scope="module")
def made(place_on):
    return layers_engine(place_on(), keras.layers.Identity())


def test_the_keras_model_follows_when_it_is_asked_for(made):
    values = ARRAYS["values"][0, 0, 0]

    def asked():
        return keras.ops.convert_to_numpy(made.model(values))

    def computed():
        return made.predict({"values": values[np.newaxis]})["means"][0]

    rounding.assert_near(asked(), computed(), operations=VALUES)
    before = asked()
    made.train(ARRAYS)
    assert not np.allclose(computed(), before)
    rounding.assert_near(asked(), computed(), operations=VALUES)
    made.load_weights({"dense/bias": np.array([5], np.float32)})
    rounding.assert_near(asked(), computed(), operations=VALUES)
    made.load_state(made.state())
    rounding.assert_near(asked(), computed(), operations=VALUES)


def test_training_leaves_the_arrays_alone_that_it_was_given(made):
    state = made.state()
    given = dataclasses.replace(
        state,
        weights={name: value.copy() for name, value in state.weights.items()},
        slots={name: value.copy() for name, value in state.slots.items()},
    )
    made.load_state(given)
    made.train(ARRAYS)
    made.train(ARRAYS)
    for ours, theirs in ((given.weights, state.weights), (given.slots, state.slots)):
        for name, value in ours.items():
            np.testing.assert_array_equal(value, theirs[name])
    assert not np.array_equal(
        made.state().weights["dense/kernel"], given.weights["dense/kernel"]
    )


def test_a_model_starts_as_with_keras_own_seed(place_on):
    made = layers_engine(place_on(), keras.layers.Identity())
    keras.utils.set_random_seed(0)
    expected = keras.layers.Dense(1)
    expected.build((None, ARRAYS["values"].shape[-1]))
    found = made.state().weights["dense/kernel"]
    np.testing.assert_array_equal(found, np.asarray(expected.kernel))


def test_tensorflow_is_not_loaded():
    pytest.importorskip("tensorflow", reason="it is not installed anyway")
    program = (
        "import sys\n"
        "from tests.runtime.engine import engine_runs\n"
        "engine_runs.golden()\n"
        "print('tensorflow' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "KERAS_BACKEND": "jax"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["False"]


def test_each_shape_that_is_compiled_is_told_once(place_on, caplog):
    made = layers_engine(place_on(), keras.layers.Identity())
    shorter = {name: array[..., :2, :] for name, array in ARRAYS.items()}
    with caplog.at_level(logging.INFO):
        for arrays in (ARRAYS, ARRAYS, shorter, ARRAYS):
            made.train(arrays)
    assert [each for each in caplog.messages if "Compiling" in each] == [
        f"Compiling an update of {rows} x 3 ..." for rows in (4, 2)
    ]
