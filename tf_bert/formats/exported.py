"""A classifier as the folder that transformers loads, with its tokenizer."""

from __future__ import annotations

from typing import Any

from processors.tokenization import hugging_face as folders
from processors.tokenization.base import Tokenizer
from processors.tokenization.sentence_piece import SentencePieceTokenizer
from runtime import storage
from runtime.errors import SettingsError
from runtime.files import json_file
from tf_bert.formats import hugging_face, tokenizer_files, unigram, variables
from tf_bert.formats.names import WeightsFormat
from tf_bert.formats.source import Source
from tf_bert.model.config import BertConfig

_MARKS = (
    "A special token that is written in a text, such as [SEP], is that token to"
    " transformers; here it is text like any other."
)
_KANA = (
    "Half-width kana with a voicing mark, such as ｶﾞ, are other tokens to transformers:"
    " its normaliser goes by what a reader sees as one character."
)


def write(
    folder: str,
    source: Source,
    *,
    config: BertConfig,
    tokenizer: Tokenizer,
    labels: tuple[str, ...],
    max_seq_length: int,
) -> list[str]:
    """Writes what `AutoModelForSequenceClassification` and `AutoTokenizer` load.

    Args:
        folder: Where to.
        source: The weights, with their labels.
        config: The model's settings.
        tokenizer: Texts to ids.
        labels: Names of its outputs, where the weights do not say them.
        max_seq_length: Tokens that it was trained to read at once.

    Returns:
        Sentences on what transformers does otherwise.
    """
    names = [
        name
        for name in source.shapes()
        if hugging_face.knows(name)
        and name not in source.untrained
        and not variables.NOT_WEIGHTS.fullmatch(name)
    ]
    hugging_face.write(
        folder,
        source,
        names=names,
        config=config,
        special=tokenizer.special.known(),
        labels=labels,
    )
    try:
        notes = _write_tokenizer(folder, tokenizer)
    except SettingsError as error:
        return [f"No tokenizer: {error} Give the model ids that this toolkit made."]
    path = storage.join(folder, tokenizer_files.CONFIG)
    said = json_file.read_object(path) if storage.exists(path) else {}
    json_file.write_object(path, {**said, "model_max_length": max_seq_length})
    return notes


def _write_tokenizer(folder: str, tokenizer: Tokenizer) -> list[str]:
    vocabulary = tokenizer.vocabulary.path
    beside = storage.dirname(vocabulary)
    is_of_folder = storage.exists(storage.join(beside, folders.CONFIG))
    rules = tokenizer.fingerprint()
    if isinstance(tokenizer, SentencePieceTokenizer):
        _write_unigram(folder, tokenizer)
        return [_MARKS, _KANA]
    if is_of_folder and rules.get("keep_special_tokens", True):
        found = tokenizer_files.find(beside, WeightsFormat.HUGGING_FACE)
        return tokenizer_files.write(folder, found, to=WeightsFormat.HUGGING_FACE)
    made = tokenizer_files.of_run(vocabulary, rules)
    if made.config is None:
        raise SettingsError(f"transformers has none of the kind {tokenizer.kind} so.")
    notes = tokenizer_files.write(folder, made, to=WeightsFormat.HUGGING_FACE)
    return [*notes, *([] if rules.get("keep_special_tokens") else [_MARKS])]


def _write_unigram(folder: str, tokenizer: SentencePieceTokenizer) -> None:
    content = unigram.library_file(tokenizer)
    json_file.write_object(storage.join(folder, folders.LIBRARY), content)
    tokens = tokenizer.vocabulary.tokens
    said: dict[str, Any] = {
        f"{role}_token": tokens[index]
        for role, index in tokenizer.special.known().items()
    }
    said["tokenizer_class"] = "PreTrainedTokenizerFast"
    said["model_input_names"] = ["input_ids", "token_type_ids", "attention_mask"]
    json_file.write_object(storage.join(folder, tokenizer_files.CONFIG), said)
