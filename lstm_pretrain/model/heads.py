"""What stands on the encoder: a language model or a classifier, plain Keras models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from lstm_pretrain.model.config import Dropouts, LstmConfig, StatePooling
from lstm_pretrain.model.modeling import LstmEncoder, RowLayout
from runtime.kernels import next_token
from runtime.kernels.dropout import Dropout, SharedDropout
from runtime.kernels.lookup import take

LM_INPUTS = ("input_ids", "example_ids")


class LanguageModel(keras.Model):
    """Encoder, dropout, softmax over the vocabulary.

    With two directions each predicts by itself, the second the token before; they share
    embedding and output layer.

    Args:
        config: Sizes.
        dropouts: What is dropped in training.
        layout: How rows are laid out.
        dtype: Keras dtype policy.
    """

    def __init__(
        self,
        config: LstmConfig,
        *,
        dropouts: Dropouts = Dropouts(),  # noqa: B008 - frozen
        layout: RowLayout = RowLayout(),  # noqa: B008 - frozen
        dtype: str = "float32",
    ) -> None:
        super().__init__(name="language_model", dtype=dtype)
        self.encoder = LstmEncoder(
            config, dropouts=dropouts, layout=layout, dtype=dtype, name="encoder"
        )
        kind = SharedDropout if dropouts.variational else Dropout
        self.dropout = kind(dropouts.outputs, dtype=dtype)
        self.ties_weights = config.tie_weights
        self.narrow = _narrowing(config, dtype=dtype)
        if not config.tie_weights:
            self.output_kernel = self.add_weight(
                shape=(config.hidden_size, config.vocab_size),
                initializer="glorot_uniform",
                autocast=False,
                name="output_kernel",
            )
        self.output_bias = self.add_weight(
            shape=(config.vocab_size,),
            initializer="zeros",
            autocast=False,
            name="output_bias",
        )

    def build_variables(self) -> None:
        """Creates every variable by a call on the shape of two tokens."""
        two = keras.KerasTensor((1, 2), dtype="int32")
        one = keras.KerasTensor((1,), dtype="int32")
        self({**dict.fromkeys(LM_INPUTS, two), "target_positions": one})

    def call(self, inputs: Mapping[str, Any], training: bool = False) -> Any:
        """What follows each of some tokens.

        Args:
            inputs: As for `states`.
            training: Whether dropout is on.

        Returns:
            float32 logits `[targets, vocabulary]` of the forward direction.
        """
        states = self.states(inputs, training=training)[0]
        logits = ops.matmul(states, self.kernel())
        return ops.cast(logits, "float32") + ops.convert_to_tensor(self.output_bias)

    def states(self, inputs: Mapping[str, Any], *, training: bool) -> list[Any]:
        """What the output layer reads, for real tokens only.

        Args:
            inputs: `input_ids` and `example_ids` as for `LstmEncoder.call`;
                `target_positions` int32 `[targets]`: each a token that is followed by
                another of its text, counted along the rows laid end to end.
            training: Whether dropout is on.

        Returns:
            For each direction `[targets, units]`: what says the token after a
            position; and what, one further, says the token at it.
        """
        rows = {name: inputs[name] for name in LM_INPUTS}
        found = self.encoder(rows, training=training)
        positions = inputs["target_positions"]
        dropped = found
        if isinstance(self.dropout, SharedDropout):
            dropped = [self.dropout(states, training=training) for states in found]
        taken = [
            take(_end_to_end(states), positions + shift)
            for shift, states in enumerate(dropped)
        ]
        if not isinstance(self.dropout, SharedDropout):
            taken = [self.dropout(states, training=training) for states in taken]
        return [self.narrow(states) for states in taken]

    def kernel(self) -> Any:
        """The output layer's kernel `[units, vocabulary]`, in the compute dtype."""
        if self.ties_weights:
            table = ops.cast(self.encoder.embedding.embeddings, self.compute_dtype)
            return ops.transpose(table)
        return ops.cast(self.output_kernel, self.compute_dtype)


class LanguageModelObjective:
    """Cross-entropy of the tokens that follow, weighted by token.

    The blocks hold `target_positions` and `target_ids`, int32 `[targets]`, and
    `target_weight`, float32 `[targets]`.
    """

    def loss(self, model: LanguageModel, block: Mapping[str, Any]) -> Any:
        """The slice's weighted loss; see `runtime.engine.engine.Objective`."""
        found = [
            next_token.loss(states, kernel, bias, target_ids, block["target_weight"])
            for states, kernel, bias, target_ids in _predictions(
                model, block, training=True
            )
        ]
        return sum(found) / len(found)

    def outputs(self, model: LanguageModel, block: Mapping[str, Any]) -> dict[str, Any]:
        """`losses [targets]`, meaningless for filler."""
        found = [
            next_token.losses(states, kernel, bias, target_ids)
            for states, kernel, bias, target_ids in _predictions(
                model, block, training=False
            )
        ]
        return {"losses": sum(found) / len(found)}


