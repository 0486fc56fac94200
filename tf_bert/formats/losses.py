"""What a conversion cannot carry over beside the variables, by name."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from processors.tokenization.vocabulary import Vocabulary
from runtime.errors import SettingsError
from tf_bert.formats import hugging_face, special_ids, tokenizer_files
from tf_bert.formats.names import WeightsFormat
from tf_bert.formats.source import Source, untrained_pooler
from tf_bert.formats.special_ids import SpecialIds
from tf_bert.formats.tokenizer_files import TokenizerFiles
from tf_bert.model.config import BertConfig


def named(
    source: Source, tokenizer: TokenizerFiles, *, to: WeightsFormat, special: SpecialIds
) -> list[str]:
    """What stands beside the variables and has no place in a format.

    Args:
        source: The weights.
        tokenizer: The files that go with them.
        to: The format.
        special: Ids of the special tokens, as they are written.
    """
    return [
        *_pooler(source),
        *(f"the setting {name}" for name in source.extras),
        *_labels(source, to=to),
        *_targets(source, to=to),
        *_of_tokenizer(source, tokenizer, to=to, special=special),
    ]


def _pooler(source: Source) -> Iterator[str]:
    for name in untrained_pooler(source):
        why = "not trained" if name in source.untrained else "not in the source"
        yield f"{name} ({why})"


def _labels(source: Source, *, to: WeightsFormat) -> Iterator[str]:
    if source.labels and to in {WeightsFormat.TF1, WeightsFormat.KERAS_HUB}:
        yield f"the labels ({', '.join(source.labels)})"


def _targets(source: Source, *, to: WeightsFormat) -> Iterator[str]:
    if to in {WeightsFormat.TF1, WeightsFormat.KERAS_HUB}:
        for key, value in hugging_face.to_settings(source.targets).items():
            yield f"the setting {key}={value}"


def _of_tokenizer(
    source: Source, tokenizer: TokenizerFiles, *, to: WeightsFormat, special: SpecialIds
) -> Iterator[str]:
    is_written = tokenizer.vocabulary is not None
    if source.tokenizer and not is_written and to is not WeightsFormat.NATIVE:
        yield f"the fingerprint of its {source.tokenizer.get('kind')} tokenizer"
    if to is not WeightsFormat.KERAS_HUB:
        return
    yield from tokenizer_files.unknown_to_keras_hub(tokenizer)
    found: SpecialIds = {}  # there, in the vocabulary, under the names that are fixed
    if tokenizer_files.keras_hub_tokenizer(tokenizer) is not None:
        usual = dataclasses.replace(tokenizer, config=None)
        found = tokenizer_files.special_ids_of(usual)
    lost = {role: each for role, each in special.items() if found.get(role) != each}
    for key, each in special_ids.to_settings(lost).items():
        yield f"{key}={each}"


def of_vocabulary(
    vocabulary: Vocabulary | None, *, config: BertConfig, path: str
) -> list[str]:
    """What is to be known of a vocabulary beside the rows of the word embedding.

    Args:
        vocabulary: Of the tokenizer that goes with the weights; None: not known.
        config: Sizes of the model.
        path: Where the weights lie.

    Raises:
        SettingsError: It has tokens that the model has no row for.
    """
    if vocabulary is None or vocabulary.size == config.vocab_size:
        return []
    sizes = (
        f"{vocabulary.path} has {vocabulary.size} tokens, and the word embedding of "
        f"{path} has {config.vocab_size} rows"
    )
    if vocabulary.size > config.vocab_size:
        raise SettingsError(
            f"{sizes}: its last ids would be outside the model. Give the vocabulary "
            "that the model was trained with."
        )
    return [f"{sizes}: the last {config.vocab_size - vocabulary.size} have no token."]


def of_special_ids(
    source: Source, written: SpecialIds, *, vocabulary: Vocabulary | None
) -> list[str]:
    """What is to be known of the special tokens' ids.

    Args:
        source: The weights.
        written: The ids as they are written.
        vocabulary: Where they were looked up; None: they are the source's.
    """
    notes = [
        f"{source.path} says {special_ids.key_of(role)}={said}, and "
        f"{vocabulary.path} has that token at {written[role]}, which was written."
        for role, said in source.special_ids.items()
        if vocabulary is not None and written[role] != said
    ]
    if "pad" not in written:
        notes.append(
            "Nothing beside the weights says the id of [PAD]: none was written. Give "
            "--vocab_file to say it."
        )
    return notes
