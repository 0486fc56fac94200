"""Which tokenizer a run reads: named, of the run it starts from, or made of its texts.

A run keeps its tokenizer's files beside its checkpoints, so that its folder is all that
the next run needs.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from lstm_pretrain.settings import VocabularySettings
from processors.tokenization import create as tokenizers
from processors.tokenization import hugging_face
from processors.tokenization.base import Tokenizer
from processors.tokenization.sentence_piece import SentencePieceTokenizer
from processors.tokenization.settings import TokenizerKind
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
            return RunTokenizer(_named(found), found)
    if settings.tokenizer is not TokenizerKind.AUTO:
        return RunTokenizer(_named(settings), settings)  # which says what is missing
    units, do_lower_case = _units(settings)
    counts = find_words(units, do_lower_case=do_lower_case).count(texts())
    vocabulary = make_vocabulary(counts, size=vocab_size or VOCAB_SIZE)
    made = UnitTokenizer(vocabulary, units=units, do_lower_case=do_lower_case)
    return RunTokenizer(made, settings)


def keep(tokenizer: Tokenizer, *, folder: str) -> None:
    """Writes the files of a run's tokenizer beside its checkpoints.

    Args:
        tokenizer: The run's.
        folder: The run's.
    """
    for name, data in _files(tokenizer).items():
        storage.write_bytes(storage.join(folder, name), data)


def _files(tokenizer: Tokenizer) -> dict[str, bytes]:
    vocabulary = tokenizer.vocabulary
    if vocabulary.path == MADE:
        tokens = (vocabulary.tokens[index] for index in range(vocabulary.size))
        return {VOCABULARY_FILE: "".join(f"{token}\n" for token in tokens).encode()}
    data = storage.read_bytes(vocabulary.path)
    if isinstance(tokenizer, SentencePieceTokenizer):
        return {MODEL_FILE: data}
    if isinstance(tokenizer, UnitTokenizer):
        return {VOCABULARY_FILE: data}
    return {**_beside(vocabulary.path), _file_name(vocabulary.path): data}


def _file_name(path: str) -> str:
    is_library = storage.basename(path) == hugging_face.LIBRARY
    return hugging_face.LIBRARY if is_library else VOCABULARY_FILE


def _beside(path: str) -> dict[str, bytes]:
    """The files of a Hugging Face folder that say how its vocabulary is used."""
    paths = {
        name: storage.join(storage.dirname(path), name)
        for name in (hugging_face.CONFIG, hugging_face.LIBRARY)
    }
    return {n: storage.read_bytes(p) for n, p in paths.items() if storage.exists(p)}


def _named(settings: VocabularySettings) -> Tokenizer:
    if settings.vocab_file and settings.tokenizer is TokenizerKind.AUTO:
        units, do_lower_case = _units(settings)
        vocabulary = read_word_piece(settings.vocab_file)
        return UnitTokenizer(vocabulary, units=units, do_lower_case=do_lower_case)
    return tokenizers.create(settings)


def _units(settings: VocabularySettings) -> tuple[Units, bool]:
    return settings.units or Units.WORD, settings.do_lower_case is not False


def _kept(folder: str, *, state: Mapping[str, Any]) -> VocabularySettings | None:
    """What says the tokenizer that `keep` wrote; None where there is none."""
    fingerprint, said = state["tokenizer"], state.get("settings", {})
    kind = TokenizerKind(said.get("tokenizer", TokenizerKind.AUTO))
    flag, name = _place(fingerprint["kind"], kind=kind)
    path = storage.join(folder, name)
    if not storage.exists(path):
        return None
    is_folder, units = flag == "tokenizer_dir", fingerprint.get("units")
    values: dict[str, Any] = {name: said[name] for name in _ASIDE if name in said}
    return VocabularySettings(
        **{flag: folder if is_folder else path, **values},
        tokenizer=kind,
        units=None if units is None else Units(units),
        do_lower_case=None if is_folder else fingerprint["do_lower_case"],
    )


def _place(family: str, *, kind: TokenizerKind) -> tuple[str, str]:
    """The flag that names what is kept, and the file by which it is known."""
    if family == SentencePieceTokenizer.kind:
        return "model_file", MODEL_FILE
    if family == UnitTokenizer.kind or kind is not TokenizerKind.AUTO:
        return "vocab_file", VOCABULARY_FILE
    return "tokenizer_dir", hugging_face.CONFIG


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
