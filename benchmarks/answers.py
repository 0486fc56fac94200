r"""Answers of a trained BERT beside `transformers.pipeline` on the same weights.

    python benchmarks/answers.py --model=runs/x --exported=exported/huggingface \
        --texts=texts.txt

`exported` is what scripts/export_model.py --formats=huggingface made of the run; a line
of `texts` is a text, by default a shipped paragraph. The programs take turns. Seconds
from the command to the answer of the first text, in a fresh process each time; then
texts a second of all, with the model loaded: here in the run's own batches, there one
text after the other, as the pipeline does by default, and in batches. Both in float32.
Beside the time, seconds of the processors in the last round, which other work on the
machine changes less. Equal digests are equal labels and probabilities of two decimals.
Needs torch and transformers.
"""

from __future__ import annotations

import dataclasses
import functools
import resource
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import shipped
import tables
import turns
from absl import app, flags

_MODEL = flags.DEFINE_string("model", None, "A run's folder.", required=True)
_EXPORTED = flags.DEFINE_string(
    "exported", None, "Its Hugging Face folder.", required=True
)
_TEXTS = flags.DEFINE_string("texts", None, "A text a line; the shipped paragraphs.")
_MOST = flags.DEFINE_integer("most", 1000, "Texts that are read of them.")
_BACKEND = flags.DEFINE_string("backend", "tensorflow", "Of this toolkit.")
_BATCH = flags.DEFINE_integer("batch", 32, "Texts a batch of the pipeline.")
_ROUNDS = flags.DEFINE_integer("rounds", 5, "Rounds that count.")
_WORKER = flags.DEFINE_string("worker", None, "Which program this process is.")

_FIRST, _ALL, _BATCHED = "first answer", "all", "all in batches"
_PROGRAMS = {"toolkit": (_FIRST, _ALL), "pipeline": (_FIRST, _ALL, _BATCHED)}
_TITLES = {
    "from the command to the first answer": (_FIRST,),
    "the model loaded": (_BATCHED, _ALL),
}

_HERE = """
import sys, tf_bert
model, text, backend = sys.argv[1:]
model = tf_bert.load(model, backend=backend, precision="float32")
print(model.predict([text])[0].said)
"""
_THERE = """
import sys
from transformers import pipeline
model, text, _ = sys.argv[1:]
classify = pipeline("text-classification", model=model, device="cpu")
print(classify(text, truncation=True)[0]["label"])
"""


def main(_: list[str]) -> None:
    """Prints a table, or works as one of the programs."""
    if _WORKER.value:
        turns.serve(functools.partial(_work, _WORKER.value))
        return
    found = turns.measure(_PROGRAMS, flags=[], rounds=_ROUNDS.value)
    for title, ways in _TITLES.items():
        table = tables.Table(
            title=title,
            rows=[row for row in found.rows if row.name.partition(", ")[2] in ways],
            unit="texts",
            beside=tuple(f"pipeline, {way}" for way in ways),
            missing=found.missing,
        )
        tables.show(table)


def _work(program: str, way: str) -> turns.Turn:
    if way == _FIRST:
        return _measured(functools.partial(_start, program), count=1)
    size = _BATCH.value if way == _BATCHED else 1
    answer, texts = _LOADED[program](), _read()
    return _measured(lambda: "\n".join(answer(texts, size)), count=len(texts))


def _measured(work: Callable[[], str], *, count: int) -> turns.Turn:
    """A turn, and seconds of the processors: of a child that has ended, too."""
    start = _busy()
    turn = turns.take(work, count=count, result=str)
    return dataclasses.replace(turn, more={"processors, s": _busy() - start})


def _busy() -> float:
    """Seconds of the processors so far, of this process and its ended children."""
    found = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in found)


def _start(program: str) -> str:
    """Asks a new process for the answer of the first text."""
    source = {"toolkit": _HERE, "pipeline": _THERE}[program]
    folder = {"toolkit": _MODEL.value, "pipeline": _EXPORTED.value}[program]
    done = subprocess.run(
        [sys.executable, "-c", source, folder, _read()[0], _BACKEND.value],
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


@functools.cache
def _toolkit() -> Callable[..., Any]:
    import tf_bert

    predictor = tf_bert.load(_MODEL.value, backend=_BACKEND.value, precision="float32")
    return lambda texts, _: [
        f"{answer.said} {answer.probability:.2f}" for answer in predictor.predict(texts)
    ]


@functools.cache
def _pipeline() -> Callable[..., Any]:
    from transformers import pipeline

    classify = pipeline("text-classification", model=_EXPORTED.value, device="cpu")
    return lambda texts, size: [
        f"{answer['label']} {answer['score']:.2f}"
        for answer in classify(texts, batch_size=size, truncation=True)
    ]


_LOADED = {"toolkit": _toolkit, "pipeline": _pipeline}


@functools.cache
def _read() -> list[str]:
    if _TEXTS.value is None:
        return shipped.paragraphs()[: _MOST.value]
    with open(_TEXTS.value, encoding="utf-8") as file:
        return file.read().splitlines()[: _MOST.value]


if __name__ == "__main__":
    app.run(main)
