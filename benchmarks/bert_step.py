"""One training step of BERT-base, beside KerasHub's `fit` and Hugging Face on torch.

    python benchmarks/bert_step.py [--corpus=SHARED/data/livedoor] [--batch=32]

The programs take turns, and medians over rounds are printed. All see the same token
ids: sentences of the livedoor corpus, or the shipped paragraphs, at their natural
lengths, or rows filled to `--max_seq_length`. Random weights, dropout 0.1, an AdamW
update in each step.

Peers (optional; one that is not installed is left out with a line that says so):
`pip install keras-hub==0.32.0 tensorflow-text==2.21.1 transformers==5.23.0 torch`.
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

_CORPUS = flags.DEFINE_string("corpus", None, "Folder of the livedoor news.")
_BATCH = flags.DEFINE_integer("batch", 32, "Examples a step.")
_LENGTH = flags.DEFINE_integer("max_seq_length", 128, "Tokens in a full row.")
_LAYERS = flags.DEFINE_integer("layers", 12, "Transformer layers.")
_ROUNDS = flags.DEFINE_integer("rounds", 5, "Timed rounds, after one that is not.")
_PRECISIONS = flags.DEFINE_list("precisions", ["float32", "bfloat16"], "What to time.")
_ROWS = flags.DEFINE_list("rows", ["natural", "full"], "Lengths of the texts.")
_WORKER = flags.DEFINE_string("worker", None, "Internal: the program to run.")
_DATA = flags.DEFINE_string("data", None, "Internal: the token ids, npz.")

_LABELS = 9
_VOCABULARY = 32000
_PEERS = {
    "this toolkit": ("pack", "bucket", "max"),
    "KerasHub fit": ("max",),
    "torch": ("max",),
}


@dataclasses.dataclass(frozen=True)
class Texts:
    """Token ids of one batch, padded: int32 `[batch, length]`, mask 1 for tokens."""

    ids: np.ndarray
    mask: np.ndarray
    labels: np.ndarray

    @property
    def real_share(self) -> float:
        """Share of positions that hold a token."""
        return float(self.mask.mean())


# -- the parent -----------------------------------------------------------------------


def main(_: list[str]) -> None:
    """Times every program on natural lengths and on full rows."""
    if _WORKER.value:
        _work(_WORKER.value)
        return
    with tempfile.TemporaryDirectory() as folder:
        for rows in _ROWS.value:
            _compare(rows, path=f"{folder}/{rows}.npz")


def _compare(rows: str, *, path: str) -> None:
    """Times every program on one batch, which is written to `path`."""
    texts = _texts(filled=rows == "full")
    np.savez(path, **dataclasses.asdict(texts))
    for precision in _PRECISIONS.value:
        measured = turns.measure(
            _PEERS,
            flags=[f"--data={path}", f"--precisions={precision}"],
            rounds=_ROUNDS.value,
        )
        table = tables.Table(
            title=f"{rows} lengths, {_BATCH.value} examples, "
            f"{texts.real_share:.0%} real tokens, {precision}",
            rows=measured.rows,
            unit="tokens",
            beside=("KerasHub fit, max", "torch, max"),
            missing=measured.missing,
        )
        tables.show(table)


def _texts(*, filled: bool) -> Texts:
    """A batch of sentences, or of the corpus run on without a break."""
    from processors.corpora import livedoor
    from processors.tokenization.sentence_piece import SentencePieceTokenizer

    tokenizer = SentencePieceTokenizer(shipped.MODEL_FILE)
    if _CORPUS.value:
        longer = [article.text for article in livedoor.read(_CORPUS.value)]
    else:
        longer = shipped.paragraphs()
    random = np.random.RandomState(1)
    chosen = [longer[i] for i in random.permutation(len(longer))[:300]]
    if filled:
        texts = ["".join(chosen[i :: _BATCH.value]) for i in range(_BATCH.value)]
    elif not _CORPUS.value:
        texts = chosen[: _BATCH.value]
    else:
        sentences = [s + "。" for text in chosen for s in text.split("。") if s.strip()]
        order = random.permutation(len(sentences))[: _BATCH.value]
        texts = [sentences[i] for i in order]
    special, length = tokenizer.special, _LENGTH.value
    ids = np.zeros((_BATCH.value, length), np.int32)
    mask = np.zeros_like(ids)
    for row, tokens in enumerate(tokenizer.encode_batch(texts)):
        whole = [special.cls, *tokens[: length - 2], special.sep]
        ids[row, : len(whole)], mask[row, : len(whole)] = whole, 1
    return Texts(ids, mask, random.randint(0, _LABELS, _BATCH.value).astype(np.int32))


# -- the workers ----------------------------------------------------------------------


def _work(name: str) -> None:
    with np.load(_DATA.value) as data:
        texts = Texts(data["ids"], data["mask"], data["labels"])
    make = {
        "this toolkit": _this_toolkit,
        "KerasHub fit": _keras_hub,
        "torch": _torch,
    }[name]
    turns.serve(make(texts, _PRECISIONS.value[0]))


def _this_toolkit(texts: Texts, precision: str) -> Callable[[str], turns.Turn]:
    from processors.batches.batch_shape import BatchShape, PadTo
    from processors.batches.batches import TrainBatches, stack
    from processors.batches.features import Features
    from processors.batches.token_dataset import TokenDataset
    from runtime.devices.placement import Accelerator, Backend, Precision, place
    from runtime.engine import engine
    from runtime.engine.optimizer_settings import OptimizerSettings

    placement = place(
        Accelerator.CPU, backend=Backend.TENSORFLOW, precision=Precision(precision)
    )
    from runtime.engine.objectives import ClassificationObjective
    from tf_bert.classifier.heads import BertClassifier
    from tf_bert.model.config import BertConfig

    def build() -> BertClassifier:
        config = BertConfig(
            vocab_size=_VOCABULARY, num_hidden_layers=_LAYERS.value, type_vocab_size=2
        )
        policy = placement.precision.keras_policy
        model = BertClassifier(config, num_labels=_LABELS, dtype=policy)
        model.build_variables()
        return model

    made = engine.create(
        placement,
        build_model=build,
        objective=ClassificationObjective(),
        optimizer=OptimizerSettings(learning_rate=1e-5, num_train_steps=1000),
        seed=0,
    )
    dataset = TokenDataset.from_features(
        [
            Features(ids[mask > 0], np.zeros(mask.sum(), np.int32), int(label))
            for ids, mask, label in zip(
                texts.ids, texts.mask, texts.labels, strict=True
            )
        ]
    )

    tokens = int(texts.mask.sum())

    def step(layout: str) -> turns.Turn:
        shape = BatchShape(
            per_replica_batch=len(texts.ids),
            max_seq_length=texts.ids.shape[1],
            pad_to=PadTo(layout),
        )
        arrays = stack([TrainBatches(dataset, shape=shape, seed=0).batch(0)])
        return turns.take(
            lambda: made.train(arrays),
            count=tokens,
            result=lambda report: tables.of_losses(report.losses),
        )

    return step


def _keras_hub(texts: Texts, precision: str) -> Callable[[str], turns.Turn]:
    os.environ["KERAS_BACKEND"] = "tensorflow"
    import keras
    import keras_hub

    policy = "float32" if precision == "float32" else "mixed_bfloat16"
    backbone = keras_hub.models.BertBackbone(
        vocabulary_size=_VOCABULARY,
        num_layers=_LAYERS.value,
        num_heads=12,
        hidden_dim=768,
        intermediate_dim=3072,
        num_segments=2,
        max_sequence_length=512,
        dtype=policy,
    )
    model = keras_hub.models.BertTextClassifier(
        backbone, num_classes=_LABELS, preprocessor=None
    )
    model.compile(
        optimizer=keras.optimizers.AdamW(1e-5),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    inputs = {
        "token_ids": texts.ids,
        "padding_mask": texts.mask,
        "segment_ids": np.zeros_like(texts.ids),
    }
    steps = 2  # so that the cost of starting `fit` counts half

    def step(_: str) -> turns.Turn:
        many = {name: np.concatenate([x] * steps) for name, x in inputs.items()}
        labels = np.concatenate([texts.labels] * steps)
        batch = len(texts.ids)
        turn = turns.take(lambda: model.fit(many, labels, batch_size=batch, verbose=0))
        count = int(texts.mask.sum())
        return turns.Turn(seconds=turn.seconds / steps, count=count)

    return step


def _torch(texts: Texts, precision: str) -> Callable[[str], turns.Turn]:
    import torch
    import transformers

    torch.set_num_threads(machine.cores())
    model = transformers.BertForSequenceClassification(
        transformers.BertConfig(
            vocab_size=_VOCABULARY,
            num_hidden_layers=_LAYERS.value,
            num_labels=_LABELS,
        )
    ).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5)
    ids, mask, labels = (
        torch.tensor(array, dtype=torch.long)
        for array in (texts.ids, texts.mask, texts.labels)
    )

    def update() -> None:
        with torch.autocast(
            "cpu", dtype=torch.bfloat16, enabled=precision == "bfloat16"
        ):
            loss = model(input_ids=ids, attention_mask=mask, labels=labels).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()

    return lambda _: turns.take(update, count=int(texts.mask.sum()))


if __name__ == "__main__":
    app.run(main)
