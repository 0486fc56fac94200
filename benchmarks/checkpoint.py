"""What checkpoints cost: this toolkit's writer and `keras.callbacks.ModelCheckpoint`.

    python benchmarks/checkpoint.py [--backend=tensorflow] [--folder=/tmp]

Four dense layers of 8 million weights, AdamW: 101 MB a checkpoint. Training goes
through the same updates with and without checkpoints, in turn; the medians of the
rounds are printed with the slowdown. Saving alone is timed beside a plain copy of the
same bytes that reaches the disk too.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from typing import Any

import numpy as np
import tables
import turns
from absl import app, flags

_BACKEND = flags.DEFINE_string("backend", "tensorflow", "tensorflow or jax.")
_FOLDER = flags.DEFINE_string("folder", None, "Where to write; a temporary one.")
_ROUNDS = flags.DEFINE_integer("rounds", 3, "Timed rounds, after one that is not.")
_EVERY = flags.DEFINE_integer("every", 100, "Updates between checkpoints.")
_SAVES = flags.DEFINE_integer("saves", 2, "Checkpoints a round.")

_BATCH, _WIDTH, _LAYERS = 64, 1416, 4


def main(_: list[str]) -> None:
    """Prints three tables."""
    os.environ["KERAS_BACKEND"] = _BACKEND.value
    with tempfile.TemporaryDirectory(dir=_FOLDER.value) as folder:
        loop, fit = _Loop(folder), _Fit(folder)
        _compare_trainings(loop, fit=fit)
        _compare_saves(folder, loop=loop, fit=fit)


def _compare_trainings(loop: _Loop, *, fit: _Fit) -> None:
    updates = _EVERY.value * _SAVES.value
    programs = {
        "loop": lambda: turns.take(loop.train, count=updates, result=str),
        "loop, checkpoints": lambda: turns.take(
            loop.train_and_save, count=updates, result=str
        ),
        "keras fit": lambda: turns.take(fit.train, count=updates),
        "keras fit, ModelCheckpoint": lambda: turns.take(
            fit.train_and_save, count=updates
        ),
    }
    rows = turns.measure_here(programs, rounds=_ROUNDS.value)
    for alone, with_them in (rows[:2], rows[2:]):
        table = tables.Table(
            title=f"training, a checkpoint in {_EVERY.value} updates: {alone.name}",
            rows=[alone, with_them],
            unit="updates",
            beside=(alone.name,),
        )
        tables.show(table)


def _compare_saves(folder: str, *, loop: _Loop, fit: _Fit) -> None:
    source, target = os.path.join(folder, "one"), os.path.join(folder, "copy")
    loop.save(source)
    loop.save(source)
    size = sum(os.path.getsize(path) for path in _files(source)) / 1e6
    programs = {
        "plain copy, synchronised": lambda: turns.take(lambda: _copy(source, target)),
        "this toolkit": lambda: turns.take(lambda: loop.save(source)),
        "keras Model.save (not synchr.)": lambda: turns.take(fit.save),
    }
    table = tables.Table(
        title=f"one checkpoint, {size:.0f} MB",
        rows=turns.measure_here(programs, rounds=_ROUNDS.value),
        unit="checkpoints",
        beside=("plain copy, synchronised",),
    )
    tables.show(table)


def _copy(source: str, target: str) -> None:
    for path in _files(source):
        copied = os.path.join(target, os.path.basename(path))
        os.makedirs(target, exist_ok=True)
        shutil.copyfile(path, copied)
        with open(copied, "rb+") as file:
            os.fsync(file.fileno())


def _files(folder: str) -> list[str]:
    found = os.walk(folder)
    return [os.path.join(where, name) for where, _, names in found for name in names]


# -- the programs ---------------------------------------------------------------------


def _model() -> Any:
    import keras

    layers = [keras.layers.Dense(_WIDTH, name=f"dense_{i}") for i in range(_LAYERS)]
    model = keras.Sequential(layers)
    model.build((None, _WIDTH))
    return model


class _Loop:
    """This toolkit's engine and checkpoint writer."""

    def __init__(self, folder: str) -> None:
        from runtime.devices.placement import Accelerator, Backend, place
        from runtime.engine import engine
        from runtime.engine.optimizer_settings import OptimizerName, OptimizerSettings

        self._directory = os.path.join(folder, "loop")
        self._engine = engine.create(
            place(Accelerator.CPU, backend=Backend(_BACKEND.value)),
            build_model=_model,
            objective=_Objective(),
            optimizer=OptimizerSettings(
                name=OptimizerName.ADAMW, learning_rate=1e-3, num_train_steps=10**6
            ),
            seed=0,
        )
        values = np.random.default_rng(0).normal(size=(1, 1, 1, _BATCH, _WIDTH))
        weights = np.full((1, 1, 1, _BATCH), 1 / _BATCH, np.float32)
        self._batch = {
            "values": values.astype(np.float32),
            "loss_weight": weights,
        }

    def train(self, updates: int | None = None) -> str:
        """Does the updates of a round, or so many; returns the last loss."""
        for _ in range(updates or _EVERY.value * _SAVES.value):
            report = self._engine.train(self._batch)
        return tables.of_losses(report.losses)

    def train_and_save(self) -> str:
        """Does them, with checkpoints written meanwhile."""
        with self._checkpoint_writer(self._directory) as writer:
            for _ in range(_SAVES.value):
                loss = self.train(_EVERY.value)
                writer.save(self._engine, metrics={})
        return loss

    def save(self, folder: str) -> None:
        """Saves once and waits for it."""
        with self._checkpoint_writer(folder) as writer:
            writer.save(self._engine, metrics={})

    def _checkpoint_writer(self, folder: str) -> Any:
        from runtime.checkpoints.checkpoint_writer import BackgroundCheckpointWriter
        from runtime.checkpoints.retention import Retention

        return BackgroundCheckpointWriter(
            folder, state={}, retention=Retention(newest=1), before_saving=lambda: None
        )


class _Objective:
    """Mean square of the outputs."""

    def loss(self, model: Any, block: Mapping[str, Any]) -> Any:
        """The slice's share of the mean."""
        from keras import ops

        return ops.sum(self.outputs(model, block)["losses"] * block["loss_weight"])

    def outputs(self, model: Any, block: Mapping[str, Any]) -> dict[str, Any]:
        """The examples' losses."""
        from keras import ops

        return {"losses": ops.mean(ops.square(model(block["values"])), axis=-1)}


class _Fit:
    """Keras' loop and callback."""

    def __init__(self, folder: str) -> None:
        import keras

        self._path = os.path.join(folder, "fit.keras")
        self._model = _model()
        self._model.compile(
            optimizer=keras.optimizers.AdamW(1e-3), loss="mean_squared_error"
        )
        rows = _BATCH * _EVERY.value * _SAVES.value
        values = np.random.default_rng(0).normal(size=(_BATCH, _WIDTH))
        self._values = np.tile(values.astype(np.float32), (rows // _BATCH, 1))

    def train(self, callbacks: tuple[Any, ...] = ()) -> None:
        """Does the updates of a round."""
        self._model.fit(
            self._values,
            np.zeros_like(self._values),
            batch_size=_BATCH,
            shuffle=False,
            verbose=0,
            callbacks=list(callbacks),
        )

    def train_and_save(self) -> None:
        """Does them, with the callback."""
        import keras

        saving = keras.callbacks.ModelCheckpoint(self._path, save_freq=_EVERY.value)
        self.train((saving,))

    def save(self) -> None:
        """Saves once."""
        self._model.save(self._path)


if __name__ == "__main__":
    app.run(main)
