"""Pipelines of a user's own, as `scripts/tpu_check.py --pipeline=` takes them."""

import dataclasses

import keras
import numpy as np
from keras import ops

from runtime.devices.placement import Backend, Precision
from runtime.engine.optimizer_settings import OptimizerSettings
from runtime.preflight.workload import Pipeline, Workload
from runtime.settings import setting

VOCABULARY, LABELS = 5000, 3


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """Sizes and batches."""

    train_batch_size: int = setting(64, help="Examples an update.")
    gradient_accumulation_steps: int = setting(1, help="Slices of an update.")
    steps_per_call: int = setting(2, help="Updates a call.")
    precision: Precision = setting(Precision.FLOAT32, help="Arithmetic.")
    backend: Backend = setting(Backend.JAX, help="What lowers the step.")
    length: int = setting(32, help="Tokens in a row.")
    hidden: int = setting(128, help="Units of the LSTM.")

    def num_train_steps(self, num_examples):
        return num_examples // self.train_batch_size


class Recurrent(keras.Model):
    """Keras' own layers: masked embedding, LSTM, projection."""

    def __init__(self, settings):
        super().__init__(name="recurrent", dtype=settings.precision.keras_policy)
        policy = settings.precision.keras_policy
        self.embedding = keras.layers.Embedding(
            VOCABULARY, 64, mask_zero=True, name="embedding", dtype=policy
        )
        self.lstm = keras.layers.LSTM(
            settings.hidden, use_cudnn=False, name="lstm", dtype=policy
        )
        self.logits = keras.layers.Dense(LABELS, name="logits", dtype="float32")

    def call(self, ids, training=False):
        return self.logits(self.lstm(self.embedding(ids), training=training))


class Unsupported(Recurrent):
    """With an eigenvalue decomposition, for which TPUs have no kernel."""

    def __init__(self, settings):
        super().__init__(settings)
        self.spectrum = Spectrum(name="spectrum")

    def call(self, ids, training=False):
        return super().call(ids, training=training) * self.spectrum(ids)


class Spectrum(keras.layers.Layer):
    """The largest eigenvalue of what is no business of a classifier."""

    def call(self, ids):
        square = ops.cast(ops.reshape(ids[:2, :2], (2, 2)), "float32")
        values, _ = ops.eig(square)
        return ops.max(ops.real(values))


class Objective:
    """Weighted softmax cross-entropy."""

    def loss(self, model, block):
        losses = keras.losses.sparse_categorical_crossentropy(
            block["label_ids"], model(block["input_ids"], training=True), True
        )
        return ops.sum(losses * block["loss_weight"])

    def outputs(self, model, block):
        return {"logits": model(block["input_ids"], training=False)}


def workload(model, settings, cut):
    lead = (
        settings.steps_per_call,
        settings.gradient_accumulation_steps,
        cut.replicas,
        cut.per_replica_batch,
    )

    def build_model():
        made = model(settings)
        made(keras.KerasTensor((2, settings.length), dtype="int32"))
        return made

    return Workload(
        build_model=build_model,
        objective=Objective(),
        optimizer=OptimizerSettings(num_train_steps=100),
        train={
            "input_ids": np.ones((*lead, settings.length), np.int32),
            "label_ids": np.zeros(lead, np.int32),
            "loss_weight": np.ones(lead, np.float32),
        },
        evaluate={"input_ids": np.ones((*lead[2:], settings.length), np.int32)},
    )


def pipeline(model):
    return Pipeline(
        settings=Settings,
        run_settings=Settings,
        make_workload=lambda settings, cut: workload(model, settings, cut),
        script="train.py",
    )


RECURRENT = pipeline(Recurrent)
UNSUPPORTED = pipeline(Unsupported)
