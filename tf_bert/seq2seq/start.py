"""The weights that each side starts from: any BERT's, or those of a trained pair."""

from __future__ import annotations

import dataclasses
import logging
import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from processors.tokenization.base import Tokenizer
from runtime.engine.engine import Engine
from runtime.errors import SettingsError
from runtime.training.job import InitialCheckpoint
from runtime.training.model import Initial, from_random
from tf_bert.formats import digest, find, special_ids, tokenizer_files, weights
from tf_bert.formats.encoder_decoder import TARGET_ROLES
from tf_bert.formats.sides import CROSS, PROJECTION, Side, SideSource
from tf_bert.formats.source import Source
from tf_bert.formats.variables import Shapes
from tf_bert.formats.weights import MatchReport
from tf_bert.model.config import BertConfig
from tf_bert.model.encoder_decoder_config import EncoderDecoderConfig

_CROSS = f"/{CROSS}/"
_LAYER = re.compile(r"layer_\d+")

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Start:
    """Opened weights.

    Attributes:
        sources: Of each side; none of one that starts at random.
        whole: The encoder-decoder that both are of, or None.
        paths: Where they lie, as they were named.
    """

    sources: Mapping[Side, Source] = dataclasses.field(default_factory=dict)
    whole: Source | None = None
    paths: tuple[str, ...] = ()

    def record(self) -> InitialCheckpoint | None:
        """What a run records of them; None where all is random."""
        if not self.paths:
            return None
        sources = [self.whole] if self.whole else self.sources.values()
        digests = dict.fromkeys(digest.of_source(source) for source in sources)
        return InitialCheckpoint(path=" ".join(self.paths), digest=" ".join(digests))


def open_start(
    *,
    init_checkpoint: str | None = None,
    encoder_checkpoint: str | None = None,
    decoder_checkpoint: str | None = None,
) -> Start:
    """Opens the weights that settings name.

    Args:
        init_checkpoint: One BERT for both sides, or an encoder-decoder.
        encoder_checkpoint: A BERT for the encoder.
        decoder_checkpoint: A BERT for the decoder.

    Raises:
        SettingsError: The first is given with another, or there is no BERT.
        CheckpointError: Nothing that can be read lies there.
    """
    by_side = {Side.ENCODER: encoder_checkpoint, Side.DECODER: decoder_checkpoint}
    if init_checkpoint is None:
        named = {side: path for side, path in by_side.items() if path}
        opened = {path: find.open_source(path) for path in set(named.values())}
        sources = {side: opened[path] for side, path in named.items()}
        return Start(sources, paths=tuple(named.values()))
    if any(by_side.values()):
        raise SettingsError(
            "--init_checkpoint names the weights of both sides: give it, or "
            "--encoder_checkpoint and --decoder_checkpoint."
        )
    source = find.open_any(init_checkpoint)
    if source.encoder_decoder is None:
        return Start(dict.fromkeys(Side, source), paths=(init_checkpoint,))
    sides = {side: SideSource(source, side) for side in Side}
    return Start(sides, whole=source, paths=(init_checkpoint,))


def find_config(
    start: Start,
    *,
    bert_config_file: str | None,
    model_file: str | None,
    stored: Mapping[str, Any] | None = None,
) -> EncoderDecoderConfig:
    """The sizes of both sides.

    Args:
        start: The opened weights.
        bert_config_file: Read for a side beside whose weights nothing says them. Where
            both say them, it must say the same.
        model_file: Else bert-japanese's BERT-base, whose SentencePiece model this is.
        stored: What the checkpoint that a run goes on with says; before all others.

    Raises:
        SettingsError: They are nowhere to be found, said twice and differently, or the
            vocabularies differ.
    """
    if stored is not None:
        return EncoderDecoderConfig.from_dict(stored)
    told = {s: each.config for s, each in start.sources.items() if each.config}
    if bert_config_file and len(told) == len(Side):
        given = BertConfig.from_json_file(bert_config_file)
        for source in start.sources.values():
            weights.refuse_other_config(given, source)

    def of(side: Side) -> BertConfig:
        if side in told:
            return told[side]
        return weights.find_config(
            bert_config_file=bert_config_file,
            init_checkpoint=None,
            model_file=model_file,
        )

    return EncoderDecoderConfig(of(Side.ENCODER), of(Side.DECODER))


