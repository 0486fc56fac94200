"""Which tokenizer a run reads: named, of the run it starts from, or made of its texts.

What a run keeps of it is in `processors.tokenization.kept`.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from lstm_pretrain.settings import VocabularySettings
from processors.tokenization import create as tokenizers
from processors.tokenization import kept as kept_files
from processors.tokenization.base import Tokenizer
from processors.tokenization.settings import TokenizerKind
from processors.tokenization.units import (
    Units,
    UnitTokenizer,
    find_words,
    make_vocabulary,
)
from processors.tokenization.vocabulary import Vocabulary, read_word_piece
from runtime.errors import SettingsError

VOCAB_SIZE = 20000
"""Most tokens of a vocabulary that is made here, if nothing else is said."""

_ASIDE = ("mecab_dic", "keep_voicing_marks", "byte_fallback")
_SAID = ("units", "tokenizer", "do_lower_case", *_ASIDE)


@dataclasses.dataclass(frozen=True)
class RunTokenizer:
    """The tokenizer of a run.

    Attributes:
        tokenizer: Texts to ids.
        settings: What says it; those of an earlier run where it is that one's.
    """

    tokenizer: Tokenizer
    settings: VocabularySettings

    def resolved(self) -> dict[str, Any]:
        """The settings, with what was left open in them as it turned out."""
        settings, tokenizer = self.settings, self.tokenizer
        case = None if settings.tokenizer_dir else tokenizer.do_lower_case
        units = tokenizer.units if isinstance(tokenizer, UnitTokenizer) else None
        said = {name: getattr(settings, name) for name in _SAID}
        return {**said, "units": units, "do_lower_case": case}


def find(
    settings: VocabularySettings,
    *,
    vocab_size: int | None,
    kept: Mapping[str, Mapping[str, Any]],
    texts: Callable[[], Iterable[str]],
) -> RunTokenizer:
    """Returns the tokenizer of a run.

    Args:
        settings: What was asked for; a file that is named wins.
        vocab_size: Most tokens of a vocabulary that is made here.
        kept: Folder of an earlier run to the state of its checkpoint; the first that
            holds a tokenizer is read.
        texts: Gives the training texts.

    Raises:
        DataError: A vocabulary cannot be read, or the texts are empty.
        SettingsError: That of an earlier run is of other units or of another case, or
            a kind is named without its files.
    """
    if settings.names_files():
        return RunTokenizer(_named(settings), settings)
    for folder, state in kept.items():
        found = _kept(folder, state=state)
        if found is not None:
            _refuse_others(settings, found, folder=folder)
            found = dataclasses.replace(found, workers=settings.workers)
            return RunTokenizer(_named(found), found)
    if settings.tokenizer is not TokenizerKind.AUTO:
        return RunTokenizer(_named(settings), settings)  # which says what is missing
    units, do_lower_case = _units(settings)
    counts = find_words(units, do_lower_case=do_lower_case).count(texts())
    vocabulary = make_vocabulary(counts, size=vocab_size or VOCAB_SIZE)
    return RunTokenizer(_of_units(vocabulary, settings), settings)


def _named(settings: VocabularySettings) -> Tokenizer:
    if settings.vocab_file and settings.tokenizer is TokenizerKind.AUTO:
        return _of_units(read_word_piece(settings.vocab_file), settings)
    return tokenizers.create(settings)


def _of_units(vocabulary: Vocabulary, settings: VocabularySettings) -> Tokenizer:
    units, do_lower_case = _units(settings)
    make = functools.partial(
        UnitTokenizer, vocabulary, units=units, do_lower_case=do_lower_case
    )
    tokenizer = make()
    tokenizer.help_by(make, workers=settings.workers)
    return tokenizer


def _units(settings: VocabularySettings) -> tuple[Units, bool]:
    return settings.units or Units.WORD, settings.do_lower_case is not False


def _kept(folder: str, *, state: Mapping[str, Any]) -> VocabularySettings | None:
    """What says the tokenizer that an earlier run kept; None where it kept none."""
    flags = kept_files.find(folder, state=state)
    return None if flags is None else VocabularySettings(**flags)


def _refuse_others(
    asked: VocabularySettings, found: VocabularySettings, *, folder: str
) -> None:
    usual = VocabularySettings()
    here, there, default = (
        {name: getattr(each, name) for name in _SAID} for each in (asked, found, usual)
    )
    problems = [
        f"--{name}={_shown(value)}: the vocabulary of {folder} has "
        f"{_shown(there[name])}. Leave the flag out to read that one."
        for name, value in here.items()
        if value not in (default[name], there[name])
    ]
    if problems:
        raise SettingsError(*problems)


def _shown(value: Any) -> str:
    """A value as a command line would say it."""
    if value is None:
        return "none"
    if isinstance(value, enum.Enum):
        return str(value.value)
    return str(value).lower() if isinstance(value, bool) else str(value)
