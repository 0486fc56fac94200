r"""Ids and speed of the tokenizers beside the reference libraries, on one core each.

    python benchmarks/tokenizer_speed.py --corpus=aozora-six-authors.tar.xz \
        --mecab_vocab=tohoku_v3_32768/vocab.txt \
        --wordpiece_vocab=tohoku_v1_32k/vocab.txt

Lines of literature go through `transformers` (BertJapaneseTokenizer with fugashi and
unidic_lite, BertTokenizer) or `sentencepiece`, and through this toolkit. Every line's
ids are compared. The two programs take turns every 500 lines, so that whatever else the
machine does meets both; words are remembered from one turn to the next, as they are in
use, from an empty memory on. Sentences a second of processor time. Needs
`transformers`.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Sequence

os.environ["TOKENIZERS_PARALLELISM"] = "false"

import sentencepiece
from absl import app, flags

from processors.corpora import aozora
from processors.tokenization.base import Tokenizer
from processors.tokenization.basic_words import Dialect
from processors.tokenization.mecab import MecabTokenizer, Subwords
from processors.tokenization.sentence_piece import SentencePieceTokenizer
from processors.tokenization.word_piece import WordPieceTokenizer

_SHIPPED = os.path.join(os.path.dirname(__file__), "..", "processors", "data")

_CORPUS = flags.DEFINE_string("corpus", None, "Aozora's archive.", required=True)
_LINES = flags.DEFINE_integer("lines", 100_000, "Lines, drawn from all works.")
_KINDS = flags.DEFINE_list(
    "kinds", ["mecab", "mecab-char", "wordpiece", "sentencepiece"], "What to measure."
)
_MECAB = flags.DEFINE_string("mecab_vocab", None, "Vocabulary of unidic_lite words.")
_WORDPIECE = flags.DEFINE_string("wordpiece_vocab", None, "Vocabulary of WordPiece.")
_MODEL = flags.DEFINE_string(
    "model_file",
    os.path.join(_SHIPPED, "aozora_spm_8k", "aozora-ja.model"),
    "SentencePiece model.",
)
_TURN = 500

Program = Callable[[Sequence[str]], list[list[int]]]


def main(_: list[str]) -> None:
    """Prints a table."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    lines = _read_lines()
    mean = sum(map(len, lines)) / len(lines)
    print(f"{len(lines)} lines of {mean:.0f} characters, sentences/s of one core")
    print(f"{'kind':<15}{'reference':>11}{'here':>11}{'ratio':>7}{'differ':>8}")
    for kind in _KINDS.value:
        reference, here = (make() for make in _PROGRAMS[kind])
        for program in (reference, here):
            program(["辞書"])  # so that dictionaries are loaded
        spent = {reference: 0.0, here: 0.0}
        differ = 0
        for start in range(0, len(lines), _TURN):
            turn = lines[start : start + _TURN]
            # The second finds what the lines need in the processor's cache already.
            order = [reference, here] if start // _TURN % 2 else [here, reference]
            ids = {program: _time(program, turn, spent=spent) for program in order}
            pairs = zip(ids[reference], ids[here], strict=True)
            differ += sum(theirs != ours for theirs, ours in pairs)
        theirs, ours = (len(lines) / seconds for seconds in spent.values())
        print(
            f"{kind:<15}{theirs:>11.0f}{ours:>11.0f}{ours / theirs:>7.2f}{differ:>8}",
            flush=True,
        )


def _time(
    program: Program, lines: Sequence[str], *, spent: dict[Program, float]
) -> list[list[int]]:
    start = time.process_time()
    ids = program(lines)
    spent[program] += time.process_time() - start
    return ids


def _read_lines() -> list[str]:
    paragraphs = [
        text
        for work in aozora.read_works(_CORPUS.value)
        for _, text in work.paragraphs()
    ]
    random.Random(1).shuffle(paragraphs)
    return paragraphs[: _LINES.value]


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
