"""Training steps of BERT-base on one GPU, beside Hugging Face's compiled by torch.

    python benchmarks/gpu_step.py [--report=FILE.md]

Each line is measured in a process of its own: seconds to the first update, then the
median of the rounds, each waited for. Texts are the shipped ones, with their natural
lengths or run on without a break. Utilisation counts the real tokens' arithmetic
against `--peak_teraflops`. Random weights, dropout 0.1, AdamW with clipping.

`--accelerator=cpu --layers=1 --batch_share=0.02` tries the program without a GPU.
Peers (optional): `pip install torch transformers`.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from absl import app, flags

_ACCELERATOR = flags.DEFINE_string("accelerator", "gpu", "gpu, or cpu to try this.")
_LAYERS = flags.DEFINE_integer("layers", 12, "Transformer layers.")
_SHARE = flags.DEFINE_float("batch_share", 1.0, "Share of the batches' examples.")
_ROUNDS = flags.DEFINE_integer("rounds", 5, "Timed rounds.")
_PEAK = flags.DEFINE_float("peak_teraflops", 989, "Of the device, bfloat16 dense.")
_REPORT = flags.DEFINE_string("report", None, "Markdown file for the table.")
_WORKER = flags.DEFINE_string("worker", None, "Internal: a case, as JSON.")

_LABELS, _VOCABULARY, _HIDDEN, _INNER = 9, 32000, 768, 3072
_UPDATES = 4  # in a call


@dataclasses.dataclass(frozen=True, kw_only=True)
class Case:
    """One line of the table.

    Attributes:
        program: `ours` or `torch`.
        texts: `natural` sentences, or rows that are `full`.
        batch: Examples an update.
        length: Tokens of a row.
        precision: Arithmetic.
        pad_to: Layout of our batches.
        attention: As the flag of a run.
        deterministic: As the flag of a run.
    """

    program: str
    texts: str
    batch: int
    length: int
    precision: str = "bfloat16"
    pad_to: str = "pack"
    attention: str = "auto"
    deterministic: bool = True


_FULL = {"texts": "full", "batch": 256, "length": 128}
_NATURAL = {"texts": "natural", "batch": 256, "length": 128}
_LONG = {"texts": "full", "batch": 32, "length": 512}
_CASES = (
    Case(program="ours", **_FULL),
    Case(program="torch", **_FULL),
    Case(program="ours", **_NATURAL),
    Case(program="torch", **_NATURAL),
    Case(program="ours", **_LONG),
    Case(program="torch", **_LONG),
    Case(program="ours", **_FULL, deterministic=False),
    Case(program="ours", **_LONG, attention="plain"),
    Case(program="ours", **{**_FULL, "batch": 64}, precision="float32"),
    Case(program="ours", **{**_FULL, "batch": 64}, precision="tf32"),
)


def main(_: list[str]) -> None:
    """Measures every case and prints a table."""
    if _WORKER.value:
        print(json.dumps(_measure(Case(**json.loads(_WORKER.value)))))
        return
    lines = [
        "| program | texts | batch | precision | options | ms | seq/s | of peak |"
        " first update, s | memory, GiB | same bits |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    print("\n".join(lines), flush=True)
    for case in _CASES:
        lines.append(_line(case, _ask(case)))
        print(lines[-1], flush=True)
    if _REPORT.value:
        with open(_REPORT.value, "w", encoding="utf-8") as file:
            file.write("\n".join([*_heading(), *lines, ""]))


def _ask(case: Case) -> Mapping[str, Any]:
    """Measures a case in a process of its own, which has the device to itself."""
    command = [sys.executable, *sys.argv, f"--worker={json.dumps(vars(case))}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return {"failed": (done.stderr.strip().splitlines() or ["no word"])[-1]}
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _line(case: Case, found: Mapping[str, Any]) -> str:
    options = "torch.compile, sdpa" if case.program == "torch" else case.pad_to
    options += "" if case.attention == "auto" else f", attention={case.attention}"
    options += "" if case.deterministic else ", nodeterministic"
    head = (case.program, f"{case.texts}, {case.length}", case.batch, case.precision)
    if "failed" in found:
        return f"| {' | '.join(map(str, head))} | {options} | {found['failed']} |"
    numbers = (
        f"{found['seconds'] * 1e3:.1f}",
        f"{found['examples'] / found['seconds']:.0f}",
        f"{found['flops'] / found['seconds'] / _PEAK.value / 1e12:.1%}",
        f"{found['first']:.1f}",
        f"{found['memory'] / 2**30:.1f}",
        found["same_bits"],
    )
    return f"| {' | '.join(map(str, (*head, options, *numbers)))} |"


def _heading() -> list[str]:
    import jax
    import keras

    device = jax.devices()[0].device_kind
    return [
        f"# Training steps on one {device}",
        "",
        f"{time.strftime('%Y-%m-%d')}, jax {jax.__version__}, keras"
        f" {keras.__version__}: `python {' '.join(sys.argv)}`",
        "",
    ]


# -- a worker -------------------------------------------------------------------------


def _measure(case: Case) -> dict[str, Any]:
    ids, lengths = _token_ids(case)
    labels = np.arange(len(ids), dtype=np.int32) % _LABELS
    make = _torch if case.program == "torch" else _ours
    start = time.perf_counter()
    call, memory, digest = make(case, ids, lengths, labels)
    call()
    first = time.perf_counter() - start
    once = digest()
    seconds = []
    for _ in range(_ROUNDS.value):
        start = time.perf_counter()
        call()
        seconds.append((time.perf_counter() - start) / _UPDATES)
    again, _, digest = make(case, ids, lengths, labels)
    again()
    return {
        "seconds": statistics.median(seconds),
        "first": first,
        "examples": len(ids) // _UPDATES,
        "flops": _flops(lengths) / _UPDATES,
        "memory": memory(),
        "same_bits": "yes" if digest() == once else "no",
    }


def _flops(lengths: np.ndarray) -> float:
    """Of forward and backward, real tokens alone."""
    per_token = 4 * _HIDDEN**2 + 2 * _HIDDEN * _INNER
    squares = float((lengths.astype(np.float64) ** 2).sum())
    dense = 6.0 * per_token * float(lengths.sum())
    return _LAYERS.value * (dense + 12.0 * _HIDDEN * squares)


def _token_ids(case: Case) -> tuple[np.ndarray, np.ndarray]:
    """Ids `[examples, length]`, 0 behind the text, and lengths, of a call's updates."""
    from processors.tasks.authors import AuthorsProcessor
    from processors.tokenization.sentence_piece import SentencePieceTokenizer

    root = os.path.join(os.path.dirname(__file__), "..", "processors", "data")
    tokenizer = SentencePieceTokenizer(f"{root}/aozora_spm_8k/aozora-ja.model")
    authors = AuthorsProcessor()
    shipped = authors.get_train_examples(authors.default_data_dir)
    texts = [example.text_a for example in shipped]
    count = max(int(case.batch * _SHARE.value), 1) * _UPDATES
    if case.texts == "full":
        flat = np.concatenate([np.array(ids) for ids in tokenizer.encode_batch(texts)])
        flat = np.resize(flat, count * case.length)
        ids = flat.reshape(count, case.length).astype(np.int32)
        return ids, np.full(count, case.length)
    sentences = [s + "。" for text in texts for s in text.split("。") if s.strip()]
    chosen = [sentences[i % len(sentences)] for i in range(count)]
    ids = np.zeros((count, case.length), np.int32)
    lengths = np.zeros(count, np.int64)
    for row, tokens in enumerate(tokenizer.encode_batch(chosen)):
        lengths[row] = len(tokens[: case.length])
        ids[row, : lengths[row]] = tokens[: case.length]
    return ids, lengths


