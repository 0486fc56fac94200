"""The files of a run's tokenizer, kept beside its checkpoints.

So a run's folder is all that those need who go on from it, or ask it something.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from processors.tokenization import create as tokenizers
from processors.tokenization import difference, hugging_face
from processors.tokenization.base import Tokenizer
from processors.tokenization.library import LibraryTokenizer
from processors.tokenization.sentence_piece import SentencePieceTokenizer
from processors.tokenization.settings import (
    TOKENIZER,
    TokenizerKind,
    TokenizerSettings,
)
from processors.tokenization.units import MADE, Units, UnitTokenizer
from processors.tokenization.vocabulary import read_word_piece
from processors.tokenization.word_piece import WordPieceTokenizer
from runtime import storage
from runtime.errors import SettingsError

VOCABULARY_FILE = "vocab.txt"
MODEL_FILE = "sentencepiece.model"
PIECES_FILE = "sentencepiece.vocab"
"""The ids of the model's pieces, where they are not its own."""

_ASIDE = ("mecab_dic", "keep_voicing_marks", "byte_fallback")
_OF_FOLDERS = {TokenizerKind.AUTO, TokenizerKind.LIBRARY}


def keep(tokenizer: Tokenizer, *, folder: str) -> None:
    """Writes the files of a run's tokenizer beside its checkpoints.

    Args:
        tokenizer: The run's.
        folder: The run's.
    """
    for name, data in _files(tokenizer).items():
        storage.write_bytes(storage.join(folder, name), data)


def find(folder: str, *, state: Mapping[str, Any]) -> dict[str, Any] | None:
    """The flags that name what `keep` wrote; None where it wrote nothing.

    Args:
        folder: A run's.
        state: Of one of its checkpoints.

    Returns:
        Fields of `TokenizerSettings`, and `units`, which is None but of units.
    """
    fingerprint, said = state["tokenizer"], state.get("settings", {})
    kind = TokenizerKind(said.get("tokenizer", TokenizerKind.AUTO))
    flag, name = _place(fingerprint, kind=kind)
    path, units = storage.join(folder, name), fingerprint.get("units")
    if not storage.exists(path):
        return None
    is_folder = flag == "tokenizer_dir"
    named = {flag: folder if is_folder else path}
    pieces = storage.join(folder, PIECES_FILE)
    if flag == "model_file" and storage.exists(pieces):
        named["vocab_file"] = pieces
    return {
        **named,
        **{name: said[name] for name in _ASIDE if name in said},
        "tokenizer": kind,
        "units": None if units is None else Units(units),
        "do_lower_case": None if is_folder else fingerprint["do_lower_case"],
    }


def read(folder: str, *, state: Mapping[str, Any]) -> Tokenizer:
    """Reads the tokenizer of a run.

    Args:
        folder: The run's.
        state: Of one of its checkpoints.

    Raises:
        SettingsError: Its files are gone, or give other ids than the run's did.
        DataError: A file is damaged.
    """
    flags = find(folder, state=state) or _of_settings(folder, state=state)
    tokenizer = _create(**flags)
    here = tokenizer.fingerprint()
    if said := difference.in_words("tokenizer", state["tokenizer"], here):
        raise SettingsError(
            f"{tokenizer.vocabulary.path} gives other ids than the tokenizer that"
            f" {folder} was trained with. Put that one's file in its place:\n{said}"
        )
    return tokenizer


def _create(*, units: Units | None, **flags: Any) -> Tokenizer:
    if units is None:
        return tokenizers.create(TokenizerSettings(**flags))
    vocabulary = read_word_piece(flags["vocab_file"])
    return UnitTokenizer(vocabulary, units=units, do_lower_case=flags["do_lower_case"])


def _of_settings(folder: str, *, state: Mapping[str, Any]) -> dict[str, Any]:
    """The flags that a run was given, which keeps no files.

    Raises:
        SettingsError: What they name is no longer there.
    """
    said = state.get("settings", {})
    flags = {name: said[name] for name in TOKENIZER.flags if name in said}
    kind = TokenizerKind(flags.pop("tokenizer", TokenizerKind.AUTO))
    paths = [flags.get(name) for name in ("tokenizer_dir", "model_file", "vocab_file")]
    given = [path for path in paths if path]
    if not given or not all(map(storage.exists, given)):
        _, name = _place(state["tokenizer"], kind=kind)
        raise SettingsError(
            f"{folder}: the files of its tokenizer are not there"
            f" ({', '.join(given) or 'none was named'}). Put a copy into the folder,"
            f" under the name {name}."
        )
    return {**flags, "tokenizer": kind, "units": None}


def _place(fingerprint: Mapping[str, Any], *, kind: TokenizerKind) -> tuple[str, str]:
    """The flag that names what is kept, and the file by which it is known."""
    family = fingerprint["kind"]
    if family == SentencePieceTokenizer.kind:
        return "model_file", MODEL_FILE
    is_of_vocabulary = kind not in _OF_FOLDERS or family == UnitTokenizer.kind
    # Of the WordPiece of a folder special tokens in a text are themselves.
    is_original = family == WordPieceTokenizer.kind and not fingerprint.get(
        "keep_special_tokens"
    )
    if is_of_vocabulary or is_original:
        return "vocab_file", VOCABULARY_FILE
    is_library = family == LibraryTokenizer.kind
    return "tokenizer_dir", hugging_face.LIBRARY if is_library else hugging_face.CONFIG


def _files(tokenizer: Tokenizer) -> dict[str, bytes]:
    vocabulary = tokenizer.vocabulary
    if vocabulary.path == MADE:
        tokens = (vocabulary.tokens[index] for index in range(vocabulary.size))
        return {VOCABULARY_FILE: "".join(f"{token}\n" for token in tokens).encode()}
    if isinstance(tokenizer, SentencePieceTokenizer):
        return _sentence_piece_files(tokenizer)
    data = storage.read_bytes(vocabulary.path)
    if isinstance(tokenizer, UnitTokenizer):
        return {VOCABULARY_FILE: data}
    return {**_beside(vocabulary.path), _file_name(vocabulary.path): data}


def _sentence_piece_files(tokenizer: SentencePieceTokenizer) -> dict[str, bytes]:
    files = {MODEL_FILE: storage.read_bytes(tokenizer.model_file)}
    if not tokenizer.ids_are_own:
        files[PIECES_FILE] = storage.read_bytes(tokenizer.vocabulary.path)
    return files


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
