"""One masked-LM training step, beside Hugging Face on torch and beside all positions.

    python benchmarks/mlm_step.py --records=train.tf_record \
        --bert_config_file=recipes/ja_mini.json [--batch=32]

The records are those of scripts/create_pretraining_data.py, already masked. The
programs take turns, and medians are printed. All see the same masked sequences; random
weights, dropout as configured, a clipped AdamW update in each step. Segments are not
related.

Peer (optional): `pip install transformers==5.23.0 torch`.
"""

from __future__ import annotations

from collections.abc import Callable

import machine
import numpy as np
import tables
import turns
from absl import app, flags

_RECORDS = flags.DEFINE_string("records", None, "Masked sequences.", required=True)
_CONFIG = flags.DEFINE_string("bert_config_file", None, "Sizes.", required=True)
_BATCH = flags.DEFINE_integer("batch", 32, "Sequences a step.")
_LENGTH = flags.DEFINE_integer("max_seq_length", 128, "Tokens in a full row.")
_ROUNDS = flags.DEFINE_integer("rounds", 5, "Timed rounds, after two that are not.")
_PRECISIONS = flags.DEFINE_list("precisions", ["float32", "bfloat16"], "What to time.")
_WORKER = flags.DEFINE_string("worker", None, "Internal: the program to run.")

_UNTIMED = 2
_PEERS = {
    "this toolkit": ("masked tokens, pack", "masked tokens, max", "all positions, max"),
    "torch": ("all positions, max",),
}


def main(_: list[str]) -> None:
    """Times every program."""
    if _WORKER.value:
        _work(_WORKER.value)
        return
    for precision in _PRECISIONS.value:
        measured = turns.measure(
            _PEERS,
            flags=[f"--precisions={precision}"],
            rounds=_ROUNDS.value,
            untimed=_UNTIMED,
        )
        table = tables.Table(
            title=f"{_BATCH.value} sequences, {precision}",
            rows=measured.rows,
            unit="tokens",
            beside=("torch, all positions, max",),
            missing=measured.missing,
        )
        tables.show(table)


# -- the workers ----------------------------------------------------------------------


def _work(name: str) -> None:
    make = {"this toolkit": _this_toolkit, "torch": _torch}[name]
    turns.serve(make(_PRECISIONS.value[0]))


def _this_toolkit(precision: str) -> Callable[[str], turns.Turn]:
    from processors.batches.batch_shape import BatchShape, PadTo
    from processors.batches.batches import EvalBatches
    from processors.pretraining import records
    from processors.pretraining.batches import MaskedBatches
    from runtime.devices.placement import Accelerator, Backend, Precision, place
    from runtime.engine import engine
    from runtime.engine.optimizer_settings import OptimizerName, OptimizerSettings

    placement = place(
        Accelerator.CPU, backend=Backend.TENSORFLOW, precision=Precision(precision)
    )
    from tf_bert.model.config import BertConfig
    from tf_bert.pretraining.heads import BertPretrainer, PretrainingObjective

    def build() -> BertPretrainer:
        model = BertPretrainer(
            BertConfig.from_json_file(_CONFIG.value),
            relates_segments=False,
            dtype=placement.precision.keras_policy,
        )
        model.build_variables()
        return model

    made = engine.create(
        placement,
        build_model=build,
        objective=PretrainingObjective(),
        optimizer=OptimizerSettings(
            name=OptimizerName.ADAMW, learning_rate=1e-5, num_train_steps=1000
        ),
        seed=0,
    )
    dataset = records.read([_RECORDS.value])

    def step(layout: str) -> turns.Turn:
        predicted, pad_to = layout.split(", ")
        shape = BatchShape(
            per_replica_batch=_BATCH.value,
            max_seq_length=_LENGTH.value,
            pad_to=PadTo(pad_to),
        )
        batch = next(iter(EvalBatches(dataset.tokens, shape=shape)))
        masked = MaskedBatches(
            dataset.predictions,
            max_predictions=dataset.description.max_predictions_per_seq,
            max_row_shapes=placement.max_row_shapes,
        )
        arrays = masked.arrays([batch], rates=[0.0])
        if predicted == "all positions":
            arrays = _everywhere(arrays)
        return turns.take(
            lambda: made.train(arrays),
            count=batch.real_tokens,
            result=lambda report: tables.of_losses(report.losses),
        )

    return step


def _everywhere(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The same loss, with a prediction for each position: those not masked weigh 0."""
    size = arrays["input_ids"][0, 0, 0].size
    positions = arrays["masked_positions"]
    dense = {
        name: np.zeros((*positions.shape[:3], size), arrays[name].dtype)
        for name in ("masked_ids", "masked_weight")
    }
    real = arrays["masked_weight"] > 0
    for name, target in dense.items():
        target[(*np.nonzero(real)[:3], positions[real])] = arrays[name][real]
    everywhere = np.broadcast_to(
        np.arange(size, dtype=np.int32), dense["masked_ids"].shape
    )
    return {**arrays, **dense, "masked_positions": everywhere.copy()}


def _torch(precision: str) -> Callable[[str], turns.Turn]:
    import json

    import torch
    import transformers

    from processors.pretraining import records

    torch.set_num_threads(machine.cores())
    with open(_CONFIG.value, encoding="utf-8") as file:
        config = transformers.BertConfig(**json.load(file))
    model = transformers.BertForMaskedLM(config).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5)
    dataset = records.read([_RECORDS.value])
    ids = np.zeros((_BATCH.value, _LENGTH.value), np.int64)
    mask, segments, labels = ids.copy(), ids.copy(), np.full_like(ids, -100)
    for row in range(_BATCH.value):
        example = dataset.tokens.example(row)
        length = len(example.input_ids)
        ids[row, :length], mask[row, :length] = example.input_ids, 1
        segments[row, :length] = example.segment_ids
        span = slice(*dataset.predictions.offsets[row : row + 2])
        positions = dataset.predictions.positions[span]
        labels[row, positions] = dataset.predictions.ids[span]
    inputs = {
        "input_ids": torch.tensor(ids),
        "attention_mask": torch.tensor(mask),
        "token_type_ids": torch.tensor(segments),
        "labels": torch.tensor(labels),
    }

    def update() -> None:
        with torch.autocast(
            "cpu", dtype=torch.bfloat16, enabled=precision == "bfloat16"
        ):
            loss = model(**inputs).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()

    return lambda _: turns.take(update, count=int(mask.sum()))


if __name__ == "__main__":
    app.run(main)
