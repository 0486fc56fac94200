"""The tokenizer that a Hugging Face folder describes, or a reason why not.

`tokenizer_config.json` says the kind and its settings, `vocab.txt` (or the model in
`tokenizer.json`) the ids. What is not understood is refused by name: a tokenizer that
is only nearly the right one gives valid ids that mean something else.

Source: transformers, tokenization_bert.py and tokenization_bert_japanese.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from processors.tokenization.base import Tokenizer
from processors.tokenization.basic_words import Dialect
from processors.tokenization.character import CharacterTokenizer
from processors.tokenization.library import LibraryTokenizer
from processors.tokenization.mecab import MecabTokenizer, Subwords
from processors.tokenization.sentence_piece import SentencePieceTokenizer
from processors.tokenization.vocabulary import Vocabulary, read_word_piece
from processors.tokenization.word_piece import WordPieceTokenizer
from processors.tokenization.word_tokenizer import SPECIAL_TOKENS
from runtime import storage
from runtime.errors import DataError, SettingsError

CONFIG = "tokenizer_config.json"
_VOCABULARY = "vocab.txt"
LIBRARY = "tokenizer.json"
MODEL = "sentencepiece.model"

_ROLES = dict(zip(("pad", "unk", "cls", "sep", "mask"), SPECIAL_TOKENS, strict=True))
_LIKE_BERT = {"BertTokenizer", "DistilBertTokenizer", "ElectraTokenizer"}
_JAPANESE = "BertJapaneseTokenizer"
_PIECES = "SentencePieceTokenizer"  # a class of this toolkit
_BY_THE_LIBRARY = {"", "PreTrainedTokenizer", "TokenizersBackend"}

_MODEL = {
    "type": "WordPiece",
    "unk_token": "[UNK]",
    "continuing_subword_prefix": "##",
    "max_input_chars_per_word": 100,
}
_NORMALIZER = {"type": "BertNormalizer", "clean_text": True}
_PRE_TOKENIZER = {"type": "BertPreTokenizer"}

_NEEDED = {
    "sudachi": "SudachiPy and the dictionary that sudachi_kwargs names",
    "jumanpp": "the program Juman++ (through rhoknp)",
}


def read(folder: str, *, dictionary: str | None = None) -> Tokenizer:
    """Returns the tokenizer of a folder that `save_pretrained` wrote.

    Args:
        folder: With `tokenizer_config.json`.
        dictionary: The MeCab dictionary, where the folder does not name one.

    Raises:
        SettingsError: It is of a kind, or has a setting, that is not here.
        DataError: A file is not what it should be.
    """
    path = storage.join(folder, CONFIG)
    config = _read_json(path)
    name = str(config.get("tokenizer_class", "")).removesuffix("Fast")
    is_by_library = name in _BY_THE_LIBRARY and dictionary is None
    if is_by_library and any(_unlike_bert(folder, config=config)):
        return read_by_library(folder)
    _refuse(_foreign_tokens(config), path=path, advice=_by_library(folder))
    if name == _PIECES and dictionary is None:
        return SentencePieceTokenizer(
            storage.join(folder, MODEL),
            do_lower_case=bool(config.get("do_lower_case", True)),
        )
    if name == _JAPANESE:
        return _japanese(folder, config=config, dictionary=dictionary)
    if dictionary is not None:
        raise SettingsError(
            f"--mecab_dic={dictionary}: {path} describes a {name}, which has no MeCab."
        )
    if name in _LIKE_BERT:
        return _like_bert(folder, config=config)
    if is_by_library:
        return _like_bert(folder, config=_normalizer(folder))
    raise SettingsError(_unknown_class(folder, name=name))


def read_by_library(folder: str) -> Tokenizer:
    """Returns what the library makes of a folder's `tokenizer.json` as it is.

    Args:
        folder: With that file; `tokenizer_config.json` beside it names the special
            tokens where they are not those of BERT.

    Raises:
        SettingsError: The library is not installed, or is not told of a token.
        DataError: A file is not what it should be.
    """
    path = storage.join(folder, CONFIG)
    config = _read_json(path) if storage.exists(path) else {}
    found = ((role, _content(config.get(f"{role}_token"))) for role in _ROLES)
    names = {role: name for role, name in found if name}
    tokenizer = LibraryTokenizer(storage.join(folder, LIBRARY), names=names)
    known = tokenizer.vocabulary.ids
    _refuse(
        (f"the added token {t!r}" for t in _added_tokens(config) if t not in known),
        path=path,
    )
    return tokenizer


def of_pieces(*, do_lower_case: bool) -> dict[str, Any]:
    """What the `tokenizer_config.json` beside a SentencePiece model says."""
    return {"tokenizer_class": _PIECES, "do_lower_case": do_lower_case}


def case_of_pieces(model_file: str) -> bool | None:
    """Whether a SentencePiece model was made of lower-cased text.

    Args:
        model_file: The model.

    Returns:
        What the `tokenizer_config.json` beside it says; None where none does.
    """
    path = storage.join(storage.dirname(model_file), CONFIG)
    config = _read_json(path) if storage.exists(path) else {}
    is_ours = config.get("tokenizer_class") == _PIECES
    return bool(config.get("do_lower_case", True)) if is_ours else None


def is_mecab(folder: str) -> bool:
    """Whether the folder says that its vocabulary is one of MeCab words."""
    path = storage.join(folder, CONFIG)
    return storage.exists(path) and _read_json(path).get("word_tokenizer_type") in {
        "mecab",
        *_NEEDED,
    }


def _like_bert(folder: str, *, config: Mapping[str, Any]) -> Tokenizer:
    _refuse(
        _unlike(config, {"do_basic_tokenize": True, "never_split": None}),
        path=storage.join(folder, CONFIG),
    )
    return WordPieceTokenizer(
        _vocabulary(folder),
        do_lower_case=bool(config.get("do_lower_case", True)),
        strip_accents=config.get("strip_accents"),
        ideographs_alone=bool(config.get("tokenize_chinese_chars", True)),
        dialect=Dialect.LIBRARY,
    )


def _japanese(
    folder: str, *, config: Mapping[str, Any], dictionary: str | None
) -> Tokenizer:
    path = storage.join(folder, CONFIG)
    expected = {"do_subword_tokenize": True, "never_split": None}
    _refuse(_unlike(config, expected), path=path)
    words = config.get("word_tokenizer_type", "basic")
    if not config.get("do_word_tokenize", True):
        words = None
    subwords = config.get("subword_tokenizer_type", "wordpiece")
    vocab_file = storage.join(folder, _VOCABULARY)
    do_lower_case = bool(config.get("do_lower_case", False))
    if words == "mecab" and subwords in {"wordpiece", "character"}:
        kwargs = config.get("mecab_kwargs") or {}
        return MecabTokenizer(
            vocab_file,
            dictionary=_dictionary(kwargs, given=dictionary, path=path),
            subwords=Subwords(subwords),
            do_lower_case=do_lower_case,
            normalize=bool(kwargs.get("normalize_text", True)),
        )
    if words == "basic" and subwords == "wordpiece":
        return WordPieceTokenizer(
            read_word_piece(vocab_file, strip=False),
            do_lower_case=do_lower_case,
            ideographs_alone=False,
            dialect=Dialect.PYTHON,
        )
    if words is None and subwords == "character":
        return CharacterTokenizer(vocab_file)
    raise SettingsError(_unknown_pair(path, words=words, subwords=subwords))


def _dictionary(kwargs: Mapping[str, Any], *, given: str | None, path: str) -> str:
    _refuse(_unlike(kwargs, {"mecab_option": None}), path=path)
    named = kwargs.get("mecab_dic")
    if named and given not in {None, named}:
        raise SettingsError(f"--mecab_dic={given}, but {path} says mecab_dic={named}.")
    if not (named or given):
        raise SettingsError(
            f"{path} names no MeCab dictionary (mecab_kwargs.mecab_dic), and the "
            "default of transformers has changed from ipadic to unidic_lite: say with "
            "--mecab_dic which one the model was pretrained with (ipadic for the first "
            "Tohoku BERTs)."
        )
    return str(named or given)


def _vocabulary(folder: str) -> Vocabulary:
    listed = storage.join(folder, _VOCABULARY)
    if storage.exists(listed):
        return read_word_piece(listed, strip=False)
    path = storage.join(folder, LIBRARY)
    model = _read_json(path).get("model", {})
    _refuse(_unlike(model, _MODEL), path=path)
    tokens = sorted(model["vocab"], key=model["vocab"].__getitem__)
    if list(map(model["vocab"].get, tokens)) != list(range(len(tokens))):
        raise DataError(
            "expected ids from 0 on without a gap in model.vocab", path=path
        )
    data = "".join(f"{token}\n" for token in tokens).encode("utf-8")
    return Vocabulary.of(tokens, path=path, data=data)


def _unlike_bert(folder: str, *, config: Mapping[str, Any]) -> Iterator[str]:
    """What a tokenizer whose class says nothing has that BERT's has not."""
    whole = _read_json(storage.join(folder, LIBRARY))
    yield from _foreign_tokens(config)
    yield from _unlike(whole.get("model") or {}, _MODEL)
    yield from _unlike(whole.get("normalizer") or {"type": None}, _NORMALIZER)
    yield from _unlike(whole.get("pre_tokenizer") or {"type": None}, _PRE_TOKENIZER)