_Made = tuple[Callable[[], object], Callable[[], int], Callable[[], str]]


def _ours(
    case: Case, ids: np.ndarray, lengths: np.ndarray, labels: np.ndarray
) -> _Made:
    from processors.batches.batch_shape import BatchShape, PadTo
    from processors.batches.batches import TrainBatches, stack
    from processors.batches.features import Features
    from processors.batches.token_dataset import TokenDataset
    from runtime.devices.placement import (
        Accelerator,
        AttentionBy,
        Backend,
        Precision,
        StepOptions,
        place,
    )
    from runtime.engine import engine
    from runtime.engine.optimizer_settings import OptimizerSettings

    placement = place(
        Accelerator(_ACCELERATOR.value),
        backend=Backend.JAX,
        precision=Precision(case.precision),
        options=StepOptions(
            attention=AttentionBy(case.attention), deterministic=case.deterministic
        ),
    )
    import jax

    from runtime.engine.objectives import ClassificationObjective
    from tf_bert.classifier.heads import BertClassifier

    def build() -> BertClassifier:
        policy = placement.precision.keras_policy
        model = BertClassifier(_config(), num_labels=_LABELS, dtype=policy)
        model.build_variables()
        return model

    made = engine.create(
        placement,
        build_model=build,
        objective=ClassificationObjective(),
        optimizer=OptimizerSettings(learning_rate=1e-5, num_train_steps=1000),
        seed=0,
    )
    rows = zip(ids, lengths, labels, strict=True)
    dataset = TokenDataset.from_features(
        [Features(row[:n], np.zeros(n, np.int32), int(label)) for row, n, label in rows]
    )
    shape = BatchShape(
        per_replica_batch=len(ids) // _UPDATES,
        max_seq_length=case.length,
        pad_to=PadTo(case.pad_to),
    )
    batches = TrainBatches(dataset, shape=shape, seed=0)
    arrays = stack([batches.batch(step) for step in range(_UPDATES)])
    return (
        lambda: made.train(arrays),
        lambda: (jax.devices()[0].memory_stats() or {}).get("peak_bytes_in_use", 0),
        lambda: _digest(made.state().weights),
    )


