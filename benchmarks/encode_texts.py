"""Texts to vectors, beside transformers on the same weights.

    python benchmarks/encode_texts.py [--data=SHARED/data/jnli] [--rounds=5]

Programs take turns and encode the distinct texts of JNLI's valid split, or the first
shipped sentences, with ja-mini, token ids made beforehand, the mean of a text's tokens:
this toolkit packed in rows; transformers sorted by length, in batches that are padded
to their longest, which is how sentence-transformers calls it.

The peer is left out where it is not installed: `pip install transformers torch`.
"""

from __future__ import annotations

import dataclasses
import os
import tempfile
from collections.abc import Callable

import machine
import numpy as np
import shipped
import tables
import turns
from absl import app, flags

_DATA = flags.DEFINE_string("data", None, "Folder of JNLI's files.")
_TEXTS = flags.DEFINE_integer("texts", 2500, "Shipped sentences, without --data.")
_ROUNDS = flags.DEFINE_integer("rounds", 5, "Timed rounds, after one that is not.")
_BATCH = flags.DEFINE_integer("batch", 64, "Texts a batch.")
_THREADS = flags.DEFINE_integer("threads", machine.cores(), "Of torch.")
_WORKER = flags.DEFINE_string("worker", None, "Internal: the program to run.")
_IDS = flags.DEFINE_string("ids", None, "Internal: token ids and weights.")

_OURS, _TORCH = "this toolkit", "transformers"
_PROGRAMS = {_OURS: ("float32",), _TORCH: ("float32",)}
_MODEL = os.path.join(shipped.ROOT, "tf_bert/data/ja-mini")
_LONGEST = 96


def main(_: list[str]) -> None:
    """Times every program, or is one of them."""
    if _WORKER.value:
        turns.serve(_work(_WORKER.value))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/ids.npz"
        texts = _texts()
        _write_ids(texts, path=path)
        measured = turns.measure(
            _PROGRAMS, flags=[f"--ids={path}"], rounds=_ROUNDS.value
        )
        table = tables.Table(
            title=f"{len(texts)} texts to vectors",
            rows=measured.rows,
            unit="texts",
            beside=(f"{_TORCH}, float32",),
            missing=measured.missing,
        )
        tables.show(table)


def _texts() -> list[str]:
    from processors.readers.json_rows import read_jsonl

    if _DATA.value is None:
        return shipped.sentences()[: _TEXTS.value]
    name = next(n for n in sorted(os.listdir(_DATA.value)) if "valid" in n)
    texts: dict[str, None] = {}
    for row in read_jsonl(os.path.join(_DATA.value, name)):
        texts |= dict.fromkeys((row.value("sentence1"), row.value("sentence2")))
    return list(texts)


def _write_ids(texts: list[str], *, path: str) -> None:
    from processors.tokenization.sentence_piece import SentencePieceTokenizer

    tokenizer = SentencePieceTokenizer(f"{_MODEL}/sentencepiece.model")
    special = tokenizer.special
    rows = [
        [special.cls, *ids[: _LONGEST - 2], special.sep]
        for ids in tokenizer.encode_batch(texts)
    ]
    np.savez(
        path,
        ids=np.concatenate(rows).astype(np.int32),
        lengths=np.array([len(row) for row in rows]),
    )


def _work(name: str) -> Callable[[str], turns.Turn]:
    with np.load(_IDS.value) as file:
        rows = np.split(file["ids"], np.cumsum(file["lengths"])[:-1])
    encode = {_OURS: _ours, _TORCH: _torch}[name](rows)

    def work(_: str) -> turns.Turn:
        norms: list[float] = []

        def result(vectors: np.ndarray) -> str:
            norms.append(float(np.linalg.norm(vectors)))
            return tables.of_scores(vectors)

        turn = turns.take(encode, count=len(rows), result=result)
        return dataclasses.replace(turn, more={"norm of all": norms[0]})

    return work


def _ours(rows: list[np.ndarray]) -> Callable[[], np.ndarray]:
    from processors.batches.batch_shape import PadTo
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