def check(start: Start, *, config: EncoderDecoderConfig, tokenizer: Tokenizer) -> None:
    """Refuses weights of other models or vocabularies, before a framework loads.

    Args:
        start: The opened weights.
        config: The sizes of both sides.
        tokenizer: What makes the ids of both sides.

    Raises:
        CheckpointError: They are of another model, or incomplete.
        SettingsError: The settings stored with them compute otherwise, or they were
            trained with another vocabulary or other special tokens.
    """
    for side, source in start.sources.items():
        sizes = getattr(config, side.value)
        weights.check(source, config=sizes, allow_partial=False)
        weights.refuse_other_config(sizes, source)
        tokenizer_files.refuse_other_vocabulary(source, tokenizer)
    if start.whole is not None:
        _check_special_ids(start.whole, tokenizer)


def _check_special_ids(source: Source, tokenizer: Tokenizer) -> None:
    """Refuses a pair that starts, ends or pads with other tokens than are made here.

    Raises:
        SettingsError: So it is.
    """
    special = tokenizer.special.known()
    problems = [
        f"{source.path}: {special_ids.key_of(role)} is {said}, and the tokenizer's "
        f"[{name.upper()}] is {special[name]}: the model knows another token."
        for role, name in TARGET_ROLES.items()
        for said in (source.special_ids.get(role),)
        if said is not None and said != special[name]
    ]
    if problems:
        raise SettingsError(*problems)
    for role, name in TARGET_ROLES.items():
        if source.special_ids and role not in source.special_ids:
            _log.info(
                "%s does not say %s: it is taken from the tokenizer, [%s], %d.",
                source.path,
                special_ids.key_of(role),
                name.upper(),
                special[name],
            )


def initialise(start: Start, engine: Engine) -> Initial:
    """Loads the weights of both sides.

    Args:
        start: The opened weights.
        engine: Holds the model with random weights.

    Returns:
        What stayed random, and of what step the rest is.

    Raises:
        CheckpointError: The weights do not fit.
    """
    if not start.sources:
        return from_random(engine)
    shapes = engine.weight_shapes()
    values: dict[str, np.ndarray] = {}
    missing: list[str] = []
    for side in Side:
        expected = {
            name.removeprefix(side.prefix): shape
            for name, shape in shapes.items()
            if name.startswith(side.prefix)
        }
        found, fresh = _of_side(side, start.sources.get(side), expected=expected)
        values |= {f"{side.prefix}{name}": each for name, each in found.items()}
        missing += [f"{side.prefix}{name}" for name in fresh]
    values |= _projection(start.whole, shapes)
    missing += [name for name in PROJECTION if name in shapes.keys() - values.keys()]
    engine.load_weights(values)
    step = start.whole.step if start.whole else 0
    return Initial(missing=list(_by_part(missing)), step=step)


def _of_side(
    side: Side, source: Source | None, *, expected: Shapes
) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """The values that weights have for a side, and the names of the other variables."""
    if source is None:
        _log.info("***** %s: random weights *****", side.value)
        return {}, tuple(expected)
    held = source.shapes()
    is_alone = not any(_CROSS in name for name in held)
    new = [name for name in expected if is_alone and _CROSS in name]
    known = {name: shape for name, shape in expected.items() if name not in new}
    found = weights.take_weights(source, expected=known)
    report: MatchReport = dataclasses.replace(
        found.report, shapes=expected, missing=(*found.report.missing, *new)
    )
    _log.info("***** %s *****\n%s", side.value, report)
    return found.values, report.not_trained


def _projection(whole: Source | None, shapes: Shapes) -> dict[str, np.ndarray]:
    """What a pair has between its sides; it is there where their widths differ."""
    if whole is None:
        return {}
    return {name: whole.read(name) for name in PROJECTION if name in shapes}


def _by_part(names: list[str]) -> Iterator[str]:
    """The names with those of the same attention of all layers as one."""
    parts = (
        f"{_LAYER.sub('layer_*', name.partition(_CROSS)[0])}{_CROSS.rstrip('/')}"
        if _CROSS in name
        else name
        for name in names
    )
    yield from dict.fromkeys(parts)
