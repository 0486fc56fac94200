"""What a training step costs beside its arithmetic: this loop and `keras.Model.fit`.

    python benchmarks/step_overhead.py [--backends=tensorflow,jax] [--devices=1,8]

A model of two small dense layers, 64 examples a step, AdamW. Each program runs in a
process of its own, on one virtual CPU device or on eight, and takes turns with those of
the same backend and devices.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tables
import turns
from absl import app, flags

_BACKENDS = flags.DEFINE_list("backends", ["tensorflow", "jax"], "Backends to time.")
_DEVICES = flags.DEFINE_list("devices", ["1", "8"], "Numbers of virtual devices.")
_ROUNDS = flags.DEFINE_integer("rounds", 5, "Timed rounds, after one that is not.")
_STEPS = flags.DEFINE_integer("steps", 200, "Updates a round.")
_WORKER = flags.DEFINE_string("worker", None, "Internal: the program to run.")

_BATCH, _FEATURES, _HIDDEN = 64, 8, 16
_PROGRAMS = ("fit", "loop, K=1", "loop, K=50")


def main(_: list[str]) -> None:
    """Prints a table."""
    if _WORKER.value:
        _work(_WORKER.value)
        return
    for backend in _BACKENDS.value:
        for devices in _DEVICES.value:
            _compare(backend, devices)


def _compare(backend: str, devices: str) -> None:
    measured = turns.measure(
        dict.fromkeys(_PROGRAMS, ("",)),
        flags=[f"--backends={backend}", f"--devices={devices}"],
        rounds=_ROUNDS.value,
    )
    table = tables.Table(
        title=f"{backend}, devices: {devices}",
        rows=measured.rows,
        unit="updates",
        beside=("fit",),
        missing=measured.missing,
    )
    tables.show(table)


# -- a worker -------------------------------------------------------------------------


def _work(program: str) -> None:
    """Is one of the programs, on the backend and the devices of the flags."""
    [backend], [devices] = _BACKENDS.value, map(int, _DEVICES.value)
    os.environ["KERAS_BACKEND"] = backend
    os.environ["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={devices}"
    if backend == "tensorflow":
        _split_tensorflow_cpu(devices)
    updates_a_call = program.partition("=")[2]
    run = _loop(devices, int(updates_a_call)) if updates_a_call else _fit(devices)
    turns.serve(lambda _: turns.take(run, count=_STEPS.value, result=str))


def _split_tensorflow_cpu(devices: int) -> None:
    import tensorflow as tf

    [cpu] = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(
        cpu, [tf.config.LogicalDeviceConfiguration()] * devices
    )


def _data(steps: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    features = random.normal(size=(steps * _BATCH, _FEATURES)).astype(np.float32)
    return features, random.integers(0, 2, steps * _BATCH).astype(np.int32)


def _fit(devices: int) -> Callable[[], str]:
    import keras

    def compiled() -> keras.Model:
        model = _model()
        model.compile(
            optimizer=keras.optimizers.AdamW(1e-3),
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        )
        return model

    features, labels = _data(_STEPS.value)
    model = _distributed(compiled, devices)

    def run() -> str:
        model.fit(features, labels, batch_size=_BATCH, shuffle=False, verbose=0)
        return ""  # its weights start from no seed

    return run


def _distributed(compiled: Callable[[], Any], devices: int) -> Any:
    """The model over all devices, as Keras' guides say."""
    import keras

    if devices == 1:
        return compiled()
    if keras.config.backend() == "jax":
        keras.distribution.set_distribution(keras.distribution.DataParallel())
        return compiled()
    import tensorflow as tf

    names = [f"CPU:{index}" for index in range(devices)]
    with tf.distribute.MirroredStrategy(names).scope():
        return compiled()


def _model() -> Any:
    import keras

    model = keras.Sequential(
        [
            keras.layers.Dense(_HIDDEN, activation="relu", name="hidden"),
            keras.layers.Dense(2, name="logits"),
        ]
    )
    model.build((None, _FEATURES))
    return model


class _Objective:
    """Mean cross-entropy."""

    def loss(self, model: Any, block: Mapping[str, Any]) -> Any:
        """The slice's share of the mean."""
        from keras import ops

        return ops.sum(self.outputs(model, block)["losses"] * block["loss_weight"])

    def outputs(self, model: Any, block: Mapping[str, Any]) -> dict[str, Any]:
        """The examples' losses."""
        import keras

        losses = keras.losses.sparse_categorical_crossentropy(
            block["label_ids"], model(block["features"]), from_logits=True
        )
        return {"losses": losses}


def _loop(devices: int, updates_a_call: int) -> Callable[[], str]:
    from runtime.devices.placement import Accelerator, Backend, place
    from runtime.engine import engine
    from runtime.engine.optimizer_settings import OptimizerName, OptimizerSettings

    placement = place(
        Accelerator.CPU,
        backend=Backend(os.environ["KERAS_BACKEND"]),
        devices=[f"CPU:{index}" for index in range(devices)],
    )
    made = engine.create(
        placement,
        build_model=_model,
        objective=_Objective(),
        optimizer=OptimizerSettings(
            name=OptimizerName.ADAMW, learning_rate=1e-3, num_train_steps=10**6
        ),
        seed=0,
    )
    calls = _STEPS.value // updates_a_call
    features, labels = _data(_STEPS.value)
    lead = (calls, updates_a_call, 1, devices, _BATCH // devices)
    arrays = {
        "features": features.reshape(*lead, _FEATURES),
        "label_ids": labels.reshape(lead),
        "loss_weight": np.full(lead, 1 / _BATCH, np.float32),
    }

    def run() -> str:
        for call in range(calls):
            report = made.train({name: array[call] for name, array in arrays.items()})
        return tables.of_losses(report.losses[-1:])

    return run


if __name__ == "__main__":
    app.run(main)
