"""Pairs read together and each text by itself: how right, and how fast.

    python benchmarks/pairs.py --data=SHARED/data/jnli --output_dir=FOLDER \
        [--ways=cross,vectors/additive,...] [--trains=full,head] [--seeds=0,1,2]
    python benchmarks/pairs.py --data=SHARED/data/jnli --output_dir=FOLDER --rates

The first trains a model of every way, kind of training and seed on JNLI's valid split
(its train split is not among the files), or the train split of JSTS or JaNLI, and
writes scores of the test split, and of JSTS's valid split, to `scores.tsv`, a line as
it comes; what stands there is not done again. The second takes the models of the first
seed and kind of training and measures texts encoded a second, pairs scored a second
from the cache, the scoring of 6,705 pairs and of all pairs with a cold and a warm
cache, bytes a text, and the cross-encoder on a sample; beside the clock seconds of the
processor, all threads, in the last round: those mean something on a machine that does
other work, too.
"""

from __future__ import annotations

import dataclasses
import itertools
import os
import time
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import tables
import turns
from absl import app, flags

from processors.labels.targets import Objective
from processors.tokenization import create as tokenizers
from runtime import storage
from runtime.devices.placement import Accelerator, Backend, Placement, place
from tf_bert.classifier import preparation as cross_preparation
from tf_bert.classifier.preparation import BertClassifierJob
from tf_bert.classifier.settings import ClassifierSettings
from tf_bert.pairs import preparation, trained_pairs
from tf_bert.pairs.encoding import Encoded, TextEncoder
from tf_bert.pairs.heads import Attend, Combine
from tf_bert.pairs.nearest import Search, nearest
from tf_bert.pairs.settings import BiEncoderSettings

_DATA = flags.DEFINE_string("data", None, "Folder of JNLI's or JSTS's files.")
_OUTPUT = flags.DEFINE_string("output_dir", None, "Folder for runs and tables.")
_WAYS = flags.DEFINE_list(
    "ways",
    [
        *(f"vectors/{combine.value}" for combine in Combine),
        *(f"tokens/{name}" for name in ("additive", "dot", "reduced")),
        "cross",
    ],
    "cross, or ATTEND/COMBINE.",
)
_TRAINS = flags.DEFINE_list("trains", ["full", "head"], "What is trained.")
_SEEDS = flags.DEFINE_list("seeds", ["0"], "Seeds.")
_EPOCHS = flags.DEFINE_float("epochs", 10, "Passes over the training pairs.")
_RATE = flags.DEFINE_float("learning_rate", 5e-5, "Of the encoder.")
_BATCH = flags.DEFINE_integer("batch", 32, "Pairs an update.")
_HEAD_FACTOR = flags.DEFINE_float("head_factor", 1, "What rates of heads are times.")
_BACKEND = flags.DEFINE_string("backend", "tensorflow", "tensorflow or jax.")
_ACCELERATOR = flags.DEFINE_string("accelerator", "cpu", "What to run on.")
_RATES = flags.DEFINE_bool("rates", False, "Measure seconds, not scores.")

# Of heads: the smaller what they combine two texts to, the further their weights must
# go from where they start.
_HEAD_RATES = {
    "vectors/additive": 3e-3,
    "vectors/dot": 1e-1,
    "vectors/reduced": 1e-2,
    "vectors/features": 3e-3,
    "tokens/additive": 1e-3,
    "tokens/dot": 1e-3,
    "tokens/reduced": 3e-3,
}
_SHOWN = ("accuracy", "macro_f1", "pearson", "spearman")
_E001_PAIRS = 6705
_SAMPLE = 512
_MANY = 100_000
_TOP_K = 10
_MODEL = "bundled:ja-mini"

T = TypeVar("T")


def main(_: list[str]) -> None:
    """Trains, or measures, what the flags describe."""
    placement = _placement()
    if _RATES.value:
        _measure(placement)
        return
    wanted = itertools.product(_WAYS.value, _TRAINS.value, map(int, _SEEDS.value))
    rows = [
        _score(way, train=train, seed=seed, placement=placement)
        for way, train, seed in wanted
        if not (way == "cross" and train == "head")
    ]
    tables.show(
        tables.Table(
            title="one model trained and scored", rows=list(filter(None, rows))
        )
    )