def _normalizer(folder: str) -> dict[str, Any]:
    """The settings of a tokenizer whose class says nothing, from the library's file."""
    whole = _read_json(storage.join(folder, LIBRARY))
    normalizer = whole["normalizer"]
    return {
        "do_lower_case": normalizer.get("lowercase", True),
        "strip_accents": normalizer.get("strip_accents"),
        "tokenize_chinese_chars": normalizer.get("handle_chinese_chars", True),
    }


def _foreign_tokens(config: Mapping[str, Any]) -> Iterator[str]:
    for role, expected in _ROLES.items():
        found = _content(config.get(f"{role}_token", expected))
        if found != expected:
            yield f"{role}_token={found!r} (only {expected} is)"
    for token in _added_tokens(config):
        if token not in SPECIAL_TOKENS:
            yield f"the added token {token!r}"


def _added_tokens(config: Mapping[str, Any]) -> Iterator[Any]:
    added = (config.get("added_tokens_decoder") or {}).values()
    extra = config.get("additional_special_tokens") or config.get(
        "extra_special_tokens"
    )
    return map(_content, (*added, *(extra or ())))


def _content(token: Any) -> Any:
    return token.get("content") if isinstance(token, Mapping) else token


def _unlike(config: Mapping[str, Any], expected: Mapping[str, Any]) -> Iterator[str]:
    for name, value in expected.items():
        found = config.get(name, value)
        if found != value and (found or value):
            yield f"{name}={found!r}"


