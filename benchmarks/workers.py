r"""What `--workers` brings where many texts become token ids.

    python benchmarks/workers.py [--workers=1,2] [--corpus=aozora-six-authors.tar.xz] \
        [--mecab_vocab=tohoku_v3_32768/vocab.txt]

Lines of literature, without the archive the shipped paragraphs again and again, become
a tokenised split as a run of `run_classifier.py` makes it, its processes started for
it. Numbers of workers take turns. Lines a second by the clock.
"""

from __future__ import annotations

import itertools
import time

import shipped
import tables
from absl import app, flags

from processors.batches.features import TokenCounts, featurize
from processors.batches.token_dataset import TokenDataset
from processors.example import InputExample
from processors.tokenization.create import create
from processors.tokenization.settings import TokenizerKind, TokenizerSettings

_WORKERS = flags.DEFINE_list("workers", ["1", "2"], "Numbers of processes.")
_CORPUS = flags.DEFINE_string("corpus", None, "Aozora's archive.")
_LINES = flags.DEFINE_integer("lines", 100_000, "Lines, drawn from all works.")
_ROUNDS = flags.DEFINE_integer("rounds", 3, "Rounds of each number.")
_MECAB = flags.DEFINE_string(
    "mecab_vocab", None, "Vocabulary of unidic_lite words; without it SentencePiece."
)


def main(_: list[str]) -> None:
    """Prints a table."""
    examples = _read()
    seconds: dict[str, list[float]] = {each: [] for each in _WORKERS.value}
    digests = {}
    for _ in range(_ROUNDS.value):
        for workers in _WORKERS.value:
            begun = time.monotonic()
            found = _split(examples, workers=int(workers))
            seconds[workers].append(time.monotonic() - begun)
            digests[workers] = tables.of_ids([found.ids.tolist()])
    rows = [
        tables.Row(
            name=f"--workers={workers}",
            seconds=spent,
            count=len(examples),
            digest=digests[workers],
        )
        for workers, spent in seconds.items()
    ]
    kind = "MeCab, WordPiece" if _MECAB.value else "SentencePiece"
    title = f"{kind}, {len(examples)} lines become a split"
    beside = (rows[0].name,)
    tables.show(tables.Table(title=title, rows=rows, unit="lines", beside=beside))


def _split(examples: list[InputExample], *, workers: int) -> TokenDataset:
    tokenizer = create(_settings(workers))
    rows = featurize(
        examples,
        tokenizer=tokenizer,
        labels=(),
        max_seq_length=128,
        counts=TokenCounts(),
    )
    return TokenDataset.collect(rows)


def _settings(workers: int) -> TokenizerSettings:
    if _MECAB.value is None:
        return TokenizerSettings(model_file=shipped.MODEL_FILE, workers=workers)
    return TokenizerSettings(
        vocab_file=_MECAB.value,
        tokenizer=TokenizerKind.MECAB,
        mecab_dic="unidic_lite",
        workers=workers,
    )


def _read() -> list[InputExample]:
    texts = iter(shipped.literature(_CORPUS.value))
    if _CORPUS.value is None:
        texts = itertools.cycle(texts)
    return [
        InputExample(guid=str(number), text_a=text)
        for number, text in enumerate(itertools.islice(texts, _LINES.value))
    ]


if __name__ == "__main__":
    app.run(main)
