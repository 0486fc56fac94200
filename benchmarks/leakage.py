"""How fast copies between splits are found, how many, and in how much memory.

    python benchmarks/leakage.py [--texts=100000] [--queries=20000] [--length=300]

Texts to look in and to look for are made in three ways: of sentences of the shipped
novels in random order, of one frame that is the first half of all, and of six to
twenty random characters. Of the texts to look for a quarter each are copies, have one
character inserted, deleted or replaced, have one in fifty so, and are made like the
others but of none of them. Each kind runs in a process of its own, on one core.
"""

from __future__ import annotations

import concurrent.futures
import multiprocessing
import random
import re
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass

import tables
from absl import app, flags

from processors.data_check.leakage import ComparedSplit, compare
from processors.example import InputExample
from processors.tasks import registry

_TEXTS = flags.DEFINE_integer("texts", 100_000, "Texts to look in.")
_QUERIES = flags.DEFINE_integer("queries", 20_000, "Texts to look for.")
_ROUNDS = flags.DEFINE_integer("rounds", 1, "Times that each kind is looked through.")
_LENGTH = flags.DEFINE_integer("length", 300, "Characters of a text, about.")

_PLANTED = ("copies", "one edit", "2 % edits", "disjoint")
_KANJI = "".join(map(chr, range(0x4E00, 0x5E00)))


@dataclass(frozen=True)
class Result:
    """What one kind of text took, and what was found of each planted kind."""

    seconds: float
    characters: int
    megabytes: float
    found: dict[str, float]


def main(_: list[str]) -> None:
    """Prints a table."""
    size = (_TEXTS.value, _QUERIES.value, _LENGTH.value)
    with concurrent.futures.ProcessPoolExecutor(
        max_workers=1,
        mp_context=multiprocessing.get_context("spawn"),
        max_tasks_per_child=1,
    ) as pool:
        found = {
            kind: [
                pool.submit(_measure, kind, *size).result()
                for _ in range(_ROUNDS.value)
            ]
            for kind in _MAKERS
        }
    table = tables.Table(
        title=f"{_QUERIES.value} texts looked for in {_TEXTS.value}, and shares found",
        rows=[_row(kind, results) for kind, results in found.items()],
        unit="texts",
    )
    tables.show(table)


def _row(kind: str, results: list[Result]) -> tables.Row:
    last = results[-1]
    megachars = last.characters / last.seconds / 1e6
    return tables.Row(
        name=kind,
        seconds=[result.seconds for result in results],
        count=_TEXTS.value + _QUERIES.value,
        digest=tables.digest(last.found),
        more={"Mchar/s": megachars, "MB": last.megabytes, **last.found},
    )


# -- in a process of its own -----------------------------------------------------------


def _measure(kind: str, texts: int, queries: int, length: int) -> Result:
    rng = random.Random(0)
    make = _MAKERS[kind](rng, length)
    corpus = _examples([make() for _ in range(texts)])
    planted = [_PLANTED[place % len(_PLANTED)] for place in range(queries)]
    wanted = _examples(
        [_plant(name, rng.choice(corpus).text_a, make, rng) for name in planted]
    )
    start = time.process_time()
    overlap = compare(ComparedSplit(wanted), other=ComparedSplit(corpus))
    seconds = time.process_time() - start
    found = {**overlap.copies, **overlap.near_copies}
    return Result(
        seconds=seconds,
        characters=sum(len(example.text_a) for example in corpus + wanted),
        megabytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        found={
            name: sum(
                place in found for place in range(queries) if planted[place] == name
            )
            / planted.count(name)
            for name in _PLANTED
        },
    )


def _examples(texts: list[str]) -> list[InputExample]:
    return [InputExample(str(place), text) for place, text in enumerate(texts)]


def _plant(name: str, text: str, make: Callable[[], str], rng: random.Random) -> str:
    if name == "disjoint":
        return make()
    edits = {"copies": 0, "one edit": 1, "2 % edits": max(1, len(text) // 50)}
    for _ in range(edits[name]):
        text = _edit(text, rng)
    return text


def _edit(text: str, rng: random.Random) -> str:
    place = rng.randrange(len(text))
    kind = rng.choice(("insert", "delete", "replace"))
    new = "" if kind == "delete" else rng.choice(_KANJI.replace(text[place], ""))
    return text[:place] + new + text[place + (kind != "insert") :]


def _novels(rng: random.Random, length: int) -> Callable[[], str]:
    task = registry.create("authors")
    rows = task.get_train_examples(str(task.default_data_dir))
    sentences = sorted(
        {s for row in rows for s in re.split("(?<=。)", row.text_a) if s}
    )
    mean = sum(map(len, sentences)) / len(sentences)
    count = max(1, round(length / mean))
    return lambda: "".join(rng.choices(sentences, k=count))


def _frame(rng: random.Random, length: int) -> Callable[[], str]:
    frame = "".join(rng.choices(_KANJI, k=length // 2))
    return lambda: frame + "".join(rng.choices(_KANJI, k=length - length // 2))


def _short(rng: random.Random, length: int) -> Callable[[], str]:
    del length
    return lambda: "".join(rng.choices(_KANJI, k=rng.randrange(6, 21)))


_MAKERS = {"novels": _novels, "frame": _frame, "short": _short}


if __name__ == "__main__":
    app.run(main)
