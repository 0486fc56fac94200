"""What a backend must be told before it starts, and what many tests share."""

import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pytest

from runtime.placement import Accelerator, Backend, Precision, place

GOLDEN = os.path.join(os.path.dirname(__file__), "golden/tf1_bert_tiny")
REPLICAS = 8
BACKEND = Backend(os.environ["KERAS_BACKEND"])


def make_virtual_devices():
    """Splits the CPU in eight, which can only be done before the backend starts."""
    if BACKEND is Backend.JAX:
        flags = os.environ.get("XLA_FLAGS", "")
        count = f"--xla_force_host_platform_device_count={REPLICAS}"
        os.environ["XLA_FLAGS"] = f"{flags} {count}".strip()
        return
    import tensorflow as tf

    [cpu] = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(
        cpu, [tf.config.LogicalDeviceConfiguration()] * REPLICAS
    )


make_virtual_devices()


@pytest.fixture(scope="session")
def backend():
    """The backend that the whole session runs on."""
    return BACKEND


@pytest.fixture(scope="session")
def place_on():
    """Makes a placement on one virtual CPU or on several."""

    def make(replicas=1, *, precision=Precision.FLOAT32):
        return place(
            Accelerator.CPU,
            backend=BACKEND,
            precision=precision,
            devices=[f"CPU:{index}" for index in range(replicas)],
        )

    return make


@pytest.fixture(scope="session")
def golden():
    """What google-research/bert computed; see golden/tf1_bert_tiny/README.txt."""
    with np.load(os.path.join(GOLDEN, "golden.npz")) as file:
        return dict(file)


@pytest.fixture(scope="session")
def golden_dir():
    """Folder of google-research/bert's checkpoints and numbers."""
    return GOLDEN


@pytest.fixture(scope="session")
def gradients():
    """Differentiates: `gradients(function, *arrays)` gives one array for each."""
    return _tensorflow_gradients if BACKEND is Backend.TENSORFLOW else _jax_gradients


def _tensorflow_gradients(function, *values):
    import tensorflow as tf

    tensors = [tf.convert_to_tensor(value) for value in values]
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        result = function(*tensors)
    return [tf.convert_to_tensor(g).numpy() for g in tape.gradient(result, tensors)]


def _jax_gradients(function, *values):
    import jax

    found = jax.grad(function, argnums=tuple(range(len(values))))(*values)
    return [np.asarray(each) for each in found]