def _placement() -> Placement:
    return place(Accelerator(_ACCELERATOR.value), backend=Backend(_BACKEND.value))


# -- how right ------------------------------------------------------------------------


def _score(
    way: str, *, train: str, seed: int, placement: Placement
) -> tables.Row | None:
    """Trains one model, if it is not yet, and writes a line."""
    name = f"{way}\t{train}\t{seed}\t"
    path = storage.join(_OUTPUT.value, "scores.tsv")
    lines = storage.read_text(path) if storage.exists(path) else ""
    if name in lines:
        return None
    start = time.perf_counter()
    results = _run(way, train=train, seed=seed, placement=placement)
    seconds = time.perf_counter() - start
    shown = {
        key.removeprefix("test_"): float(value)
        for key, value in sorted(results.scores.items())
        if key.partition("_")[2] in _SHOWN
    }
    said = " ".join(f"{key}={value:.4f}" for key, value in shown.items())
    line = f"{name}{said}\t{seconds:.0f} s\n"
    print(line, end="", flush=True)
    storage.write_text(path, lines + line)
    return tables.Row(
        name=f"{way}, {train}, seed {seed}",
        seconds=[seconds],
        digest=tables.digest(said),
        more=shown,
    )


def _run(way: str, *, train: str, seed: int, placement: Placement) -> Any:
    settings = _settings(way, train=train, seed=seed)
    if isinstance(settings, BiEncoderSettings):
        from tf_bert.pairs import run as bi

        return bi.run(preparation.prepare(settings), placement=placement)
    from tf_bert.classifier import run as cross

    return cross.run(cross_preparation.prepare(settings), placement=placement)


def _settings(way: str, *, train: str, seed: int) -> ClassifierSettings:
    is_number = "jsts" in os.path.basename(_DATA.value)
    told: dict[str, Any] = {
        **_task(),
        "objective": Objective.REGRESSION if is_number else Objective.CLASSIFICATION,
        "init_checkpoint": _MODEL,
        "max_seq_length": 128 if way == "cross" else 96,
        "train_batch_size": _BATCH.value,
        "predict_batch_size": 64,
        "learning_rate": _RATE.value,
        "num_train_epochs": _EPOCHS.value,
        "save_checkpoints_steps": 10_000,
        "train": train,
        "seed": seed,
        "do_train": True,
        "do_eval": "dev_file" in _task(),
        "do_predict": True,
        "score_test": True,
        "output_dir": storage.join(_OUTPUT.value, f"{way}-{train}-{seed}"),
    }
    if way == "cross":
        return ClassifierSettings(**told)
    attend, combine = way.split("/")
    kind = {"combine": Combine(combine), "attend": Attend(attend)}
    rate = _HEAD_RATES[way] * _HEAD_FACTOR.value
    return BiEncoderSettings(**told, **kind, head_learning_rate=rate)


def _task() -> dict[str, str]:
    """The task, and the files of the splits that are trained on and measured."""
    names = storage.list_dir(_DATA.value)
    if "janli.tsv" in names:
        return {"task_name": "janli", "data_dir": _DATA.value}
    found = {
        split: next((n for n in names if part in n and n.endswith(".json")), None)
        for split, part in (("train", "train"), ("dev", "valid"), ("test", "test"))
    }
    found["train"] = found["train"] or found.pop("dev")
    return {
        "task_name": "jsonl",
        "data_dir": _DATA.value,
        "text_a": "sentence1",
        "text_b": "sentence2",
        "label": "label",
        **{f"{split}_file": name for split, name in found.items() if name},
    }


# -- how fast -------------------------------------------------------------------------


def _measure(placement: Placement) -> None:
    seed = int(_SEEDS.value[0])
    settings = _settings("vectors/additive", train="full", seed=seed)
    job = cross_preparation.prepare(_settings("cross", train="full", seed=seed))
    examples = job.examples("train")
    cross = _cross(job, placement=placement)
    texts = list(dict.fromkeys(t for e in examples for t in (e.text_a, str(e.text_b))))
    ways = [way for way in _WAYS.value if way != "cross"]
    measured = {way: _rates(way, texts, settings) for way in ways}
    for title, unit in (("texts encoded", "texts"), ("pairs scored", "pairs")):
        rows = [row for rows in measured.values() for row in rows[unit]]
        table = tables.Table(
            title=f"{title}, of {len(texts)} texts",
            rows=[cross, *rows] if unit == "pairs" else rows,
            unit=unit,
            beside=(cross.name,),
        )
        tables.show(table)


