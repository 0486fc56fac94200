"""Vocabularies made from text: SentencePiece models, WordPiece, characters."""

from __future__ import annotations

import collections
import dataclasses
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import sentencepiece

from processors.readers.lines import TextFile
from processors.tokenization.word_tokenizer import SPECIAL_TOKENS
from processors.tokenization.words import Words
from runtime.errors import SettingsError, ToolkitError

# SentencePiece writes the start of a word with it, so that no word may contain it.
_SPACE = "\u2581"
_CONTROL_SYMBOLS = ("[PAD]", "[CLS]", "[SEP]", "[MASK]")

# Threads share sums of floating-point numbers in a fixed order: the result depends on
# their number, not on the machine.
_THREADS = 16

LONGEST_SENTENCE = 4192
"""Bytes in UTF-8; SentencePiece's own default for --max_sentence_length."""

_LONGEST_CHARACTER = 4
_SENTENCES = re.compile(r".*?(?:[。．！？!?]+[」』）)\"']*|\.(?=\s)|$)\s*", re.DOTALL)
_WORDS = re.compile(r"\s*\S+|\s+")


def read_lines(paths: Sequence[str], *, encoding: str = "utf-8") -> Iterator[str]:
    r"""Yields the lines of text files that are not empty, ended by `\n`.

    Args:
        paths: The files, gzipped or not.
        encoding: What they are written in.

    Raises:
        DataError: A line is not text in this encoding.
    """
    for path in paths:
        for line in TextFile(path, encoding=encoding).lines():
            if line.bad is not None:
                raise line.bad.error
            if text := line.text.strip("\r\ufeff"):
                yield text


@dataclasses.dataclass
class FittingLines:
    """Lines as SentencePiece takes them: it skips those that are too long.

    Such a line is cut at the ends of its sentences, and where a sentence is too long at
    a space or between two characters.

    Args:
        lines: The text.

    Attributes:
        count: How many lines were read.
        cut: How many of them were cut.
        cut_characters: Their characters.
    """

    lines: Iterable[str]
    count: int = 0
    cut: int = 0
    cut_characters: int = 0

    def __iter__(self) -> Iterator[str]:
        for line in self.lines:
            self.count += 1
            if _size(line) <= LONGEST_SENTENCE:
                yield line
            else:
                self.cut += 1
                self.cut_characters += len(line)
                yield from _joined(_fitting_parts(line))


def _fitting_parts(line: str) -> Iterator[str]:
    """Sentences, and of those that are too long the words, and of those parts."""
    for sentence in _SENTENCES.findall(line):
        if _size(sentence) <= LONGEST_SENTENCE:
            yield sentence
            continue
        for word in _WORDS.findall(sentence):
            most = LONGEST_SENTENCE // _LONGEST_CHARACTER
            for start in range(0, len(word), most):
                yield word[start : start + most]


def _joined(parts: Iterable[str]) -> Iterator[str]:
    """Joins parts that follow each other as long as they fit."""
    held: list[str] = []
    size = 0
    for part in parts:
        if size + _size(part) > LONGEST_SENTENCE:
            yield "".join(held)
            held, size = [], 0
        held.append(part)
        size += _size(part)
    yield "".join(held)


def _size(text: str) -> int:
    return len(text.encode("utf-8"))


def count_words(lines: Iterable[str], *, words: Words) -> collections.Counter[str]:
    """Returns how often each word, split at white space, is in the lines."""
    counts: collections.Counter[str] = collections.Counter()
    for word, count in words.count(lines).items():
        for piece in word.split():
            counts[piece] += count
    return counts


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
    read = _Read(texts)
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(read),
            model_writer=model,
            num_threads=_THREADS,
            minloglevel=2,
            max_sentence_length=LONGEST_SENTENCE,
            **options,
        )
    except RuntimeError as error:
        if read.failure is not None:  # the library keeps no more than its message
            raise read.failure from None
        reason = str(error).rpartition("] ")[2].strip() or str(error).strip()
        if "sentences_.empty()" in reason:
            reason = "there is no text; look at what --input names"
        raise SettingsError(f"SentencePiece cannot be trained: {reason}") from error
    return model.getvalue()


class _Read:
    """Texts on their way to SentencePiece.

    Attributes:
        failure: What ended them too early.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self._texts = texts
        self.failure: ToolkitError | None = None

    def __iter__(self) -> Iterator[str]:
        try:
            yield from self._texts
        except ToolkitError as error:
            self.failure = error
            raise


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
