r"""Ids and speed of the tokenizers beside the reference libraries, on one core each.

    python benchmarks/tokenizer_speed.py [--corpus=aozora-six-authors.tar.xz] \
        --mecab_vocab=tohoku_v3_32768/vocab.txt \
        --wordpiece_vocab=tohoku_v1_32k/vocab.txt

Lines of literature, without the archive the shipped paragraphs, go through
`transformers` (BertJapaneseTokenizer with fugashi and unidic_lite, BertTokenizer) or
`sentencepiece`, and through this toolkit. Every line's ids are compared. The two
programs take turns every 500 lines, so that whatever else the machine does meets both;
words are remembered from one turn to the next, as they are in use, from an empty memory
on. Sentences a second of processor time. Needs `transformers`.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Sequence

os.environ["TOKENIZERS_PARALLELISM"] = "false"

import sentencepiece
import shipped
import tables
from absl import app, flags

from processors.tokenization.base import Tokenizer
from processors.tokenization.basic_words import Dialect
from processors.tokenization.mecab import MecabTokenizer, Subwords
from processors.tokenization.sentence_piece import SentencePieceTokenizer
from processors.tokenization.word_piece import WordPieceTokenizer

_CORPUS = flags.DEFINE_string("corpus", None, "Aozora's archive.")
_LINES = flags.DEFINE_integer("lines", 100_000, "Lines, drawn from all works.")
_KINDS = flags.DEFINE_list(
    "kinds", ["mecab", "mecab-char", "wordpiece", "sentencepiece"], "What to measure."
)
_MECAB = flags.DEFINE_string("mecab_vocab", None, "Vocabulary of unidic_lite words.")
_WORDPIECE = flags.DEFINE_string("wordpiece_vocab", None, "Vocabulary of WordPiece.")
_MODEL = flags.DEFINE_string("model_file", shipped.MODEL_FILE, "SentencePiece model.")
_TURN, _ROUNDS = 500, 5

Program = Callable[[Sequence[str]], list[list[int]]]


def main(_: list[str]) -> None:
    """Prints a table of each kind."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    lines = shipped.literature(_CORPUS.value)[: _LINES.value]
    mean = sum(map(len, lines)) / len(lines)
    for kind in _KINDS.value:
        reference, here = (make() for make in _PROGRAMS[kind])
        reference(["辞書"])  # so that dictionaries are loaded
        here(["辞書" * 1000] * 1100)  # and MeCab's is copied, which many characters do
        table = tables.Table(
            title=f"{kind}, {len(lines)} lines of {mean:.0f} characters, one core",
            rows=_rows({"reference": reference, "here": here}, lines),
            unit="lines",
            beside=("reference",),
        )
        tables.show(table)


def _rows(programs: dict[str, Program], lines: Sequence[str]) -> list[tables.Row]:
    """Both in turns; a round is a part of the lines."""
    ids: dict[str, list[list[int]]] = {name: [] for name in programs}
    spent: dict[str, list[float]] = {name: [] for name in programs}
    for start in range(0, len(lines), _TURN):
        # The second finds what the lines need in the processor's cache already.
        for name in sorted(programs, reverse=start // _TURN % 2 == 1):
            begun = time.process_time()
            ids[name] += programs[name](lines[start : start + _TURN])
            spent[name].append(time.process_time() - begun)
    pairs = zip(*ids.values(), strict=True)
    differ = sum(theirs != ours for theirs, ours in pairs)
    part = math.ceil(len(spent["here"]) / _ROUNDS)
    return [
        tables.Row(
            name=name,
            seconds=[sum(found[n : n + part]) for n in range(0, len(found), part)],
            count=len(lines) / math.ceil(len(found) / part),
            digest=tables.of_ids(ids[name]),
            more={"lines that differ": differ} if name == "here" else {},
        )
        for name, found in spent.items()
    ]


def _here(tokenizer: Tokenizer) -> Program:
    return tokenizer.encode_batch


def _japanese(subwords: str) -> Program:
    from transformers import BertJapaneseTokenizer

    tokenizer = BertJapaneseTokenizer(
        _MECAB.value,
        word_tokenizer_type="mecab",
        subword_tokenizer_type=subwords,
        mecab_kwargs={"mecab_dic": "unidic_lite"},
    )
    convert = tokenizer.convert_tokens_to_ids
    return lambda lines: [convert(tokenizer.tokenize(line)) for line in lines]


def _word_piece() -> Program:
    from transformers import BertTokenizer

    tokenizer = BertTokenizer(_WORDPIECE.value, do_lower_case=False).backend_tokenizer
    return lambda lines: [
        encoding.ids
        for encoding in tokenizer.encode_batch_fast(lines, add_special_tokens=False)
    ]


def _sentence_piece() -> Program:
    processor = sentencepiece.SentencePieceProcessor(model_file=_MODEL.value)
    return lambda lines: processor.encode(lines, out_type=int)


_PROGRAMS: dict[str, tuple[Callable[[], Program], Callable[[], Program]]] = {
    "mecab": (
        lambda: _japanese("wordpiece"),
        lambda: _here(MecabTokenizer(_MECAB.value)),
    ),
    "mecab-char": (
        lambda: _japanese("character"),
        lambda: _here(MecabTokenizer(_MECAB.value, subwords=Subwords.CHARACTER)),
    ),
    "wordpiece": (
        _word_piece,
        lambda: _here(
            WordPieceTokenizer(
                _WORDPIECE.value, do_lower_case=False, dialect=Dialect.LIBRARY
            )
        ),
    ),
    "sentencepiece": (
        _sentence_piece,
        lambda: _here(SentencePieceTokenizer(_MODEL.value, do_lower_case=False)),
    ),
}


if __name__ == "__main__":
    app.run(main)
