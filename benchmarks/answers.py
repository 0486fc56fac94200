r"""Answers of a trained BERT beside `transformers.pipeline` on the same weights.

    python benchmarks/answers.py --model=runs/x --exported=exported/huggingface \
        --texts=texts.txt

`exported` is what scripts/export_model.py --formats=huggingface made of the run; a line
of `texts` is a text. The programs take turns. Seconds from the command to the answer of
the first text, in a fresh process each time; then texts a second of all, with the model
loaded: here in the run's own batches, there one text after the other, as the pipeline
does by default, and in batches. Both in float32. Beside the time, seconds of the
processors, which other work on the machine changes less. Needs torch and transformers.
"""

from __future__ import annotations

import functools
import resource
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

import turns
from absl import app, flags

_MODEL = flags.DEFINE_string("model", None, "A run's folder.", required=True)
_EXPORTED = flags.DEFINE_string(
    "exported", None, "Its Hugging Face folder.", required=True
)
_TEXTS = flags.DEFINE_string("texts", None, "A text a line.", required=True)
_BACKEND = flags.DEFINE_string("backend", "tensorflow", "Of this toolkit.")
_BATCH = flags.DEFINE_integer("batch", 32, "Texts a batch of the pipeline.")
_ROUNDS = flags.DEFINE_integer("rounds", 5, "Rounds that count.")
_WORKER = flags.DEFINE_string("worker", None, "Which program this process is.")

_FIRST, _ALL, _BATCHED = "first answer", "all", "all in batches"
_PROGRAMS = {"toolkit": (_FIRST, _ALL), "pipeline": (_FIRST, _ALL, _BATCHED)}

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
    count = len(_read())
    print(f"{count} texts; median of {_ROUNDS.value} rounds")
    for name, rounds in found.items():
        seconds, busy = map(statistics.median, zip(*rounds, strict=True))
        rate = "" if _FIRST in name else f"{count / seconds:>10.1f} texts/s"
        print(f"{name:<28}{seconds:>9.2f} s{busy:>9.2f} s of processors{rate}")


def _work(program: str, way: str) -> Sequence[float]:
    if way == _FIRST:
        return _measured(functools.partial(_start, program))
    size = _BATCH.value if way == _BATCHED else 1
    answer, texts = _LOADED[program](), _read()
    return _measured(lambda: answer(texts, size))


def _measured(work: Callable[[], object]) -> list[float]:
    """Seconds, and those of the processors, of a child that has ended, too."""
    start = _busy()
    return [turns.seconds_of(work), _busy() - start]


def _busy() -> float:
    """Seconds of the processors so far, of this process and its ended children."""
    found = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in found)


def _start(program: str) -> None:
    source = {"toolkit": _HERE, "pipeline": _THERE}[program]
    folder = {"toolkit": _MODEL.value, "pipeline": _EXPORTED.value}[program]
    subprocess.run(
        [sys.executable, "-c", source, folder, _read()[0], _BACKEND.value],
        check=True,
        capture_output=True,
    )


@functools.cache
def _toolkit() -> Callable[..., Any]:
    import tf_bert

    predictor = tf_bert.load(_MODEL.value, backend=_BACKEND.value, precision="float32")
    return lambda texts, _: predictor.predict(texts)


@functools.cache
def _pipeline() -> Callable[..., Any]:
    from transformers import pipeline

    classify = pipeline("text-classification", model=_EXPORTED.value, device="cpu")
    return lambda texts, size: classify(texts, batch_size=size, truncation=True)


_LOADED = {"toolkit": _toolkit, "pipeline": _pipeline}


@functools.cache
def _read() -> list[str]:
    with open(_TEXTS.value, encoding="utf-8") as file:
        return file.read().splitlines()


if __name__ == "__main__":
    app.run(main)
