"""A tokenizer's files made from text, as the settings ask for."""

from __future__ import annotations

import dataclasses
import json
import logging
from collections.abc import Iterator, Sequence
from typing import Any

from processors.readers import encodings
from processors.readers.encodings import EncodingSettings
from processors.tokenization import hugging_face, training
from processors.tokenization.basic_words import BasicWords, Case, Dialect
from processors.tokenization.character import Characters
from processors.tokenization.hugging_face import CONFIG
from processors.tokenization.mecab_words import MecabWords
from processors.tokenization.settings import TokenizerKind
from processors.tokenization.words import Words
from runtime import storage
from runtime.errors import SettingsError
from runtime.settings import setting

_KIND = TokenizerKind
_BY_SENTENCE_PIECE = {_KIND.SENTENCEPIECE, _KIND.WORDPIECE, _KIND.MECAB}
_LOWERED = {_KIND.SENTENCEPIECE, _KIND.WORDPIECE}
_LEAST_COVERAGE = 0.98  # of SentencePiece

_log = logging.getLogger(__name__)
_MADE = (
    _KIND.SENTENCEPIECE,
    _KIND.WORDPIECE,
    _KIND.MECAB,
    _KIND.MECAB_CHAR,
    _KIND.CHAR,
)
"""The kinds that `train` knows; another that is added to them is refused until then."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingSettings(EncodingSettings):
    """What decides a vocabulary.

    Raises:
        SettingsError: One sentence for each value that cannot be used.
    """

    tokenizer: TokenizerKind = setting(
        _KIND.SENTENCEPIECE, help="What to make; not auto."
    )
    input: tuple[str, ...] = setting(
        (),
        path=True,
        help="Text files, gzipped or not, a sentence or paragraph a line; paths or "
        "patterns.",
    )
    output_dir: str | None = setting(None, path=True, help="Folder for the files.")
    vocab_size: int = setting(32000, help="Tokens, special ones included.")
    character_coverage: float = setting(
        0.9995, help="Share of the text whose characters are in the vocabulary."
    )
    do_lower_case: bool | None = setting(
        None,
        help="Lower the case of the text first; accents and voicing marks stay. By "
        "default true for sentencepiece and wordpiece, as they are used.",
    )
    mecab_dic: str = setting(
        "unidic_lite",
        path=True,
        help="MeCab dictionary of mecab and mecab-char: unidic_lite, unidic, ipadic.",
    )
    byte_fallback: bool = setting(
        False, help="Give a SentencePiece model a piece for each byte."
    )

    @property
    def lowers(self) -> bool:
        """Whether the text is lower-cased."""
        if self.do_lower_case is None:
            return self.tokenizer in _LOWERED
        return self.do_lower_case

    def __post_init__(self) -> None:
        problems = list(self._problems())
        if problems:
            raise SettingsError(*problems)

    def _problems(self) -> Iterator[str]:
        if self.tokenizer is _KIND.AUTO:
            yield "--tokenizer=auto says not what to make."
        elif self.tokenizer not in _MADE:
            made = ", ".join(kind.value for kind in _MADE)
            yield (
                f"--tokenizer={self.tokenizer.value} cannot be made here; expected one "
                f"of {made}."
            )
        for name in ("input", "output_dir"):
            if not getattr(self, name):
                yield f"--{name} is required."
        if self.vocab_size < 10:
            yield f"--vocab_size must be at least 10; got {self.vocab_size}."
        least = _LEAST_COVERAGE if self.tokenizer in _BY_SENTENCE_PIECE else 0.5
        if not least <= self.character_coverage <= 1:
            yield (
                f"--character_coverage must lie in [{least}, 1] for --tokenizer="
                f"{self.tokenizer.value}; got {self.character_coverage}."
            )
        yield from encodings.problems(self.encoding)
        if self.byte_fallback and self.tokenizer is not _KIND.SENTENCEPIECE:
            yield "--byte_fallback is for --tokenizer=sentencepiece."
        if self.do_lower_case and self.tokenizer is _KIND.CHAR:
            yield "--do_lower_case: --tokenizer=char keeps the case of texts."


def train(settings: TrainingSettings) -> dict[str, bytes]:
    """Returns the files of the tokenizer by name.

    Args:
        settings: Text, kind and size.

    Raises:
        SettingsError: There is no text, or not enough for the size.
        DataError: A line is not text.
    """
    paths = [path for pattern in settings.input for path in storage.glob(pattern)]
    if not paths:
        raise SettingsError(f"--input: no file matches {', '.join(settings.input)}.")
    if settings.tokenizer is _KIND.SENTENCEPIECE:
        return _sentence_piece(settings, paths=paths)
    lines = training.read_lines(paths, encoding=settings.encoding)
    counts = training.count_words(lines, words=_words(settings))
    if settings.tokenizer in {_KIND.CHAR, _KIND.MECAB_CHAR}:
        tokens = training.train_characters(counts, vocab_size=settings.vocab_size)
    else:
        tokens = training.train_word_piece(
            counts,
            vocab_size=settings.vocab_size,
            character_coverage=settings.character_coverage,
        )
    description = json.dumps(_description(settings), indent=2) + "\n"
    return {
        "vocab.txt": "".join(f"{token}\n" for token in tokens).encode("utf-8"),
        CONFIG: description.encode("utf-8"),
    }


def _sentence_piece(
    settings: TrainingSettings, *, paths: Sequence[str]
) -> dict[str, bytes]:
    lines = training.read_lines(paths, encoding=settings.encoding)
    sentences = training.FittingLines(
        (line.lower() for line in lines) if settings.lowers else lines
    )
    model = training.train_sentence_piece(
        sentences,
        vocab_size=settings.vocab_size,
        character_coverage=settings.character_coverage,
        byte_fallback=settings.byte_fallback,
    )
    if sentences.cut:
        _log.info(
            "%d of %d lines (%d characters) are longer than the %d bytes that "
            "SentencePiece takes; they were cut, where that is possible at the ends of "
            "sentences.",
            sentences.cut,
            sentences.count,
            sentences.cut_characters,
            training.LONGEST_SENTENCE,
        )
    vocabulary = training.vocabulary_of(model).encode("utf-8")
    said = hugging_face.of_pieces(do_lower_case=settings.lowers)
    return {
        hugging_face.MODEL: model,
        "sentencepiece.vocab": vocabulary,
        CONFIG: json.dumps(said, indent=2).encode("utf-8") + b"\n",
    }


def _words(settings: TrainingSettings) -> Words:
    lower = settings.lowers
    if settings.tokenizer is _KIND.CHAR:
        return Characters(do_lower_case=False)
    if settings.tokenizer is _KIND.WORDPIECE:
        case = Case.LOWERED_ACCENTED if lower else Case.KEPT
        return BasicWords(case=case, dialect=Dialect.LIBRARY)
    return MecabWords(dictionary=settings.mecab_dic, do_lower_case=lower)


def _description(settings: TrainingSettings) -> dict[str, Any]:
    """The settings as Hugging Face, and so --tokenizer_dir, reads them."""
    case = {"do_lower_case": settings.lowers}
    if settings.tokenizer is _KIND.WORDPIECE:
        return {"tokenizer_class": "BertTokenizer", **case, "strip_accents": False}
    is_char = settings.tokenizer is not _KIND.MECAB
    subwords = {"subword_tokenizer_type": "character" if is_char else "wordpiece"}
    whole = {"tokenizer_class": "BertJapaneseTokenizer", **case, **subwords}
    if settings.tokenizer is _KIND.CHAR:
        return {**whole, "do_word_tokenize": False}
    return {
        **whole,
        "word_tokenizer_type": "mecab",
        "mecab_kwargs": {"mecab_dic": settings.mecab_dic},
    }
