"""Hugging Face folders of an encoder and a decoder that are both BERT.

Our names are a BERT's behind the name of its side; transformers says it likewise, but
the encoder has no `bert.` in its names.

Source: transformers, modeling_encoder_decoder.py and configuration_encoder_decoder.py.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from runtime import storage
from runtime.errors import CheckpointError, DataError, SettingsError
from runtime.files import json_file
from tf_bert.formats import dialects, hugging_face, special_ids
from tf_bert.formats.names import Name, NameTable, WeightLayout, WeightsFormat
from tf_bert.formats.sides import CROSS, Side
from tf_bert.formats.source import Source, TranslatedSource
from tf_bert.formats.special_ids import SpecialIds
from tf_bert.model.config import BertConfig
from tf_bert.model.encoder_decoder_config import EncoderDecoderConfig

MODEL_TYPE = "encoder-decoder"
GENERATION_CONFIG = "generation_config.json"

TARGET_ROLES = {"decoder_start": "cls", "eos": "sep", "pad": "pad"}
"""What transformers starts, ends and pads targets with, and which token it is here."""

_NAMES = NameTable(WeightsFormat.HUGGING_FACE)
_SIDE = re.compile(r"(encoder|decoder)[./](.+)")
_PROJECTION = {
    "enc_to_dec_proj.weight": Name("enc_to_dec_proj/kernel", WeightLayout.TRANSPOSED),
    "enc_to_dec_proj.bias": Name("enc_to_dec_proj/bias", WeightLayout.SAME),
}
_BUFFERS = re.compile(
    r"(en|de)coder\.(bert\.)?embeddings\.(position_ids|token_type_ids)"
)
_TIED = {
    "decoder.cls.predictions.decoder.weight": (
        "decoder.bert.embeddings.word_embeddings.weight"
    ),
    "decoder.cls.predictions.decoder.bias": "decoder.cls.predictions.bias",
}
# What only says that a BERT is one side of two.
_OF_A_SIDE = ("is_decoder", "add_cross_attention")


def lies_in(folder: str) -> bool:
    """Whether a Hugging Face folder holds an encoder-decoder."""
    return hugging_face.read_config(folder).get("model_type") == MODEL_TYPE


# Reading -----------------------------------------------------------------------------


class EncoderDecoderSource(TranslatedSource):
    """A folder that `EncoderDecoderModel.save_pretrained` wrote.

    Args:
        folder: The folder.

    Raises:
        CheckpointError: A file is missing or damaged, or the output layer is not the
            decoder's word embedding.
        SettingsError: `config.json` does not describe two BERTs of one vocabulary.
    """

    kind = WeightsFormat.HUGGING_FACE

    def __init__(self, folder: str) -> None:
        values = hugging_face.read_config(folder)
        places = hugging_face.places_of(folder)

        def read(name: str) -> np.ndarray:
            return places[name].read(name)

        untied = [
            name
            for name, other in _TIED.items()
            if name in places and not np.array_equal(read(name), read(other))
        ]
        if untied:
            raise CheckpointError(
                f"{folder}: {', '.join(untied)} is not the decoder's word embedding; "
                "only output layers that are tied to it are computed here."
            )
        super().__init__(
            folder,
            found={
                name: place.shapes()[name]
                for name, place in places.items()
                if name not in _TIED and not _BUFFERS.fullmatch(name)
            },
            known_as=known_as,
            read=read,
        )
        self.encoder_decoder = _config(folder, values)
        self.special_ids = _special_ids(folder, values)
        self.step = hugging_face.step_of(folder)


def known_as(name: str) -> Name | None:
    """Our name of one of their variables, and its layout; None: not known."""
    if name in _PROJECTION:
        return _PROJECTION[name]
    found = _SIDE.fullmatch(name)
    if found is None:
        return None
    theirs = hugging_face.canonical(found[2])
    ours = _NAMES.ours(theirs.replace(CROSS, "attention"))
    if ours is None:
        return None
    kept = ours.name.replace("attention", CROSS) if CROSS in theirs else ours.name
    return Name(f"{found[1]}/{kept}", ours.layout)


def _config(folder: str, values: Mapping[str, Any]) -> EncoderDecoderConfig:
    """The settings of both sides.

    Raises:
        SettingsError: One is missing or no BERT, or their vocabularies differ.
    """
    path = storage.join(folder, hugging_face.CONFIG)
    sides = {side: values.get(side) for side in ("encoder", "decoder")}
    configs: dict[str, BertConfig] = {}
    problems: list[str] = []
    for side, said in sides.items():
        if not isinstance(said, dict):
            problems.append(f"{path}: expected the settings of a BERT under {side!r}")
            continue
        plain = {key: each for key, each in said.items() if key not in _OF_A_SIDE}
        try:
            configs[side] = dialects.from_hugging_face(plain)
        except SettingsError as error:
            problems += [f"{path}: {side}: {each}" for each in error.problems]
    if problems:
        raise SettingsError(*problems)
    try:
        return EncoderDecoderConfig(**configs)
    except SettingsError as error:
        raise SettingsError(*(f"{path}: {each}" for each in error.problems)) from error


def _special_ids(folder: str, values: Mapping[str, Any]) -> SpecialIds:
    """What the folder says of the ids, by role.

    transformers trains with what `config.json` says, and generates with what
    `generation_config.json` says.

    Raises:
        SettingsError: They say different ids.
        CheckpointError: The second is no JSON object.
    """
    training = special_ids.from_settings(values)
    writing = special_ids.from_settings(_generation_config(folder))
    problems = [
        f"{folder}: {special_ids.key_of(role)} is {training[role]} in "
        f"{hugging_face.CONFIG} and {writing[role]} in {GENERATION_CONFIG}. Correct "
        "the one that the model was not trained with."
        for role in sorted(training.keys() & writing.keys())
        if training[role] != writing[role]
    ]
    if problems:
        raise SettingsError(*problems)
    return {**writing, **training}


def _generation_config(folder: str) -> dict[str, Any]:
    """What `generation_config.json` says; nothing where there is none.

    Raises:
        CheckpointError: It is no JSON object.
    """
    path = hugging_face.file_of(folder, GENERATION_CONFIG)
    if not storage.exists(path):
        return {}
    try:
        return json_file.read_object(path)
    except DataError as error:
        raise CheckpointError(str(error)) from error


# Writing -----------------------------------------------------------------------------


def there(name: str) -> Name | None:
    """Their name of one of our variables, and its layout; None: they have none."""
    for theirs, ours in _PROJECTION.items():
        if name == ours.name:
            return Name(theirs, ours.layout)
    found = _SIDE.fullmatch(name)
    if found is None:
        return None
    of_bert = _NAMES.theirs(found[2].replace(CROSS, "attention"))
    if of_bert is None:
        return None
    theirs = of_bert.name
    if CROSS in name:
        theirs = theirs.replace("attention", CROSS)
    if found[1] == Side.ENCODER.value:
        theirs = theirs.removeprefix("bert.")
    return Name(f"{found[1]}.{theirs}", of_bert.layout)


def write(
    folder: str,
    source: Source,
    *,
    names: Sequence[str],
    config: EncoderDecoderConfig,
    special: SpecialIds,
) -> None:
    """Writes the folder that `EncoderDecoderModel.from_pretrained` reads.

    transformers expects a pooler of the encoder, although nothing reads it: where there
    is none, it is written as zeros.

    Args:
        folder: Where to; `config.json` comes last.
        source: The weights.
        names: Which of them, by our names; those that are `there` are written.
        config: The sizes of both sides.
        special: Ids of the special tokens.

    Raises:
        SettingsError: Nothing says the ids of [CLS], [SEP] and [PAD].
    """
    ids = _written_ids(special)
    width = config.encoder.hidden_size
    tensors = {
        "encoder.pooler.dense.weight": np.zeros((width, width), np.float32),
        "encoder.pooler.dense.bias": np.zeros(width, np.float32),
    }
    heads = config.decoder.num_attention_heads
    for name in names:
        if (place := there(name)) is not None:
            value = place.layout.to_theirs(source.read(name), heads=heads)
            tensors[place.name] = np.asarray(value, order="C")
    hugging_face.write_tensors(storage.join(folder, hugging_face.WEIGHTS), tensors)
    json_file.write_object(
        storage.join(folder, GENERATION_CONFIG),
        {**ids, "max_length": config.decoder.max_position_embeddings},
    )
    json_file.write_object(
        storage.join(folder, hugging_face.CONFIG), _settings(config, ids, special)
    )


def _written_ids(special: SpecialIds) -> dict[str, int]:
    """What transformers starts, ends and pads targets with, by its keys.

    Raises:
        SettingsError: Nothing says one of them.
    """
    missing = [name for name in TARGET_ROLES.values() if name not in special]
    if missing:
        said = ", ".join(f"[{name.upper()}]" for name in missing)
        raise SettingsError(
            f"Nothing says the ids of {said}, with which transformers would write "
            "texts. Give --vocab_file."
        )
    return {
        special_ids.key_of(role): special[name] for role, name in TARGET_ROLES.items()
    }


def _settings(
    config: EncoderDecoderConfig, ids: Mapping[str, int], special: SpecialIds
) -> dict[str, Any]:
    """The keys of `config.json`."""
    encoder, decoder = (
        {**dialects.to_hugging_face(side), **special_ids.to_settings(special)}
        for side in (config.encoder, config.decoder)
    )
    return {
        "architectures": ["EncoderDecoderModel"],
        "model_type": MODEL_TYPE,
        "is_encoder_decoder": True,
        "dtype": "float32",
        "encoder": encoder,
        "decoder": {**decoder, **dict.fromkeys(_OF_A_SIDE, True)},
        **ids,
    }