def _refuse(problems: Iterator[str], *, path: str, advice: str = "") -> None:
    found = [f"{path}: {problem} cannot be honoured.{advice}" for problem in problems]
    if found:
        raise SettingsError(*found)


def _unknown_class(folder: str, *, name: str) -> str:
    known = ", ".join(sorted(_LIKE_BERT | {_JAPANESE}))
    message = (
        f"{storage.join(folder, CONFIG)}: the tokenizer {name} cannot be honoured; "
        f"known are {known}."
    )
    message += _by_library(folder)
    models = [name for name in storage.list_dir(folder) if name.endswith(".model")]
    if not models:
        return message
    return (
        f"{message} {models[0]} is a SentencePiece model: --model_file="
        f"{storage.join(folder, models[0])} takes its pieces and ids as they are, "
        f"which is right where {name} changes neither."
    )


def _by_library(folder: str) -> str:
    """What else can be done where the library's file is there."""
    if not storage.exists(storage.join(folder, LIBRARY)):
        return ""
    return (
        f" --tokenizer=library takes the folder's {LIBRARY} as it is, which is right "
        f"where {CONFIG} changes nothing of it but names."
    )


def _unknown_pair(path: str, *, words: str | None, subwords: str) -> str:
    needed = _NEEDED.get(str(words))
    return (
        f"{path}: word_tokenizer_type={words} with subword_tokenizer_type={subwords} "
        "cannot be honoured; mecab with wordpiece or character, basic with wordpiece, "
        "and characters without words can."
        + (f" It needs {needed}, which is not built in." if needed else "")
    )


def _read_json(path: str) -> dict[str, Any]:
    try:
        found = json.loads(storage.read_text(path))
    except json.JSONDecodeError as error:
        raise DataError(
            f"expected JSON, found {error.msg}", path=path, line=error.lineno
        ) from error
    if not isinstance(found, dict):
        raise DataError(
            f"expected a JSON object, found {type(found).__name__}", path=path
        )
    return found
