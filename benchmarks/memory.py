"""Memory of a pre-training run, by the tokens that it reads.

    python benchmarks/memory.py [--tokens=2e7,4e7] [--masked] [--backend=jax]

Records of random ids are made, and `scripts/run_pretraining.py` trains a tiny BERT on
them and evaluates it on others. The most of it that was its own (`RssAnon` of Linux) is
printed, and what of files it had mapped besides, which the system takes back at need.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping

import numpy as np
from absl import app, flags

from processors.pretraining import records
from processors.pretraining.dataset import Description
from processors.pretraining.settings import Mode
from processors.records import example_columns
from processors.records.example_columns import Column

_TOKENS = flags.DEFINE_list("tokens", ["2e7", "4e7"], "Tokens to train on.")
_MASKED = flags.DEFINE_bool("masked", False, "Whether the records are masked.")
_BACKEND = flags.DEFINE_string("backend", "jax", "Engine.")
_UPDATES = flags.DEFINE_integer("updates", 20, "Updates.")

_ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_BERT = os.path.join(_ROOT, "recipes/bert_tiny.json")
_VOCABULARY, _LENGTH, _MASKS = 8000, 128, 20
_SPECIAL = {"pad": 0, "unk": 1, "cls": 2, "sep": 3, "mask": 4}
_TOKENS_A_FILE = 100_000_000
_EVALUATED = 1_000_000
_SECONDS_A_LOOK = 0.02
_KINDS = ("RssAnon", "RssFile", "RssShmem")


def main(_: list[str]) -> None:
    """Prints a row for each number of tokens."""
    print(f"{'tokens':>14}{'sequences':>12}{'own MB':>9}{'mapped MB':>11}{'s':>7}")
    for number in map(float, _TOKENS.value):
        with tempfile.TemporaryDirectory() as folder:
            _print_row(folder, tokens=int(number))


def _print_row(folder: str, *, tokens: int) -> None:
    firsts = range(0, tokens, _TOKENS_A_FILE)
    sequences = sum(
        _write(
            f"{folder}/train-{first:012d}.tf_record",
            tokens=min(_TOKENS_A_FILE, tokens - first),
            seed=first,
        )
        for first in firsts
    )
    _write(f"{folder}/eval.tf_record", tokens=_EVALUATED, seed=1)
    start = time.perf_counter()
    peaks = _watched(_command(folder))
    seconds = time.perf_counter() - start
    mapped = peaks["RssFile"] + peaks["RssShmem"]
    print(
        f"{tokens:>14,}{sequences:>12,}{peaks['RssAnon']:>9.0f}{mapped:>11.0f}"
        f"{seconds:>7.0f}",
        flush=True,
    )


def _command(folder: str) -> list[str]:
    return [
        sys.executable,
        os.path.join(_ROOT, "scripts/run_pretraining.py"),
        *("--do_train", "--do_eval", f"--backend={_BACKEND.value}"),
        f"--input_file={folder}/train-*.tf_record",
        f"--eval_file={folder}/eval.tf_record",
        f"--bert_config_file={_BERT}",
        f"--output_dir={folder}/run",
        f"--max_predictions_per_seq={_MASKS}",
        f"--num_train_steps={_UPDATES.value}",
        *("--num_warmup_steps=2", "--train_batch_size=32", "--max_eval_steps=5"),
    ]


def _watched(command: list[str]) -> Mapping[str, float]:
    """Runs a command; returns the most megabytes of each kind of memory it had.

    Raises:
        SystemExit: It failed.
    """
    process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": _ROOT})
    peaks = dict.fromkeys(_KINDS, 0.0)
    while process.poll() is None:
        for kind, value in _resident(process.pid).items():
            peaks[kind] = max(peaks[kind], value)
        time.sleep(_SECONDS_A_LOOK)
    if process.returncode:
        raise SystemExit(process.returncode)
    return peaks


def _resident(process: int) -> dict[str, float]:
    with open(f"/proc/{process}/status", encoding="utf-8") as status:
        rows = dict(line.split(":", 1) for line in status)
    return {
        kind: int(rows[kind].split()[0]) * 1024 / 1e6 for kind in _KINDS if kind in rows
    }


def _write(path: str, *, tokens: int, seed: int) -> int:
    mode = Mode.STATIC if _MASKED.value else Mode.DYNAMIC
    description = Description(
        mode=mode,
        objective="mlm",
        max_seq_length=_LENGTH,
        max_predictions_per_seq=_MASKS,
        mlm_rates=(0.15,),
        tokenizer={},
        vocab_size=_VOCABULARY,
        special_ids=_SPECIAL,
    )
    payloads = _payloads(tokens, rng=np.random.default_rng(seed))
    return records.write([path], payloads, description=description)


def _payloads(tokens: int, *, rng: np.random.Generator) -> Iterator[bytes]:
    made = 0
    while made < tokens:
        columns = _masked(rng) if _MASKED.value else _unmasked(rng)
        made += len(columns["input_ids"].values)
        yield from example_columns.encode(columns)


def _unmasked(rng: np.random.Generator) -> dict[str, Column]:
    lengths = rng.integers(100, _LENGTH + 1, records.EXAMPLES_A_BLOCK)
    ids = rng.integers(len(_SPECIAL), _VOCABULARY, lengths.sum())
    ids[np.cumsum(lengths) - 1] = _SPECIAL["sep"]
    ids[np.cumsum(lengths) - lengths] = _SPECIAL["cls"]
    return {
        "input_ids": Column(ids, lengths),
        "segment_ids": Column(np.zeros_like(ids), lengths),
    }


def _masked(rng: np.random.Generator) -> dict[str, Column]:
    """Full rows whose first tokens after [CLS] are masked."""
    rows = records.EXAMPLES_A_BLOCK
    ids = rng.integers(len(_SPECIAL), _VOCABULARY, (rows, _LENGTH))
    labels = ids[:, 1 : _MASKS + 1].copy()
    ids[:, 0], ids[:, -1] = _SPECIAL["cls"], _SPECIAL["sep"]
    ids[:, 1 : _MASKS + 1] = _SPECIAL["mask"]
    positions = np.tile(np.arange(1, _MASKS + 1), (rows, 1))
    values = {
        "input_ids": ids,
        "input_mask": np.ones_like(ids),
        "segment_ids": np.zeros_like(ids),
        "masked_lm_positions": positions,
        "masked_lm_ids": labels,
        "masked_lm_weights": np.ones(positions.shape, np.float32),
    }
    return {
        name: Column(value.ravel(), np.full(rows, value.shape[1]))
        for name, value in values.items()
    }


if __name__ == "__main__":
    app.run(main)