def _config() -> Any:
    from tf_bert.model.config import BertConfig

    return BertConfig(
        vocab_size=_VOCABULARY, num_hidden_layers=_LAYERS.value, type_vocab_size=2
    )


def _torch(
    case: Case, ids: np.ndarray, lengths: np.ndarray, labels: np.ndarray
) -> _Made:
    import torch
    import transformers

    device = "cuda" if _ACCELERATOR.value == "gpu" else "cpu"
    torch.manual_seed(0)
    torch.backends.cuda.matmul.allow_tf32 = case.precision == "tf32"
    config = transformers.BertConfig(
        vocab_size=_VOCABULARY,
        num_hidden_layers=_LAYERS.value,
        num_labels=_LABELS,
        attn_implementation="sdpa",
    )
    model = transformers.BertForSequenceClassification(config).to(device).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, fused=device == "cuda")
    compiled = torch.compile(model)
    mask = np.arange(case.length) < lengths[:, np.newaxis]
    parts = [np.array_split(array, _UPDATES) for array in (ids, mask, labels)]

    def call() -> None:
        for batch in zip(*parts, strict=True):
            tokens, seen, answers = (
                torch.tensor(array, dtype=torch.long, device=device) for array in batch
            )
            with torch.autocast(
                device, dtype=torch.bfloat16, enabled=case.precision == "bfloat16"
            ):
                found = compiled(input_ids=tokens, attention_mask=seen, labels=answers)
            found.loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
        float(found.loss)

    return (
        call,
        lambda: torch.cuda.max_memory_allocated() if device == "cuda" else 0,
        lambda: _digest(
            {n: v.detach().cpu().numpy() for n, v in model.state_dict().items()}
        ),
    )


def _digest(weights: Mapping[str, np.ndarray]) -> str:
    found = hashlib.sha256()
    for name in sorted(weights):
        found.update(np.ascontiguousarray(weights[name]).tobytes())
    return found.hexdigest()


if __name__ == "__main__":
    app.run(main)
