"""What can be refused of writing for new texts before a framework loads."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from processors.tokenization import create as tokenizers
from processors.tokenization import kept
from processors.tokenization.base import Tokenizer
from processors.tokenization.settings import TokenizerSettings
from runtime.errors import CheckpointError, SettingsError
from runtime.training import trained_run
from tf_bert.formats.source import Source
from tf_bert.model.encoder_decoder_config import EncoderDecoderConfig
from tf_bert.seq2seq import start as starts
from tf_bert.seq2seq.generation.settings import WritingSettings
from tf_bert.seq2seq.search_settings import EarlyStopping, SearchSettings
from tf_bert.seq2seq.start import Start

_SOURCE, _TARGET = 512, 64  # tokens, where no run says more


@dataclasses.dataclass(frozen=True, kw_only=True)
class WritingJob:
    """An encoder-decoder and what it is to do.

    Attributes:
        settings: What was asked for.
        start: Its weights.
        config: Its sizes.
        tokenizer: Texts to ids and back.
        search: How it writes.
        max_source_length: Longest source in tokens, special ones included.
        unknown_text: What stands for the unknown token.
    """

    settings: WritingSettings
    start: Start
    config: EncoderDecoderConfig
    tokenizer: Tokenizer
    search: SearchSettings
    max_source_length: int
    unknown_text: str


def prepare(settings: WritingSettings) -> WritingJob:
    """Opens what the settings name and checks that it fits together.

    Args:
        settings: What was asked for.

    Raises:
        SettingsError: Settings that do not fit.
        CheckpointError: The weights are those of another model, or of one BERT, which
            has not learned to read another's output.
    """
    path = str(settings.init_checkpoint)
    start = starts.open_start(init_checkpoint=path)
    if start.whole is None or start.whole.encoder_decoder is None:
        raise CheckpointError(
            f"{path} holds one BERT: as a decoder its cross-attention is new, and what "
            "it writes would come from random numbers. Train it with "
            "scripts/run_seq2seq.py first, and name that run."
        )
    config, state = start.whole.encoder_decoder, trained_run.state_of(path)
    tokenizer = _tokenizer(settings, start.whole, state=state)
    starts.check(start, config=config, tokenizer=tokenizer)
    said = _said(settings, told=state.get("settings", {}), config=config)
    longest = said.pop("max_source_length")
    unknown_text = said.pop("unknown_text")
    if problems := list(_length_problems(said, longest, config=config)):
        raise SettingsError(*problems)
    return WritingJob(
        settings=settings,
        start=start,
        config=config,
        tokenizer=tokenizer,
        search=SearchSettings(**said),
        max_source_length=longest,
        unknown_text=unknown_text,
    )


def _tokenizer(
    settings: WritingSettings, source: Source, *, state: Mapping[str, Any]
) -> Tokenizer:
    """The tokenizer that is named, else the one that the weights were trained with."""
    if settings.names_tokenizer:
        return tokenizers.create(settings)
    if state.get("tokenizer"):
        return kept.read(source.folder, state=state)
    return tokenizers.create(TokenizerSettings(tokenizer_dir=source.folder))


def _said(
    settings: WritingSettings,
    *,
    told: Mapping[str, Any],
    config: EncoderDecoderConfig,
) -> dict[str, Any]:
    """What is given, else what the run was told, else what is usual."""
    usual = {field.name: field.default for field in dataclasses.fields(SearchSettings)}
    usual |= {
        "max_source_length": min(_SOURCE, config.encoder.max_position_embeddings),
        "max_target_length": min(_TARGET, config.decoder.max_position_embeddings),
        "unknown_text": "",
    }
    found = {}
    for name, default in usual.items():
        given = getattr(settings, name)
        found[name] = told.get(name, default) if given is None else given
    found["early_stopping"] = EarlyStopping(found["early_stopping"])
    return found


def _length_problems(
    said: Mapping[str, Any], max_source_length: int, *, config: EncoderDecoderConfig
) -> Iterator[str]:
    """A sentence for each length that the model has no positions for."""
    for name, length, side, sizes in (
        ("max_source_length", max_source_length, "encoder", config.encoder),
        ("max_target_length", said["max_target_length"], "decoder", config.decoder),
    ):
        if length > sizes.max_position_embeddings:
            yield (
                f"--{name}={length} is above the {sizes.max_position_embeddings} "
                f"positions of the {side}."
            )
    if max_source_length < 3:
        yield (
            f"--max_source_length must be at least 3, [CLS], a token and [SEP]; got "
            f"{max_source_length}."
        )