def _cross(job: BertClassifierJob, *, placement: Placement) -> tables.Row:
    """What a cross-encoder takes for the sample, once it is compiled."""
    from tf_bert.formats import find
    from tf_bert.vectors.encoder import PadTo, VectorEncoder, WantedVectors
    from tf_bert.vectors.settings import Pooling

    wanted = WantedVectors(
        pooling=Pooling.CLS, max_seq_length=128, batch_size=64, pad_to=PadTo.PACK
    )
    encoder = VectorEncoder(
        job.config, source=find.open_source(_MODEL), wanted=wanted, placement=placement
    )
    dataset = job.splits["train"].dataset
    rows = [dataset.example(number) for number in range(_SAMPLE)]
    encoder.vectors(rows[:64])
    return _row(
        f"cross-encoder, {_SAMPLE} pairs",
        lambda: encoder.vectors(rows),
        count=_SAMPLE,
        result=lambda vectors: tables.of_scores(np.stack(vectors)),
    )


def _rates(
    way: str, texts: list[str], settings: ClassifierSettings
) -> dict[str, list[tables.Row]]:
    """Rows of texts that are encoded, and of pairs that are scored."""
    seed = int(_SEEDS.value[0])
    trained = trained_pairs.open_trained(
        storage.join(_OUTPUT.value, f"{way}-{_TRAINS.value[0]}-{seed}")
    )
    tokenizer = tokenizers.create(settings)

    def encode(some: list[str], folder: str | None = None) -> Encoded:
        encoder = TextEncoder(
            trained.source,
            config=trained.config,
            tokenizer=tokenizer,
            kept=trained.kept(max_seq_length=settings.max_seq_length),
            place=_placement,
        )
        return encoder.encode(some, cache=folder)

    encode(texts[:64])  # what is loaded once
    with storage.temporary_dir() as folder:

        def row(name: str, work: Callable[[], T], **about: Any) -> tables.Row:
            return _row(f"{way}, {name}", work, **about)

        every = {"count": len(texts)}
        cold = row("cold", lambda: encode(texts, folder), rounds=1, **every)
        warm = row("warm", lambda: encode(texts, folder), **every)
        encoded = encode(texts, folder)
        size = {"bytes a text": encoded.cache.size / len(texts)}
        rng, model = np.random.default_rng(0), trained.model
        scored = []
        for count in (_E001_PAIRS, _MANY):
            some = rng.integers(len(texts), size=(count, 2))
            scored.append(
                row(
                    f"{count} pairs",
                    lambda some=some: model.score(encoded, encoded, some),
                    count=count,
                    result=tables.of_scores,
                )
            )
        if model.head.attend is Attend.VECTORS:
            search = Search(label=0, top_k=_TOP_K)
            best = row(
                f"{_TOP_K} best of all",
                lambda: list(nearest(model, encoded, search=search)),
                count=len(texts) * (len(texts) - 1),
                result=_best,
            )
            scored.append(best)
    return {
        "texts": [
            dataclasses.replace(each, more={**each.more, **size})
            for each in (cold, warm)
        ],
        "pairs": scored,
    }


def _best(found: list[np.ndarray]) -> str:
    return tables.of_ids(np.concatenate(found).tolist())


def _row(
    name: str,
    work: Callable[[], T],
    *,
    count: int,
    rounds: int = 3,
    result: Callable[[T], str] | None = None,
) -> tables.Row:
    """Some rounds of work, with seconds of the processor."""

    def turn() -> turns.Turn:
        busy = time.process_time()
        taken = turns.take(work, count=count, result=result)
        # Making the digest is counted as well: it is short.
        return dataclasses.replace(
            taken, more={"processor, s": time.process_time() - busy}
        )

    [row] = turns.measure_here({name: turn}, rounds=rounds, untimed=0)
    return row


if __name__ == "__main__":
    flags.mark_flags_as_required(["data", "output_dir"])
    app.run(main)
