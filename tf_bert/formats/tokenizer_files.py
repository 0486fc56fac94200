"""The tokenizer's files beside the weights, carried from one format to another.

Source: transformers, tokenization_bert.py; keras-hub, bert_tokenizer.py and
word_piece_tokenizer.py.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from typing import Any

from processors.tokenization import difference
from processors.tokenization.base import Tokenizer
from processors.tokenization.character import CharacterTokenizer
from processors.tokenization.hugging_face import MODEL as PIECES
from processors.tokenization.mecab import MecabTokenizer
from processors.tokenization.mecab_words import DICTIONARIES
from processors.tokenization.sentence_piece import SentencePieceTokenizer
from processors.tokenization.vocabulary import Vocabulary, read_word_piece
from processors.tokenization.word_piece import WordPieceTokenizer
from processors.tokenization.word_tokenizer import SPECIAL_TOKENS
from runtime import storage
from runtime.errors import DataError, SettingsError
from runtime.files import json_file
from tf_bert.formats import hugging_face, keras_hub, special_ids
from tf_bert.formats.names import WeightsFormat
from tf_bert.formats.source import Source
from tf_bert.formats.special_ids import ROLES

VOCABULARY = "vocab.txt"
CONFIG = "tokenizer_config.json"
_LIBRARY = "tokenizer.json"
_ADDED = "added_tokens.json"
# What a Hugging Face folder may hold beside, for the same tokenizer.
_OTHERS = (_LIBRARY, "special_tokens_map.json", _ADDED, "spiece.model", PIECES)
_KERAS_HUB_CONFIG = "tokenizer.json"
_KERAS_HUB_VOCABULARY = "assets/tokenizer/vocabulary.txt"
_OF_KERAS_HUB = {
    "tokenizer_class",
    "do_lower_case",
    "strip_accents",
    "tokenize_chinese_chars",
    *(f"{role}_token" for role in ROLES),
}
_UNUSED = re.compile(r"\[unused\d+\]|<unused\d+>")
_PLAIN = ("BertTokenizer", "BertTokenizerFast")


@dataclasses.dataclass(frozen=True)
class TokenizerFiles:
    """The files that say how text becomes ids.

    Attributes:
        vocabulary: Path of the WordPiece vocabulary; None: there is none.
        config: The keys of a `tokenizer_config.json`; None where nobody says them.
        others: Name -> path of further files, to be copied as they are.
    """

    vocabulary: str | None = None
    config: Mapping[str, Any] | None = None
    others: Mapping[str, str] = dataclasses.field(default_factory=dict)


def find(folder: str, kind: WeightsFormat) -> TokenizerFiles:
    """The tokenizer's files in a folder of weights.

    Args:
        folder: The folder.
        kind: Its format.
    """
    if kind is WeightsFormat.KERAS_HUB:
        return _of_keras_hub(folder)
    config, vocabulary = (_present(folder, name) for name in (CONFIG, VOCABULARY))
    others = {name: path for name in _OTHERS if (path := _present(folder, name))}
    return TokenizerFiles(
        vocabulary, json_file.read_object(config) if config else None, others
    )


def given(vocab_file: str, *, do_lower_case: bool | None) -> TokenizerFiles:
    """The files that a user names.

    Args:
        vocab_file: WordPiece vocabulary.
        do_lower_case: Whether text is lower-cased; None: not said.
    """
    config = None
    if do_lower_case is not None:
        config = _plain_config(do_lower_case, read_word_piece(vocab_file))
    return TokenizerFiles(vocab_file, config)


def of_run(vocab_file: str, fingerprint: Mapping[str, Any]) -> TokenizerFiles:
    """The files of the tokenizer that a run was trained with.

    Args:
        vocab_file: Its vocabulary.
        fingerprint: What the run's checkpoint says of it.

    Raises:
        SettingsError: It is another vocabulary, or that of a tokenizer that has none.
    """
    kind = fingerprint.get("kind")
    if kind not in _CONFIGS:
        raise SettingsError(
            f"The weights were trained with a {kind} tokenizer, not with one that has "
            f"the vocabulary {vocab_file}; convert them without --vocab_file."
        )
    found = read_word_piece(vocab_file)
    if found.sha256 != fingerprint.get("vocabulary_sha256"):
        raise SettingsError(
            f"{vocab_file} is not the vocabulary the weights were trained with: "
            f"expected the SHA-256 {fingerprint.get('vocabulary_sha256')}, found "
            f"{found.sha256}."
        )
    return TokenizerFiles(vocab_file, _CONFIGS[kind](fingerprint, found))


def _word_piece_config(
    fingerprint: Mapping[str, Any], vocabulary: Vocabulary
) -> dict[str, Any]:
    config = _plain_config(bool(fingerprint.get("do_lower_case")), vocabulary)
    if fingerprint.get("keep_voicing_marks"):
        config["strip_accents"] = False
    if not fingerprint.get("ideographs_alone", True):
        config["tokenize_chinese_chars"] = False
    return config


def _mecab_config(
    fingerprint: Mapping[str, Any], vocabulary: Vocabulary
) -> dict[str, Any] | None:
    """What transformers calls it; None where its dictionary has no name there."""
    del vocabulary
    if fingerprint.get("dictionary") not in DICTIONARIES:
        return None
    return {
        "tokenizer_class": "BertJapaneseTokenizer",
        "do_lower_case": bool(fingerprint.get("do_lower_case")),
        "word_tokenizer_type": "mecab",
        "subword_tokenizer_type": fingerprint.get("subwords"),
        "mecab_kwargs": {
            "mecab_dic": fingerprint["dictionary"],
            "normalize_text": bool(fingerprint.get("nfkc")),
        },
    }


def _character_config(
    fingerprint: Mapping[str, Any], vocabulary: Vocabulary
) -> dict[str, Any] | None:
    """What transformers calls it; there its characters keep their case."""
    del vocabulary
    if fingerprint.get("do_lower_case"):
        return None
    return {
        "tokenizer_class": "BertJapaneseTokenizer",
        "do_lower_case": False,
        "do_word_tokenize": False,
        "subword_tokenizer_type": "character",
    }


_CONFIGS: dict[str, Callable[..., dict[str, Any] | None]] = {
    WordPieceTokenizer.kind: _word_piece_config,
    MecabTokenizer.kind: _mecab_config,
    CharacterTokenizer.kind: _character_config,
}


def refuse_unknown_case(files: TokenizerFiles) -> None:
    """Keeps a vocabulary from being used with a case that is only guessed.

    Raises:
        SettingsError: There is a vocabulary and nothing says its case.
    """
    if files.vocabulary is not None and files.config is None:
        raise SettingsError(
            f"{files.vocabulary}: nothing beside it says whether texts are "
            "lower-cased; add --do_lower_case or --nodo_lower_case"
        )


def write(folder: str, files: TokenizerFiles, *, to: WeightsFormat) -> list[str]:
    """Writes a tokenizer's files as a format has them.

    Args:
        folder: Where to.
        files: From `find` or `given`.
        to: The format.

    Returns:
        What could not be carried over, a sentence each.
    """
    if files.vocabulary is None and not files.others:
        return ["No tokenizer lies beside the weights: give --vocab_file."]
    if to is WeightsFormat.KERAS_HUB:
        return _write_keras_hub(folder, files)
    if files.vocabulary is not None:
        storage.copy(files.vocabulary, storage.join(folder, VOCABULARY))
    for name, path in files.others.items():
        storage.copy(path, storage.join(folder, name))
    if files.config is not None:
        json_file.write_object(storage.join(folder, CONFIG), files.config)
    return []


def keras_hub_tokenizer(files: TokenizerFiles) -> dict[str, Any] | None:
    """The `BertTokenizer` that splits as these files say; None: it cannot.

    KerasHub splits Chinese characters always, and knows no words of Japanese.
    """
    config = files.config or {}
    is_plain = config.get("tokenizer_class", _PLAIN[0]) in _PLAIN
    if files.vocabulary is None or not is_plain:
        return None
    if not config.get("tokenize_chinese_chars", True):
        return None
    if not read_word_piece(files.vocabulary).ids.keys() >= set(SPECIAL_TOKENS):
        return None  # it would find no token under the one name it knows
    lowercase = bool(config.get("do_lower_case", True))
    accents = config.get("strip_accents")
    return keras_hub.tokenizer_object(
        lowercase=lowercase,
        strip_accents=lowercase if accents is None else bool(accents),
    )


def refuse_other_vocabulary(source: Source, tokenizer: Tokenizer) -> None:
    """Refuses texts in other ids than those that weights were trained with.

    A run says what its tokenizer was. Beside other weights there may be a vocabulary;
    in it the ids count, and a token in the place of an unused one may be a user's own.

    Args:
        source: The weights.
        tokenizer: What makes the ids.

    Raises:
        SettingsError: So it is.
    """
    if source.tokenizer:
        _refuse_other_fingerprint(source, tokenizer.fingerprint())
        return
    beside = vocabulary_of(find(source.folder, source.kind))
    if beside is None:
        return
    given = tokenizer.vocabulary
    for number, token in sorted(given.tokens.items()):
        there = beside.tokens.get(number, token)
        if there.strip() != token.strip() and not _UNUSED.fullmatch(there):
            raise SettingsError(
                f"{given.path} is another vocabulary than that of {source.path}: the "
                f"id {number} is {token!r} there and {there!r} in {beside.path}. Give "
                "the vocabulary that the weights were trained with."
            )


def _refuse_other_fingerprint(source: Source, given: Mapping[str, Any]) -> None:
    said = difference.in_words("tokenizer", dict(source.tokenizer), given)
    if said is not None:
        raise SettingsError(
            f"{source.path} was trained with another tokenizer. Give that run's, or "
            f"other weights:\n{said}"
        )


def unknown_to_keras_hub(files: TokenizerFiles) -> list[str]:
    """Names of files, and of settings of a tokenizer, that its presets do not have."""
    settings = sorted((files.config or {}).keys() - _OF_KERAS_HUB)
    return [*files.others, *(f"{CONFIG}: {name}" for name in settings)]


def vocabulary_of(files: TokenizerFiles) -> Vocabulary | None:
    """The tokens and ids that the files give; None where that is not known here.

    Raises:
        DataError: A file is not what it should be.
    """
    added = _added(files)
    if files.vocabulary is not None:
        listed = read_word_piece(files.vocabulary)
        return _with(listed.ids, added, size=listed.size, path=files.vocabulary)
    if PIECES in files.others:
        return SentencePieceTokenizer(files.others[PIECES]).vocabulary
    if _LIBRARY not in files.others:
        return None
    path = files.others[_LIBRARY]
    whole = json_file.read_object(path)
    model = whole.get("model")
    words = model.get("vocab") if isinstance(model, dict) else None
    if not isinstance(words, dict):
        return None
    try:
        more = {each["content"]: each["id"] for each in whole.get("added_tokens") or ()}
    except (TypeError, KeyError) as error:
        raise DataError("expected added_tokens of content and id", path=path) from error
    return _with(words, {**more, **added}, size=len(words), path=path)


def special_ids_of(files: TokenizerFiles) -> dict[str, int]:
    """The ids of the special tokens that the files give, by role."""
    vocabulary = vocabulary_of(files)
    if vocabulary is None:
        return {}
    named = {role: (files.config or {}).get(f"{role}_token") for role in ROLES}
    tokens = {
        role: token["content"] if isinstance(token, dict) else token
        for role, token in named.items()
        if token
    }
    return special_ids.of_vocabulary(vocabulary.ids, tokens=tokens)


def _added(files: TokenizerFiles) -> dict[str, int]:
    path = files.others.get(_ADDED)
    return json_file.read_object(path) if path else {}


def _with(
    ids: Mapping[str, int], added: Mapping[str, int], *, size: int, path: str
) -> Vocabulary:
    """Both, as one vocabulary.

    Raises:
        DataError: An id is no number.
    """
    every = {**ids, **added}
    if not all(isinstance(each, int) for each in every.values()):
        raise DataError("expected whole numbers for ids of tokens", path=path)
    return Vocabulary(
        path,
        size=max([size, *(each + 1 for each in added.values())]),
        ids=every,
        tokens={each: token for token, each in every.items()},
        sha256="",
    )


def _present(folder: str, name: str) -> str | None:
    path = hugging_face.file_of(folder, name)
    return path if storage.exists(path) else None


def _plain_config(do_lower_case: bool, vocabulary: Vocabulary) -> dict[str, Any]:
    unusual = special_ids.unusual_tokens(vocabulary.ids)
    return {
        "tokenizer_class": "BertTokenizer",
        "do_lower_case": do_lower_case,
        **{f"{role}_token": token for role, token in unusual.items()},
    }


def _of_keras_hub(folder: str) -> TokenizerFiles:
    vocabulary = _present(folder, _KERAS_HUB_VOCABULARY)
    config = _present(folder, _KERAS_HUB_CONFIG)
    if vocabulary is None or config is None:
        return TokenizerFiles()
    values = json_file.read_object(config).get("config")
    if not isinstance(values, dict):
        return TokenizerFiles(vocabulary)
    plain = _plain_config(
        bool(values.get("lowercase", False)), read_word_piece(vocabulary)
    )
    accents = bool(values.get("strip_accents", False))
    return TokenizerFiles(vocabulary, {**plain, "strip_accents": accents})


def _write_keras_hub(folder: str, files: TokenizerFiles) -> list[str]:
    tokenizer = keras_hub_tokenizer(files)
    if files.vocabulary is None or tokenizer is None:
        return [
            "KerasHub has no tokenizer that splits as this model's does: none was "
            "written; give it ids that this toolkit made."
        ]
    storage.copy(files.vocabulary, storage.join(folder, _KERAS_HUB_VOCABULARY))
    json_file.write_object(storage.join(folder, _KERAS_HUB_CONFIG), tokenizer)
    return []
