"""Runs that must come out alike on every engine.

    KERAS_BACKEND=jax python -m tests.runtime.engine.engine_runs WRITTEN RESUMED FOREIGN

writes `<run>.npz` (losses and last weights) and a checkpoint of each run into WRITTEN,
then goes on from the checkpoints that another engine left in FOREIGN, into RESUMED.
"""

import dataclasses
import functools
import os
import sys

import keras
import numpy as np
from keras import ops

from processors.batches.batch_shape import BatchShape, PadTo
from processors.batches.batches import TrainBatches, stack
from processors.batches.features import Features
from processors.batches.token_dataset import TokenDataset
from runtime.checkpoints import checkpoints
from runtime.devices.placement import Accelerator, Backend, Precision, place
from runtime.engine import engine
from runtime.engine.engine import EngineState
from runtime.engine.objectives import ClassificationObjective
from runtime.engine.optimizer_settings import OptimizerSettings
from tf_bert.classifier.heads import BertClassifier
from tf_bert.formats.weights import read_weights
from tf_bert.model.config import BertConfig

GOLDEN = os.path.join(os.path.dirname(__file__), "../../golden/tf1_bert_tiny")
STEPS, PER_CALL, HALFWAY = 20, 4, 8
BATCH, MAX_LENGTH, LABELS, VOCABULARY = 16, 24, 3, 50


