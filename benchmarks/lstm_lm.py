"""One epoch of a small LSTM language model, beside plain Keras and torch.

    python benchmarks/lstm_lm.py [--rounds=5]

The programs take turns, each in float32 and in bfloat16, and medians over rounds are
printed; a speed is compared within its round. All learn from the same sequences: random
ids, lengths spread evenly over 5 to 50 tokens. One LSTM of 512 units, an embedding of
200, a vocabulary of 20,000, dropout 0.3, an Adam update a batch of 32.
Plain Keras is Embedding, LSTM, Dense softmax and `fit` on sequences padded to the
longest. `grouped` makes batches of sequences of about one length; the other rows of
this toolkit see the same batches as plain Keras would, in the same order.

Peer (optional; left out with a line that says so): `pip install torch`.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import machine
import numpy as np
import tables
import turns
from absl import app, flags

_ROUNDS = flags.DEFINE_integer("rounds", 5, "Timed rounds, after one that is not.")
_BATCHES = flags.DEFINE_integer("batches", 6, "Updates in a round.")
_PRECISIONS = flags.DEFINE_list("precisions", ["float32", "bfloat16"], "What to time.")
_WORKER = flags.DEFINE_string("worker", None, "Internal: the program to run.")

_BATCH, _EMBEDDING, _HIDDEN, _VOCABULARY, _DROPOUT = 32, 200, 512, 20000, 0.3
_SHORTEST, _LONGEST = 5, 50
_WAYS = {
    "this toolkit": ("max", "bucket", "pack", "grouped"),
    "plain Keras": ("fit",),
    "torch": ("loop",),
}
_REFERENCE = "plain Keras, float32, fit"

Epoch = Callable[[str], turns.Turn]


# -- the parent -----------------------------------------------------------------------


def main(_: list[str]) -> None:
    """Times every program in every precision."""
    if _WORKER.value:
        _work(_WORKER.value)
        return
    sequences = _sequences()
    tokens = sum(map(len, sequences))
    programs = {
        f"{program}, {precision}": ways
        for precision in _PRECISIONS.value
        for program, ways in _WAYS.items()
    }
    found = turns.measure(programs, flags=[], rounds=_ROUNDS.value)
    table = tables.Table(
        title=f"{_BATCHES.value} updates: {len(sequences)} sequences, "
        f"{tokens / len(sequences) / _LONGEST:.0%} real tokens",
        rows=found.rows,
        unit="sequences",
        beside=(_REFERENCE,),
        missing=found.missing,
    )
    tables.show(table)


def _sequences() -> list[np.ndarray]:
    random = np.random.RandomState(0)
    lengths = random.randint(_SHORTEST, _LONGEST + 1, _BATCHES.value * _BATCH)
    lengths[0] = _LONGEST
    return [random.randint(1, _VOCABULARY, length) for length in lengths]


# -- the workers ----------------------------------------------------------------------


def _work(name: str) -> None:
    program, precision = name.split(", ")
    make = {
        "this toolkit": _this_toolkit,
        "plain Keras": _plain_keras,
        "torch": _torch,
    }[program]
    turns.serve(make(_sequences(), precision))


def _this_toolkit(sequences: list[np.ndarray], precision: str) -> Epoch:
    from runtime.devices.placement import Accelerator, Backend, Precision, place

    placement = place(
        Accelerator.CPU, backend=Backend.TENSORFLOW, precision=Precision(precision)
    )
    from lstm_pretrain import data
    from lstm_pretrain.language_model.settings import LanguageModelStepSettings
    from lstm_pretrain.model.config import Dropouts, LstmConfig
    from lstm_pretrain.model.heads import LanguageModel, LanguageModelObjective
    from lstm_pretrain.model.modeling import RowLayout
    from processors.batches.batch_shape import BatchShape, PadTo
    from processors.batches.batches import stack
    from processors.batches.features import Features
    from processors.batches.token_dataset import TokenDataset
    from runtime.engine import engine

    dataset = TokenDataset.from_features(
        [
            Features(ids.astype(np.int32), np.zeros(len(ids), np.int32), None)
            for ids in sequences
        ]
    )

    def engine_of(*, packed: bool) -> engine.Engine:
        def build() -> LanguageModel:
            model = LanguageModel(
                LstmConfig(
                    vocab_size=_VOCABULARY,
                    embedding_size=_EMBEDDING,
                    hidden_size=_HIDDEN,
                ),
                dropouts=Dropouts(inputs=_DROPOUT, outputs=_DROPOUT),
                layout=RowLayout(packed=packed),
                dtype=placement.precision.keras_policy,
            )
            model.build_variables()
            return model

        return engine.create(
            placement,
            build_model=build,
            objective=LanguageModelObjective(),
            optimizer=LanguageModelStepSettings().optimizer_settings(1000),
            seed=0,
        )

    engines = {packed: engine_of(packed=packed) for packed in (False, True)}

    def epoch(way: str) -> turns.Turn:
        pad_to = PadTo("bucket" if way == "grouped" else way)
        settings = LanguageModelStepSettings(
            group_by_length=way == "grouped", max_seq_length=_LONGEST
        )
        batches = settings.train_order(
            dataset,
            shape=BatchShape(
                per_replica_batch=_BATCH,
                max_seq_length=_LONGEST,
                pad_to=pad_to,
                buckets=settings.buckets,
            ),
            seed=0,
        )

        def updates() -> str:
            for step in range(_BATCHES.value):
                arrays = data.add_targets(
                    stack([batches.batch(step)]),
                    max_row_shapes=placement.max_row_shapes,
                )
                report = engines[pad_to is PadTo.PACK].train(arrays)
            return tables.of_losses(report.losses)

        return turns.take(updates, count=len(sequences), result=str)

    return epoch


def _plain_keras(sequences: list[np.ndarray], precision: str) -> Epoch:
    os.environ["KERAS_BACKEND"] = "tensorflow"
    import keras

    if precision == "bfloat16":
        keras.config.set_dtype_policy("mixed_bfloat16")
    model = keras.Sequential(
        [
            keras.layers.Embedding(_VOCABULARY, _EMBEDDING, mask_zero=True),
            keras.layers.LSTM(_HIDDEN, return_sequences=True, dropout=_DROPOUT),
            keras.layers.Dropout(_DROPOUT),
            keras.layers.Dense(_VOCABULARY, activation="softmax"),
        ]
    )
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
    padded = keras.utils.pad_sequences(sequences, padding="post")
    return lambda _: turns.take(
        lambda: model.fit(padded[:, :-1], padded[:, 1:], batch_size=_BATCH, verbose=0),
        count=len(sequences),
    )


def _torch(sequences: list[np.ndarray], precision: str) -> Epoch:
    import torch

    torch.set_num_threads(machine.cores())
    embedding = torch.nn.Embedding(_VOCABULARY, _EMBEDDING, padding_idx=0)
    lstm = torch.nn.LSTM(_EMBEDDING, _HIDDEN, batch_first=True)
    dropout = torch.nn.Dropout(_DROPOUT)
    dense = torch.nn.Linear(_HIDDEN, _VOCABULARY)
    parts = torch.nn.ModuleList([embedding, lstm, dropout, dense])
    optimizer = torch.optim.Adam(parts.parameters(), lr=1e-3)
    padded = torch.nn.utils.rnn.pad_sequence(
        [torch.tensor(ids) for ids in sequences], batch_first=True
    )

    def update(ids: torch.Tensor) -> None:
        with torch.autocast(
            "cpu", dtype=torch.bfloat16, enabled=precision == "bfloat16"
        ):
            states, _ = lstm(dropout(embedding(ids[:, :-1])))
            logits = dense(dropout(states))
            loss = torch.nn.functional.cross_entropy(
                logits.flatten(0, 1), ids[:, 1:].flatten(), ignore_index=0
            )
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    def updates() -> None:
        for ids in padded.split(_BATCH):
            update(ids)

    return lambda _: turns.take(updates, count=len(sequences))


if __name__ == "__main__":
    app.run(main)