class LstmClassifier(keras.Model):
    """Encoder, pooling, dropout, logistic head.

    Two classes have one logit, more have one each.

    Args:
        config: Sizes of the encoder.
        num_labels: Number of classes.
        pooling: How a text becomes one vector.
        dropouts: What is dropped in training; `outputs` is of the pooled vector.
        layout: How rows are laid out.
        dtype: Keras dtype policy.
    """

    def __init__(
        self,
        config: LstmConfig,
        *,
        num_labels: int,
        pooling: StatePooling = StatePooling.MEAN,
        dropouts: Dropouts = Dropouts(),  # noqa: B008 - frozen
        layout: RowLayout = RowLayout(),  # noqa: B008 - frozen
        dtype: str = "float32",
    ) -> None:
        super().__init__(name="lstm_classifier", dtype=dtype)
        self.num_labels = num_labels
        self.pooling = pooling
        self.encoder = LstmEncoder(
            config, dropouts=dropouts, layout=layout, dtype=dtype, name="encoder"
        )
        self.dropout = Dropout(dropouts.outputs, dtype=dtype)
        self.head = keras.layers.Dense(
            1 if num_labels == 2 else num_labels, dtype="float32", name="head"
        )

    def build_variables(self) -> None:
        """Creates every variable by a call on the shape of two tokens."""
        two = keras.KerasTensor((1, 2), dtype="int32")
        first = keras.KerasTensor((1,), dtype="int32")
        self({**dict.fromkeys(LM_INPUTS, two), "first_positions": first})

    def call(self, inputs: Mapping[str, Any], training: bool = False) -> Any:
        """Classifies texts.

        Args:
            inputs: `input_ids` and `example_ids` as for `LstmEncoder.call`, and
                `first_positions` int32 `[examples]`: each text's first token, counted
                along the rows laid end to end.
            training: Whether dropout is on.

        Returns:
            float32 logits `[examples, num_labels]`; of two classes the first's is 0.
        """
        pooled = self.pooled(inputs, training=training)
        logits = self.head(self.dropout(pooled, training=training))
        if self.num_labels != 2:
            return logits
        return ops.concatenate([ops.zeros_like(logits), logits], axis=-1)

    def pooled(self, inputs: Mapping[str, Any], training: bool = False) -> Any:
        """What the head reads: the states of each text as one vector.

        Args:
            inputs: As for `call`.
            training: Whether dropout is on.

        Returns:
            float32 `[examples, size]`.
        """
        rows = {name: inputs[name] for name in LM_INPUTS}
        states = ops.concatenate(self.encoder(rows, training=training), axis=-1)
        members = _members(inputs["example_ids"], inputs["first_positions"])
        return _POOLED[self.pooling](ops.cast(_end_to_end(states), "float32"), members)


def _narrowing(config: LstmConfig, *, dtype: str) -> keras.layers.Layer:
    """Brings states to the embedding's width where the kernel is the embedding."""
    if not config.tie_weights or config.hidden_size == config.embedding_size:
        return keras.layers.Identity(dtype=dtype)
    return keras.layers.Dense(
        config.embedding_size, use_bias=False, dtype=dtype, name="narrow"
    )


def _predictions(
    model: LanguageModel, block: Mapping[str, Any], *, training: bool
) -> list[tuple[Any, Any, Any, Any]]:
    """For each direction states, kernel, bias and target ids."""
    kernel, bias = model.kernel(), ops.convert_to_tensor(model.output_bias)
    here = ops.take(
        ops.reshape(block["input_ids"], (-1,)), block["target_positions"], axis=0
    )
    return [
        (states, kernel, bias, target_ids)
        for states, target_ids in zip(
            model.states(block, training=training),
            (block["target_ids"], here),
            strict=False,
        )
    ]


def _end_to_end(values: Any) -> Any:
    """`[rows, time, size]` to `[rows * time, size]`."""
    return ops.reshape(values, (-1, values.shape[-1]))


def _members(example_ids: Any, first_positions: Any) -> Any:
    """Which tokens are of which text: bool `[examples, rows * time]`."""
    rows = ops.arange(ops.shape(example_ids)[0], dtype="int32")[:, None]
    row_of = ops.reshape(rows + ops.zeros_like(example_ids), (-1,))
    flat = ops.reshape(example_ids, (-1,))
    same_row = ops.take(row_of, first_positions)[:, None] == row_of[None]
    same_example = ops.take(flat, first_positions)[:, None] == flat[None]
    return ops.logical_and(same_row, same_example)


def _mean(states: Any, members: Any) -> Any:
    """Mean state of each text, float32 `[examples, size]`."""
    members = ops.cast(members, "float32")
    return ops.matmul(members, states) / ops.sum(members, axis=1, keepdims=True)


def _concat(states: Any, members: Any) -> Any:
    """Last, greatest and mean state of each text side by side.

    Source: Howard and Ruder, Universal Language Model Fine-tuning for Text
        Classification, 2018, 3.3.
    """
    places = ops.arange(ops.shape(members)[1], dtype="int32")[None]
    last = ops.max(ops.where(members, places, 0), axis=1)
    # Of booleans ONNX has no argmax.
    owner = ops.cast(ops.argmax(ops.cast(members, "int32"), axis=0), "int32")
    nobody = ops.shape(members)[0]
    owner = ops.where(ops.any(members, axis=0), owner, nobody)
    greatest = ops.segment_max(states, owner, num_segments=nobody + 1)[:-1]
    has_tokens = ops.any(owner[None] == ops.arange(nobody)[:, None], axis=1)
    greatest = ops.where(has_tokens[:, None], greatest, 0.0)
    return ops.concatenate(
        [take(states, last), greatest, _mean(states, members)], axis=-1
    )


_POOLED = {StatePooling.MEAN: _mean, StatePooling.CONCAT: _concat}
