"""Which vocabulary a run reads: given, of the run it starts from, or made of its texts.

A run keeps its vocabulary beside its checkpoints, so that its folder is all that the
next run needs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from lstm_pretrain.settings import VocabularySettings
from processors.tokenization.base import Tokenizer
from processors.tokenization.sentence_piece import SentencePieceTokenizer
from processors.tokenization.units import (
    MADE,
    Units,
    UnitTokenizer,
    find_words,
    make_vocabulary,
)
from processors.tokenization.vocabulary import read_word_piece
from runtime import storage
from runtime.errors import SettingsError

VOCAB_SIZE = 20000
"""Most tokens of a vocabulary that is made here, if nothing else is said."""

VOCABULARY_FILE = "vocab.txt"
MODEL_FILE = "sentencepiece.model"


def find(
    settings: VocabularySettings,
    *,
    vocab_size: int | None,
    kept: Mapping[str, Mapping[str, Any]],
    texts: Callable[[], Iterable[str]],
) -> Tokenizer:
    """Returns the tokenizer of a run.

    Args:
        settings: What was asked for; a file that is named wins.
        vocab_size: Most tokens of a vocabulary that is made here.
        kept: Folder of an earlier run to the fingerprint of its tokenizer; the first
            that holds a vocabulary is read.
        texts: Gives the training texts.

    Raises:
        DataError: A vocabulary cannot be read, or the texts are empty.
        SettingsError: That of an earlier run is of other units or of another case.
    """
    units = settings.units or Units.WORD
    do_lower_case = settings.do_lower_case is not False
    if settings.model_file:
        return SentencePieceTokenizer(settings.model_file, do_lower_case=do_lower_case)
    if settings.vocab_file:
        return UnitTokenizer(
            read_word_piece(settings.vocab_file),
            units=units,
            do_lower_case=do_lower_case,
        )
    for folder, fingerprint in kept.items():
        found = _kept(folder, fingerprint=fingerprint)
        if found is not None:
            _refuse_others(settings, fingerprint, folder=folder)
            return found
    counts = find_words(units, do_lower_case=do_lower_case).count(texts())
    return UnitTokenizer(
        make_vocabulary(counts, size=vocab_size or VOCAB_SIZE),
        units=units,
        do_lower_case=do_lower_case,
    )


def _refuse_others(
    settings: VocabularySettings, fingerprint: Mapping[str, Any], *, folder: str
) -> None:
    asked = {
        "units": settings.units and settings.units.value,
        "do_lower_case": settings.do_lower_case,
    }
    problems = [
        f"--{name}={_said(value)}: the vocabulary of {folder} has "
        f"{_said(fingerprint.get(name))}. Leave the flag out to read that one."
        for name, value in asked.items()
        if value is not None and value != fingerprint.get(name)
    ]
    if problems:
        raise SettingsError(*problems)


def _said(value: object) -> str:
    """A value as a command line would say it."""
    if value is None:
        return "none"
    return str(value).lower() if isinstance(value, bool) else str(value)


def keep(tokenizer: Tokenizer, *, folder: str) -> None:
    """Writes a run's vocabulary beside its checkpoints.

    Args:
        tokenizer: The run's.
        folder: The run's.
    """
    vocabulary = tokenizer.vocabulary
    if vocabulary.path == MADE:
        tokens = (vocabulary.tokens[index] for index in range(vocabulary.size))
        data = "".join(f"{token}\n" for token in tokens).encode()
    else:
        data = storage.read_bytes(vocabulary.path)
    name = VOCABULARY_FILE if isinstance(tokenizer, UnitTokenizer) else MODEL_FILE
    storage.write_bytes(storage.join(folder, name), data)


def _kept(folder: str, *, fingerprint: Mapping[str, Any]) -> Tokenizer | None:
    model = storage.join(folder, MODEL_FILE)
    if storage.exists(model):
        return SentencePieceTokenizer(model, do_lower_case=fingerprint["do_lower_case"])
    vocabulary = storage.join(folder, VOCABULARY_FILE)
    if storage.exists(vocabulary):
        return UnitTokenizer(
            read_word_piece(vocabulary),
            units=Units(fingerprint["units"]),
            do_lower_case=fingerprint["do_lower_case"],
        )
    return None
