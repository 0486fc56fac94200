"""The variables that a BERT of given sizes has."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping

from tf_bert.formats import names
from tf_bert.model.config import BertConfig

Shapes = Mapping[str, tuple[int, ...]]

NOT_WEIGHTS = re.compile(
    r"global_step|_CHECKPOINTABLE_OBJECT_GRAPH|.*/adam_[mv]", re.DOTALL
)
"""A TensorFlow checkpoint's step, object graph and optimiser slots."""

# What decides each axis of a variable; the first pattern that is found in its name.
_AXES = (
    (r"/word_embeddings$", ("vocab_size", "hidden_size")),
    (r"/position_embeddings$", ("max_position_embeddings", "hidden_size")),
    (r"/token_type_embeddings$", ("type_vocab_size", "hidden_size")),
    (r"/intermediate/dense/kernel$", ("hidden_size", "intermediate_size")),
    (r"/intermediate/dense/bias$", ("intermediate_size",)),
    (r"layer_\d+/output/dense/kernel$", ("intermediate_size", "hidden_size")),
    (r"^cls/predictions/output_bias$", ("vocab_size",)),
    (r"^output_weights$", ("number of labels", "hidden_size")),
    (r"^output_bias$", ("number of labels",)),
    (r"/kernel$", ("hidden_size", "hidden_size")),
    (r"", ("hidden_size",)),
)


def axes(name: str) -> tuple[str, ...]:
    """The settings that decide the axes of one of our variables."""
    return next(axes for pattern, axes in _AXES if re.search(pattern, name))


def encoder_shapes(config: BertConfig, *, layers: int) -> dict[str, tuple[int, ...]]:
    """The variables of embeddings, layers and pooler.

    Args:
        config: Sizes.
        layers: The layers to count; the configuration's may be a stranger's.

    Returns:
        Name -> shape.
    """
    return {
        name: tuple(getattr(config, axis) for axis in axes(name))
        for name in names.encoder_names(layers)
    }


def sized(config: BertConfig, shapes: Shapes) -> dict[str, tuple[int, ...]]:
    """The encoder's variables as far as a checkpoint can have them, and one layer.

    A configuration that counts a billion layers would else fill the memory before
    anything is compared.

    Args:
        config: Sizes.
        shapes: What the checkpoint has.

    Returns:
        Name -> shape.
    """
    layers = min(config.num_hidden_layers, names.layer_count(shapes) + 1)
    return encoder_shapes(config, layers=layers)


def decided_otherwise(ours: BertConfig, theirs: BertConfig) -> list[str]:
    """Where two configurations make models that compute differently.

    Args:
        ours: What a run was told.
        theirs: What the checkpoint says.

    Returns:
        A sentence for each setting; dropout and initial values do not count.
    """
    free = {
        "hidden_dropout_prob",
        "attention_probs_dropout_prob",
        "initializer_range",
        "ignored_keys",
    }
    fields = [f.name for f in dataclasses.fields(BertConfig) if f.name not in free]
    return [
        f"{name} is {getattr(theirs, name)} in the checkpoint's configuration, "
        f"{getattr(ours, name)} in the given one"
        for name in fields
        if getattr(ours, name) != getattr(theirs, name)
    ]
