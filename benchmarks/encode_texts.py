"""Texts to vectors, beside transformers on the same weights.

    python benchmarks/encode_texts.py --data=SHARED/data/jnli [--rounds=5]

Programs take turns and encode the distinct texts of JNLI's valid split with
ja-mini, token ids made beforehand, the mean of a text's tokens: this toolkit packed
in rows; transformers sorted by length, in batches that are padded to their longest,
which is how sentence-transformers calls it.

The peer is left out where it is not installed: `pip install transformers torch`.
"""

from __future__ import annotations

import os
import statistics
import tempfile
from collections.abc import Callable
from typing import Any

import numpy as np
import turns
from absl import app, flags

_DATA = flags.DEFINE_string("data", None, "Folder of JNLI's files.")
_ROUNDS = flags.DEFINE_integer("rounds", 5, "Timed rounds, after one that is not.")
_BATCH = flags.DEFINE_integer("batch", 64, "Texts a batch.")
_THREADS = flags.DEFINE_integer("threads", 2, "Of torch.")
_WORKER = flags.DEFINE_string("worker", None, "Internal: the program to run.")
_IDS = flags.DEFINE_string("ids", None, "Internal: token ids and weights.")

_OURS, _TORCH = "this toolkit", "transformers"
_PROGRAMS = {_OURS: ("float32",), _TORCH: ("float32",)}
_MODEL = "tf_bert/data/ja-mini"
_LONGEST = 96


def main(_: list[str]) -> None:
    """Times every program, or is one of them."""
    if _WORKER.value:
        turns.serve(_work(_WORKER.value))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/ids.npz"
        texts = _write_ids(path)
        measured = turns.measure(
            _PROGRAMS, flags=[f"--ids={path}"], rounds=_ROUNDS.value
        )
        for name, rows in measured.items():
            seconds = statistics.median(row[0] for row in rows)
            print(
                f"{name:36}{texts / seconds:8.0f} texts/s median,"
                f" {texts / min(row[0] for row in rows):8.0f} best;"
                f" norm of all vectors {rows[0][1]:.3f}"
            )


def _write_ids(path: str) -> int:
    """Writes the ids of each distinct text; returns how many there are."""
    from processors.readers.json_rows import read_jsonl
    from processors.tokenization.sentence_piece import SentencePieceTokenizer

    name = next(n for n in sorted(os.listdir(_DATA.value)) if "valid" in n)
    texts: dict[str, None] = {}
    for row in read_jsonl(os.path.join(_DATA.value, name)):
        texts |= dict.fromkeys((row.value("sentence1"), row.value("sentence2")))
    tokenizer = SentencePieceTokenizer(f"{_MODEL}/sentencepiece.model")
    special = tokenizer.special
    rows = [
        [special.cls, *ids[: _LONGEST - 2], special.sep]
        for ids in tokenizer.encode_batch(list(texts))
    ]
    np.savez(
        path,
        ids=np.concatenate(rows).astype(np.int32),
        lengths=np.array([len(row) for row in rows]),
    )
    return len(rows)


def _work(name: str) -> Callable[[str], list[float]]:
    with np.load(_IDS.value) as file:
        rows = np.split(file["ids"], np.cumsum(file["lengths"])[:-1])
    encode = {_OURS: _ours, _TORCH: _torch}[name](rows)

    def work(_: str) -> list[float]:
        found: list[Any] = []
        seconds = turns.seconds_of(lambda: found.append(encode()))
        return [seconds, float(np.linalg.norm(found[0]))]

    return work


def _ours(rows: list[np.ndarray]) -> Callable[[], np.ndarray]:
    from processors.batches.batches import PadTo
    from processors.batches.features import Features
    from runtime.devices.placement import Accelerator, Backend, place
    from tf_bert.formats import find

    placement = place(Accelerator.CPU, backend=Backend.TENSORFLOW)
    from tf_bert.vectors.encoder import VectorEncoder, WantedVectors
    from tf_bert.vectors.settings import Pooling

    source = find.open_source("bundled:ja-mini")
    encoder = VectorEncoder(
        source.config,
        source=source,
        wanted=WantedVectors(
            pooling=Pooling.MEAN,
            max_seq_length=_LONGEST,
            batch_size=_BATCH.value,
            pad_to=PadTo.PACK,
        ),
        placement=placement,
    )
    features = [Features(row, np.zeros_like(row), None) for row in rows]
    return lambda: np.stack(encoder.vectors(features))


def _torch(rows: list[np.ndarray]) -> Callable[[], np.ndarray]:
    import torch
    import transformers

    torch.set_num_threads(_THREADS.value)
    model = transformers.BertModel.from_pretrained(
        _MODEL, add_pooling_layer=False, dtype=torch.float32
    ).eval()
    order = sorted(range(len(rows)), key=lambda place: len(rows[place]))

    @torch.inference_mode()
    def of_batch(some: list[np.ndarray]) -> np.ndarray:
        ids = np.full((len(some), max(map(len, some))), model.config.pad_token_id)
        mask = np.zeros_like(ids)
        for place, row in enumerate(some):
            ids[place, : len(row)] = row
            mask[place, : len(row)] = 1
        kept = torch.tensor(mask)
        states = model(torch.tensor(ids), attention_mask=kept).last_hidden_state
        weights = kept[:, :, None].float()
        mean = (states * weights).sum(1) / weights.sum(1)
        return np.asarray(mean)

    def encode() -> np.ndarray:
        found = np.empty((len(rows), model.config.hidden_size), np.float32)
        for start in range(0, len(order), _BATCH.value):
            places = order[start : start + _BATCH.value]
            found[places] = of_batch([rows[place] for place in places])
        return found

    return encode


if __name__ == "__main__":
    app.run(main)
