"""What a training step costs beside its arithmetic: this loop and `keras.Model.fit`.

    python benchmarks/step_overhead.py [--backends=tensorflow,jax] [--devices=1,8]

A model of two small dense layers, 64 examples a step, AdamW. Each program runs in a
process of its own, on one virtual CPU device or on eight, and takes turns with those of
the same backend and devices. `engine` gives the devices each call before it asks for
the losses of the last, as a run does; `run` is the loop of a run, with all that it
writes down of every update.
"""

from __future__ import annotations

import collections
import contextlib
import io
import os
import tempfile
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
_PROGRAMS = ("fit", "engine, K=1", "engine, K=50", "run, K=1")


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
    name, _, updates_a_call = program.partition(", K=")
    if name == "fit":
        run = _fit(devices)
    else:
        run = {"engine": _engine, "run": _run}[name](devices, int(updates_a_call))
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


def _created(devices: int) -> Any:
    from runtime.devices.placement import Accelerator, Backend, place
    from runtime.engine import engine
    from runtime.engine.optimizer_settings import OptimizerName, OptimizerSettings

    placement = place(
        Accelerator.CPU,
        backend=Backend(os.environ["KERAS_BACKEND"]),
        devices=[f"CPU:{index}" for index in range(devices)],
    )
    return engine.create(
        placement,
        build_model=_model,
        objective=_Objective(),
        optimizer=OptimizerSettings(
            name=OptimizerName.ADAMW, learning_rate=1e-3, num_train_steps=10**6
        ),
        seed=0,
    )


def _calls(devices: int, updates_a_call: int) -> list[dict[str, np.ndarray]]:
    """The arrays of each call of a round."""
    calls = _STEPS.value // updates_a_call
    features, labels = _data(_STEPS.value)
    lead = (calls, updates_a_call, 1, devices, _BATCH // devices)
    arrays = {
        "features": features.reshape(*lead, _FEATURES),
        "label_ids": labels.reshape(lead),
        "loss_weight": np.full(lead, 1 / _BATCH, np.float32),
    }
    return [
        {name: array[call] for name, array in arrays.items()} for call in range(calls)
    ]


def _engine(devices: int, updates_a_call: int) -> Callable[[], str]:
    made, calls = _created(devices), _calls(devices, updates_a_call)

    def run() -> str:
        reports: collections.deque[Callable[[], Any]] = collections.deque()
        for arrays in calls:
            dealt = made.deal(arrays, first_step=made.step)
            reports.append(made.advance(dealt, stop=made.step + updates_a_call))
            if len(reports) > 1:
                reports.popleft()()
        return tables.of_losses(reports.popleft()().losses[-1:])

    return run


def _run(devices: int, updates_a_call: int) -> Callable[[], str]:
    from runtime.checkpoints.checkpoint_writer import NoCheckpointWriter
    from runtime.training import loop
    from runtime.training.pace import Pace
    from runtime.training.progress import ProgressLine
    from runtime.training.run_record import RunRecord
    from runtime.training.stop_request import StopRequest

    made, calls = _created(devices), _calls(devices, updates_a_call)

    def feed(first: int, stop: int) -> loop.CallBatch:
        del stop
        place = first % _STEPS.value // updates_a_call
        return loop.CallBatch(calls[place], examples=_BATCH, tokens=_BATCH)

    def run() -> str:
        start, stop = made.step, made.step + _STEPS.value
        with (
            tempfile.TemporaryDirectory() as folder,
            contextlib.closing(RunRecord(folder)) as record,
        ):
            loop.run(
                made,
                feed,
                plan=loop.Plan(
                    total_steps=stop,
                    steps_per_call=updates_a_call,
                    save_every=stop,
                    directory=folder,
                ),
                record=record,
                progress=lambda: ProgressLine(stop, stream=io.StringIO(), start=start),
                writer=NoCheckpointWriter(),
                pace=Pace(StopRequest()),
            )
            last = record.metrics()[-1]["loss"]
        return tables.of_losses(np.array([last], np.float32))

    return run


if __name__ == "__main__":
    app.run(main)
