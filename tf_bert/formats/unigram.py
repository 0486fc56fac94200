"""A SentencePiece model as the `tokenizer.json` that transformers reads.

Source: transformers, convert_slow_tokenizer.py, SpmConverter; the fields of a model
from sentencepiece, src/sentencepiece_model.proto.
"""

from __future__ import annotations

import base64
from typing import Any

import sentencepiece

from processors.tokenization.sentence_piece import SentencePieceTokenizer
from runtime import storage
from runtime.errors import SettingsError
from runtime.files.protobuf import iter_fields

_TRAINER, _NORMALIZER = 2, 3  # fields of a ModelProto
_MODEL_TYPE, _UNIGRAM = 3, 1  # of a TrainerSpec
_CHARSMAP = 2  # of a NormalizerSpec
_SPACE = "▁"


def library_file(tokenizer: SentencePieceTokenizer) -> dict[str, Any]:
    """What `tokenizer.json` says.

    Args:
        tokenizer: Whose ids are the model's own.

    Raises:
        SettingsError: It is not so, or the model is no unigram model.
    """
    data = storage.read_bytes(tokenizer.model_file)
    fields = {number: value for number, _, value in iter_fields(data)}
    trainer = _fields(fields.get(_TRAINER))
    if trainer.get(_MODEL_TYPE, _UNIGRAM) != _UNIGRAM or not tokenizer.ids_are_own:
        raise SettingsError(
            f"{tokenizer.model_file}: only unigram models with their own ids have a"
            " tokenizer.json."
        )
    special = tokenizer.special
    cls, sep = (tokenizer.vocabulary.tokens[i] for i in (special.cls, special.sep))
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            _added(tokenizer, i) for i in sorted(special.known().values())
        ],
        "normalizer": _normalizer(_fields(fields.get(_NORMALIZER)), tokenizer),
        "pre_tokenizer": _metaspace(),
        "post_processor": _template((cls, special.cls), (sep, special.sep)),
        "decoder": _metaspace(),
        "model": _model(data, tokenizer),
    }


def _fields(message: Any) -> dict[int, Any]:
    return {number: value for number, _, value in iter_fields(message or b"")}


def _added(tokenizer: SentencePieceTokenizer, index: int) -> dict[str, Any]:
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    content = tokenizer.vocabulary.tokens[index]
    return {"id": index, "content": content, **flags, "special": True}


def _normalizer(
    spec: dict[int, Any], tokenizer: SentencePieceTokenizer
) -> dict[str, Any]:
    steps: list[dict[str, Any]] = []
    if tokenizer.do_lower_case:
        steps.append({"type": "Lowercase"})
    if spec.get(_CHARSMAP):
        charsmap = base64.b64encode(bytes(spec[_CHARSMAP])).decode()
        steps.append({"type": "Precompiled", "precompiled_charsmap": charsmap})
    steps.append({"type": "Strip", "strip_left": True, "strip_right": True})
    steps.append({"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "})
    return {"type": "Sequence", "normalizers": steps}


def _metaspace() -> dict[str, Any]:
    return {
        "type": "Metaspace",
        "replacement": _SPACE,
        "prepend_scheme": "always",
        "split": False,
    }


def _template(cls: tuple[str, int], sep: tuple[str, int]) -> dict[str, Any]:
    def special(name: str, kind: int) -> dict[str, Any]:
        return {"SpecialToken": {"id": name, "type_id": kind}}

    def sequence(name: str, kind: int) -> dict[str, Any]:
        return {"Sequence": {"id": name, "type_id": kind}}

    single = [special(cls[0], 0), sequence("A", 0), special(sep[0], 0)]
    return {
        "type": "TemplateProcessing",
        "single": single,
        "pair": [*single, sequence("B", 1), special(sep[0], 1)],
        "special_tokens": {
            name: {"id": name, "ids": [index], "tokens": [name]}
            for name, index in (cls, sep)
        },
    }


def _model(data: bytes, tokenizer: SentencePieceTokenizer) -> dict[str, Any]:
    processor = sentencepiece.SentencePieceProcessor(model_proto=data)
    pieces = range(processor.get_piece_size())
    return {
        "type": "Unigram",
        "unk_id": processor.unk_id(),
        "vocab": [[processor.id_to_piece(i), processor.get_score(i)] for i in pieces],
        "byte_fallback": bool(tokenizer.fingerprint()["byte_fallback"]),
    }