@dataclasses.dataclass(frozen=True)
class Run:
    """An engine at its start and the arrays of its five calls."""

    engine: engine.Engine
    calls: list[dict[str, np.ndarray]]

    def train(self, first=0, stop=STEPS):
        """The losses of the updates `first` to `stop - 1`."""
        calls = self.calls[first // PER_CALL : stop // PER_CALL]
        return np.concatenate([self.engine.train(call).losses for call in calls])


def on_cpus(replicas=1, *, precision=Precision.FLOAT32):
    return place(
        Accelerator.CPU,
        backend=Backend(os.environ["KERAS_BACKEND"]),
        precision=precision,
        devices=[f"CPU:{index}" for index in range(replicas)],
    )


def classifier(config, placement, *, labels=LABELS):
    """An engine on a BERT classifier, and 20 steps to go."""

    def make_model():
        policy = placement.precision.keras_policy
        model = BertClassifier(config, num_labels=labels, dtype=policy)
        model.dropout.rate = 0
        return model

    return made(placement, make_model=make_model, objective=ClassificationObjective())


def made(placement, *, make_model, objective):
    """An engine with the optimiser of the original's run, and 20 steps to go."""

    def build_model():
        model = make_model()
        model.build_variables()
        return model

    return engine.create(
        placement,
        build_model=build_model,
        objective=objective,
        optimizer=OptimizerSettings(
            learning_rate=5e-4, num_train_steps=STEPS, num_warmup_steps=4
        ),
        seed=3,
    )


# google-research/bert's own run -------------------------------------------------------


def golden(placement=None, *, parts=1):
    """The run of google-research/bert, dropout off."""
    placement = placement or on_cpus()
    config = BertConfig.from_json_file(os.path.join(GOLDEN, "bert_config.json"))
    made = classifier(without_dropout(config), placement, labels=9)
    with np.load(os.path.join(GOLDEN, "golden.npz")) as file:
        start = read_weights(
            os.path.join(GOLDEN, "bert_model.ckpt"), expected=made.weight_shapes()
        ).values
        head = ("output_weights", "output_bias")
        made.load_weights({**start, **{name: file[f"init/{name}"] for name in head}})
        updates = golden_updates(file)
    slices = parts * placement.replicas
    per_slice = updates["label_ids"].shape[1] // slices
    updates["first_positions"] %= per_slice * updates["input_ids"].shape[2]
    dealt = {
        name: value.reshape(-1, PER_CALL, parts, placement.replicas, per_slice, *rest)
        for name, value in updates.items()
        for rest in [value.shape[2:]]
    }
    calls = [
        {name: value[call] for name, value in dealt.items()}
        for call in range(STEPS // PER_CALL)
    ]
    return Run(made, calls)


def golden_updates(file):
    """Batch arrays [20, 16, ...] of the original's full rows."""
    updates, batch, length = file["input_ids"].shape
    shape = (updates, batch, length)
    integers = {
        "input_ids": file["input_ids"],
        "segment_ids": file["segment_ids"],
        "position_ids": np.broadcast_to(np.arange(length), shape),
        "example_ids": file["input_mask"],
        "first_positions": np.broadcast_to(np.arange(batch) * length, shape[:2]),
        "label_ids": file["label_ids"],
    }
    arrays = {name: value.astype(np.int32) for name, value in integers.items()}
    return {**arrays, "loss_weight": np.full(shape[:2], 1 / batch, np.float32)}


def without_dropout(config):
    return dataclasses.replace(
        config, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0
    )


# A small BERT ------------------------------------------------------------------------

SMALL = BertConfig(
    vocab_size=VOCABULARY,
    hidden_size=16,
    num_hidden_layers=1,
    num_attention_heads=2,
    intermediate_size=32,
    max_position_embeddings=MAX_LENGTH,
    type_vocab_size=2,
)


def small(placement=None, *, pad_to=PadTo.PACK, precision=Precision.FLOAT32):
    """One layer on short texts of many lengths, dropout off."""
    placement = placement or on_cpus(precision=precision)
    made = classifier(without_dropout(SMALL), placement)
    made.load_weights(seeded_weights(made))
    return Run(made, small_calls(pad_to=pad_to, replicas=placement.replicas))


def small_calls(*, pad_to, replicas=1):
    shape = BatchShape(
        per_replica_batch=BATCH // replicas,
        replicas=replicas,
        max_seq_length=MAX_LENGTH,
        pad_to=pad_to,
        row_counts=(BATCH,),
    )
    batches = TrainBatches(short_texts(), shape=shape, seed=5)
    return [
        stack([batches.batch(step) for step in range(first, first + PER_CALL)])
        for first in range(0, STEPS, PER_CALL)
    ]


@functools.cache
def short_texts():
    random = np.random.default_rng(6)
    return TokenDataset.from_features(
        [
            Features(
                input_ids=random.integers(1, VOCABULARY, length).astype(np.int32),
                segment_ids=(np.arange(length) > length // 2).astype(np.int32),
                label_id=int(random.integers(LABELS)),
            )
            for length in random.integers(3, MAX_LENGTH // 2, 90)
        ]
    )


def seeded_weights(made):
    """The same for each engine; scales stay near 1."""
    random = np.random.default_rng(8)
    return {
        name: (name.endswith("gamma") + random.normal(0, 0.1, shape)).astype(np.float32)
        for name, shape in sorted(made.weight_shapes().items())
    }


# A recurrent model -------------------------------------------------------------------


class Recurrent(keras.Model):
    """Keras' own layers: masked embedding, LSTM, projection."""

    def __init__(self):
        super().__init__(name="recurrent")
        self.embedding = keras.layers.Embedding(
            VOCABULARY, 8, mask_zero=True, name="embedding"
        )
        self.lstm = keras.layers.LSTM(12, name="lstm")
        self.dense = keras.layers.Dense(LABELS, name="dense")

    def call(self, ids, training=False):
        return self.dense(self.lstm(self.embedding(ids), training=training))


class RecurrentObjective:
    """Weighted softmax cross-entropy."""

    def loss(self, model, block):
        losses = keras.losses.sparse_categorical_crossentropy(
            block["label_ids"], model(block["input_ids"], training=True), True
        )
        return ops.sum(losses * block["loss_weight"])

    def outputs(self, model, block):
        return {"logits": model(block["input_ids"], training=False)}


def recurrent(placement=None):
    def build_model():
        model = Recurrent()
        model(np.ones((1, 2), np.int32))
        return model

    placement = placement or on_cpus()
    made = engine.create(
        placement,
        build_model=build_model,
        objective=RecurrentObjective(),
        optimizer=OptimizerSettings(learning_rate=5e-3, num_train_steps=STEPS),
        seed=0,
    )
    made.load_weights(seeded_weights(made))
    wanted = ("input_ids", "label_ids", "loss_weight")
    calls = small_calls(pad_to=PadTo.MAX, replicas=placement.replicas)
    return Run(made, [{name: call[name] for name in wanted} for call in calls])


# What is written ---------------------------------------------------------------------

RUNS = {
    "golden": golden,
    "packed": small,
    "bfloat16": functools.partial(small, precision=Precision.BFLOAT16),
    "recurrent": recurrent,
}


def make_all():
    return {name: make() for name, make in RUNS.items()}


def write(runs, folder):
    """Trains each run to its end, with a checkpoint halfway."""
    os.makedirs(folder)
    for name, run in runs.items():
        first = run.train(stop=HALFWAY)
        state = run.engine.state()
        checkpoints.save(
            os.path.join(folder, name),
            step=state.step,
            weights=state.weights,
            slots=state.slots,
            state={},
        )
        losses = np.concatenate([first, run.train(first=HALFWAY)])
        write_one(f"{folder}/{name}.npz", run, losses=losses)


def resume(runs, folder, *, checkpoint_folder):
    """Trains each run from the checkpoint that another engine left."""
    os.makedirs(folder)
    for name, run in runs.items():
        found = checkpoints.load(
            checkpoints.latest(os.path.join(checkpoint_folder, name))
        )
        run.engine.load_state(EngineState(found.step, found.weights, found.slots))
        losses = run.train(first=HALFWAY)
        write_one(f"{folder}/{name}.npz", run, losses=losses)


def write_one(path, run, *, losses):
    np.savez(path, losses=losses, **run.engine.state().weights)


if __name__ == "__main__":
    written, resumed, foreign = sys.argv[1:]
    every_run = make_all()
    write(every_run, written)
    resume(every_run, resumed, checkpoint_folder=foreign)
