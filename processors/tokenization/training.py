"""Vocabularies made from text: SentencePiece models, WordPiece, characters."""

from __future__ import annotations

import collections
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import sentencepiece

from processors.tokenization.word_tokenizer import SPECIAL_TOKENS
from processors.tokenization.words import Words
from runtime import storage
from runtime.errors import DataError, SettingsError

# SentencePiece writes the start of a word with it, so that no word may contain it.
_SPACE = "\u2581"
_CONTROL_SYMBOLS = ("[PAD]", "[CLS]", "[SEP]", "[MASK]")

# Threads share sums of floating-point numbers in a fixed order: the result depends on
# their number, not on the machine.
_THREADS = 16


def read_lines(paths: Sequence[str]) -> Iterator[str]:
    r"""Yields the lines of UTF-8 text files that are not empty, ended by `\n`.

    Raises:
        DataError: A line is not UTF-8.
    """
    for path in paths:
        with storage.open_read(path) as file:
            for number, line in enumerate(file, start=1):
                text = _decoded(line, path=path, number=number).strip("\r\n\ufeff")
                if text:
                    yield text


def count_words(lines: Iterable[str], *, words: Words) -> collections.Counter[str]:
    """Returns how often each word, in its final shape, is in the lines."""
    raw: collections.Counter[str] = collections.Counter()
    for line in lines:
        raw.update(words.find(line))
    shaped: collections.Counter[str] = collections.Counter()
    for word, count in raw.items():
        for part in words.shape(word):
            for piece in part.split():
                shaped[piece] += count
    return shaped


def train_word_piece(
    counts: Mapping[str, int], *, vocab_size: int, character_coverage: float
) -> list[str]:
    """Returns a WordPiece vocabulary: BERT's special tokens, characters, longer pieces.

    The pieces are those that byte-pair encoding joins within words, most frequent
    first, as for the first Tohoku BERT. Equal counts give equal vocabularies.

    Args:
        counts: How often each word is in the text.
        vocab_size: Tokens, unless the text has too few.
        character_coverage: Share of the text whose characters are in the vocabulary.

    Raises:
        SettingsError: The characters alone are more than `vocab_size`.

    Source: cl-tohoku/bert-japanese v1.0, build_vocab.py.
    """
    counts = {word: n for word, n in counts.items() if _SPACE not in word}
    _refuse_nothing(counts)
    joined = _join(counts, vocab_size=vocab_size, character_coverage=character_coverage)
    alphabet = _alphabet(counts, known={piece for piece in joined if len(piece) == 1})
    tokens = [*SPECIAL_TOKENS, *alphabet]
    if len(tokens) > vocab_size:
        raise SettingsError(
            f"--vocab_size={vocab_size}: the special tokens and characters alone are "
            f"{len(tokens)}; allow more, or lower --character_coverage."
        )
    pieces = (_as_word_piece(piece) for piece in joined if piece != _SPACE)
    return list(dict.fromkeys([*tokens, *pieces]))[:vocab_size]


def train_characters(counts: Mapping[str, int], *, vocab_size: int) -> list[str]:
    """Returns BERT's special tokens and the most frequent characters.

    Args:
        counts: How often each word is in the text; its characters count as often.
        vocab_size: Tokens, unless the text has too few.

    Raises:
        SettingsError: There is no text.
    """
    _refuse_nothing(counts)
    total: collections.Counter[str] = collections.Counter()
    for word, count in counts.items():
        for character in word:
            total[character] += count
    return [*SPECIAL_TOKENS, *_by_frequency(total)][:vocab_size]


def train_sentence_piece(
    lines: Iterable[str],
    *,
    vocab_size: int,
    character_coverage: float,
    byte_fallback: bool,
) -> bytes:
    """Returns a SentencePiece model with the ids of bert-japanese.

    `<unk>` 0, `<s>` 1, `</s>` 2, `[PAD]` 3, `[CLS]` 4, `[SEP]` 5, `[MASK]` 6, pieces.

    Args:
        lines: The text.
        vocab_size: Pieces.
        character_coverage: Share of the text whose characters are pieces.
        byte_fallback: Whether the 256 bytes are pieces too.

    Raises:
        SettingsError: The text has not so many pieces, or more characters.

    Source: yoheikikuta/bert-japanese, src/train-sentencepiece.py.
    """
    return _train(
        lines,
        vocab_size=vocab_size,
        character_coverage=character_coverage,
        byte_fallback=byte_fallback,
        control_symbols=",".join(_CONTROL_SYMBOLS),
    )


def vocabulary_of(model: bytes) -> str:
    """Returns the `.vocab` file of a SentencePiece model: piece, tab, score."""
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    return "".join(
        f"{processor.id_to_piece(i)}\t{processor.get_score(i):g}\n"
        for i in range(processor.get_piece_size())
    )


def _join(counts: Mapping[str, int], **options: Any) -> list[str]:
    """The pieces of a byte-pair encoding of the words, best first, then characters."""
    model = _train(
        (f"{word}\t{count}" for word, count in sorted(counts.items())),
        input_format="tsv",
        model_type="bpe",
        normalization_rule_name="identity",
        split_by_unicode_script=False,
        split_by_number=False,
        hard_vocab_limit=False,
        bos_id=-1,
        eos_id=-1,
        **options,
    )
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    return [processor.id_to_piece(i) for i in range(1, processor.get_piece_size())]


def _train(texts: Iterable[str], **options: Any) -> bytes:
    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(texts),
            model_writer=model,
            num_threads=_THREADS,
            minloglevel=2,
            **options,
        )
    except RuntimeError as error:
        reason = str(error).rpartition("] ")[2]
        raise SettingsError(f"SentencePiece cannot be trained: {reason}") from error
    return model.getvalue()


def _alphabet(counts: Mapping[str, int], *, known: set[str]) -> list[str]:
    """Characters that start a word, then those that go on with one, as tokens."""
    first: collections.Counter[str] = collections.Counter()
    further: collections.Counter[str] = collections.Counter()
    for word, count in counts.items():
        first[word[0]] += count
        for character in word[1:]:
            further[character] += count
    starts = [c for c in _by_frequency(first) if c in known]
    return starts + [f"##{c}" for c in _by_frequency(further) if c in known]


def _by_frequency(counts: Mapping[str, int]) -> list[str]:
    return sorted(counts, key=lambda character: (-counts[character], character))


def _as_word_piece(piece: str) -> str:
    if piece.startswith(_SPACE):
        return piece.removeprefix(_SPACE)
    return f"##{piece}"


def _refuse_nothing(counts: Mapping[str, int]) -> None:
    if not counts:
        raise SettingsError("--input: expected text, found no word.")


def _decoded(line: bytes, *, path: str, number: int) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(
            f"expected UTF-8 text, found the byte 0x{line[error.start]:02x}; convert "
            "the file first",
            path=path,
            line=number,
        ) from error
