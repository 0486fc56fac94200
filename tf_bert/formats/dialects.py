"""A BERT's settings in the words of Hugging Face and KerasHub."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runtime.errors import SettingsError
from tf_bert.model.config import BertConfig

# What a key means that a Hugging Face file leaves out.
# Source: transformers, configuration_bert.py.
_HUGGING_FACE_DEFAULTS = {"vocab_size": 30522, "type_vocab_size": 2}

_TO_HUGGING_FACE = {"gelu": "gelu_pytorch_tanh", "gelu_exact": "gelu"}

# Ours -> BertBackbone's. Source: keras-hub, bert_backbone.py.
_KERAS_HUB = {
    "vocab_size": "vocabulary_size",
    "num_hidden_layers": "num_layers",
    "num_attention_heads": "num_heads",
    "hidden_size": "hidden_dim",
    "intermediate_size": "intermediate_dim",
    "hidden_dropout_prob": "dropout",
    "max_position_embeddings": "max_sequence_length",
    "type_vocab_size": "num_segments",
}
_KERAS_HUB_DEFAULTS = {"dropout": 0.1, "max_sequence_length": 512, "num_segments": 2}

MASKED_LM_OF_KERAS_HUB = (
    "KerasHub's masked-LM head computes with erf GELU and epsilon 1e-5 whatever the "
    "encoder does: it was left out; --allow_inexact carries it."
)

_FIXED = {"layer_norm_eps": 1e-12}
_FIXED_IN_KERAS_HUB = {"hidden_act": "gelu", **_FIXED}


def from_hugging_face(values: Mapping[str, Any]) -> BertConfig:
    """The settings that a Hugging Face `config.json` holds.

    Args:
        values: The parsed file.

    Raises:
        SettingsError: It is no BERT this toolkit computes.
    """
    return BertConfig.from_dict(
        {**_HUGGING_FACE_DEFAULTS, "model_type": "bert", **values}
    )


def to_hugging_face(config: BertConfig) -> dict[str, Any]:
    """The keys of a Hugging Face `config.json` that say the same.

    Args:
        config: The settings.
    """
    activation = config.hidden_act
    return {
        **config.to_dict(),
        "model_type": "bert",
        "hidden_act": _TO_HUGGING_FACE.get(activation, activation),
        "tie_word_embeddings": True,
    }


def from_keras_hub(values: Mapping[str, Any]) -> BertConfig:
    """The settings that the `config` of a `BertBackbone` holds.

    Args:
        values: That object.

    Raises:
        SettingsError: A setting is missing or wrong.
    """
    known = {**_KERAS_HUB_DEFAULTS, **values}
    missing = [name for name in _KERAS_HUB.values() if name not in known]
    if missing:
        raise SettingsError(
            f"The BertBackbone's configuration has no {', '.join(missing)}"
        )
    ours = {name: known[theirs] for name, theirs in _KERAS_HUB.items()}
    ours["attention_probs_dropout_prob"] = known["dropout"]
    return BertConfig(**{**ours, **_FIXED_IN_KERAS_HUB})


def to_keras_hub(config: BertConfig) -> dict[str, Any]:
    """The arguments of the `BertBackbone` of these sizes.

    Args:
        config: The settings; what KerasHub fixes is not in the result, see
            `not_in_keras_hub`.
    """
    ours = config.to_dict()
    return {theirs: ours[name] for name, theirs in _KERAS_HUB.items()}


def not_in_keras_hub(config: BertConfig) -> list[str]:
    """What `BertBackbone` computes otherwise, a sentence each."""
    return _differences(config, _FIXED_IN_KERAS_HUB, program="KerasHub's BertBackbone")


def not_in_google_bert(config: BertConfig) -> list[str]:
    """What google-research/bert computes otherwise, a sentence each."""
    program = "google-research/bert"
    found = _differences(config, _FIXED, program=program)
    if config.hidden_act == "gelu_exact":
        found.append(
            f"{program} has no hidden_act=gelu_exact and refuses it; this toolkit "
            "reads it."
        )
    return found


def _differences(
    config: BertConfig, fixed: Mapping[str, object], *, program: str
) -> list[str]:
    return [
        f"{program} computes with {name}={value}, this model with "
        f"{getattr(config, name)}."
        for name, value in fixed.items()
        if getattr(config, name) != value
    ]
