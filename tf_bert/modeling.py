"""BERT in Keras 3, with the variable names of google-research/bert.

A variable's path is its TF1 name (`bert/encoder/layer_0/attention/self/query/kernel`),
so checkpoints of the original load by name.

Tensors are written `[rows, seq_len, hidden]`. A row may hold several packed examples:
`example_ids` says which example a position belongs to (0 is padding), attention stays
within an example, and `first_positions` says where each example's [CLS] stands.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from runtime.dropout import Dropout
from runtime.lookup import lookup
from tf_bert.config import BertConfig

TOKEN_INPUTS = ("input_ids", "segment_ids", "position_ids", "example_ids")
"""The inputs of shape `[rows, seq_len]`; see `Bert.call`."""

_MASKED = -10000.0  # added to the score of a key that may not be attended


def _normal(config: BertConfig) -> keras.initializers.Initializer:
    return keras.initializers.TruncatedNormal(stddev=config.initializer_range)


class _Part(keras.layers.Layer):
    """A layer whose children compute in its own precision."""

    def __init__(self, config: BertConfig, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.config = config

    def _dense(self, units: int, *, name: str, activation: Any = None) -> Any:
        return keras.layers.Dense(
            units,
            activation=activation,
            kernel_initializer=_normal(self.config),
            dtype=self.dtype_policy,
            name=name,
        )

    def _layer_norm(self) -> keras.layers.LayerNormalization:
        return keras.layers.LayerNormalization(
            epsilon=self.config.layer_norm_eps,
            dtype=self.dtype_policy,
            name="LayerNorm",
        )

    def _dropout(self, rate: float) -> Dropout:
        return Dropout(rate, dtype=self.dtype_policy)

    def _part(self, kind: type[_Part], name: str) -> Any:
        return kind(self.config, dtype=self.dtype_policy, name=name)


class Bert(_Part):
    """Embeddings, transformer layers and pooler.

    Args:
        config: Sizes, activation and dropout rates.

    Source: Devlin et al. 2018, arXiv:1810.04805; google-research/bert, modeling.py.
    """

    def __init__(self, config: BertConfig, **kwargs: Any) -> None:
        super().__init__(config, **kwargs)
        self.embeddings = self._part(Embeddings, "embeddings")
        self.encoder = self._part(Encoder, "encoder")
        self.pooler = self._part(Pooler, "pooler")

    def call(self, inputs: Mapping[str, Any], training: bool = False) -> dict[str, Any]:
        """Encodes rows of tokens.

        Args:
            inputs: int32 tensors.
                input_ids: `[rows, seq_len]`.
                segment_ids: `[rows, seq_len]`, 0 for text_a and 1 for text_b.
                position_ids: `[rows, seq_len]`, restarting with each example.
                example_ids: `[rows, seq_len]`, 1.. within a row, 0 for padding.
                first_positions: `[examples]`, flat positions of the [CLS] tokens.
            training: Whether dropout is on.

        Returns:
            sequence_output: `[rows, seq_len, hidden]`, the last layer.
            pooled_output: `[examples, hidden]`.
            encoder_outputs: every layer's `[rows, seq_len, hidden]`.
        """
        hidden = self.embeddings(inputs, training=training)
        bias = attention_bias(inputs["example_ids"], dtype=self.compute_dtype)
        layers = self.encoder(hidden, bias=bias, training=training)
        pooled = self.pooler(layers[-1], first_positions=inputs["first_positions"])
        return {
            "sequence_output": layers[-1],
            "pooled_output": pooled,
            "encoder_outputs": layers,
        }


def attention_bias(example_ids: Any, *, dtype: str) -> Any:
    """What is added to attention scores: 0 within an example, else -10000.

    Padding queries attend to every real token, as in the original; nothing reads them.

    Args:
        example_ids: int32 `[rows, seq_len]`, 0 for padding.
        dtype: Of the result.

    Returns:
        `[rows, 1, queries, keys]`.
    """
    queries, keys = example_ids[:, None, :, None], example_ids[:, None, None, :]
    allowed = ops.logical_and(
        keys > 0, ops.logical_or(ops.equal(queries, keys), ops.equal(queries, 0))
    )
    return (1.0 - ops.cast(allowed, dtype)) * _MASKED


def activation_function(name: str) -> Any:
    """The activation of a `hidden_act` value, checked by BertConfig."""
    return {
        "gelu": lambda x: ops.gelu(x, approximate=True),
        "gelu_exact": lambda x: ops.gelu(x, approximate=False),
        "relu": ops.relu,
        "tanh": ops.tanh,
        "linear": None,
    }[name]


class Embeddings(_Part):
    """Word + segment + position embedding, LayerNorm, dropout."""

    def __init__(self, config: BertConfig, **kwargs: Any) -> None:
        super().__init__(config, **kwargs)
        self.norm = self._layer_norm()
        self.dropout = self._dropout(config.hidden_dropout_prob)

    def build(self, _: Any) -> None:
        """Creates the three tables `[entries, hidden]`."""
        config = self.config
        for name, entries in (
            ("word_embeddings", config.vocab_size),
            ("token_type_embeddings", config.type_vocab_size),
            ("position_embeddings", config.max_position_embeddings),
        ):
            table = self.add_weight(
                shape=(entries, config.hidden_size),
                initializer=_normal(config),
                autocast=False,  # cast what is looked up, not the whole table
                name=name,
            )
            setattr(self, name, table)
        self.norm.build((None, None, config.hidden_size))

    def call(self, inputs: Mapping[str, Any], training: bool = False) -> Any:
        """Embeds `input_ids`, `segment_ids` and `position_ids`; see `Bert.call`."""
        words = lookup(self.word_embeddings, inputs["input_ids"])
        segments = ops.take(self.token_type_embeddings, inputs["segment_ids"], axis=0)
        places = ops.take(self.position_embeddings, inputs["position_ids"], axis=0)
        total = ops.cast(words + segments + places, self.compute_dtype)
        return self.dropout(self.norm(total), training=training)


class Encoder(_Part):
    """A stack of transformer layers."""

    def __init__(self, config: BertConfig, **kwargs: Any) -> None:
        super().__init__(config, **kwargs)
        self.blocks = [
            self._part(TransformerLayer, f"layer_{index}")
            for index in range(config.num_hidden_layers)
        ]

    def call(self, hidden: Any, bias: Any, training: bool = False) -> list[Any]:
        """Returns every layer's output, each `[rows, seq_len, hidden]`."""
        outputs = []
        for block in self.blocks:
            hidden = block(hidden, bias=bias, training=training)
            outputs.append(hidden)
        return outputs


class TransformerLayer(_Part):
    """Attention and feed-forward, each with residual and LayerNorm after it."""

    def __init__(self, config: BertConfig, **kwargs: Any) -> None:
        super().__init__(config, **kwargs)
        self.attention = self._part(Attention, "attention")
        self.intermediate = self._part(Intermediate, "intermediate")
        self.feed_forward_output = self._part(ResidualOutput, "output")

    def call(self, hidden: Any, bias: Any, training: bool = False) -> Any:
        """Maps `[rows, seq_len, hidden]` to the same shape."""
        attended = self.attention(hidden, bias=bias, training=training)
        widened = self.intermediate(attended)
        return self.feed_forward_output(widened, residual=attended, training=training)


class Attention(_Part):
    """Self-attention and its output projection."""

    def __init__(self, config: BertConfig, **kwargs: Any) -> None:
        super().__init__(config, **kwargs)
        self.heads = self._part(SelfAttention, "self")
        self.projection = self._part(ResidualOutput, "output")

    def call(self, hidden: Any, bias: Any, training: bool = False) -> Any:
        """Maps `[rows, seq_len, hidden]` to the same shape."""
        context = self.heads(hidden, bias=bias, training=training)
        return self.projection(context, residual=hidden, training=training)


class SelfAttention(_Part):
    """Scaled dot-product attention over several heads."""

    def __init__(self, config: BertConfig, **kwargs: Any) -> None:
        super().__init__(config, **kwargs)
        self._num_heads = config.num_attention_heads
        self._head_size = config.hidden_size // config.num_attention_heads
        self.query = self._dense(config.hidden_size, name="query")
        self.key = self._dense(config.hidden_size, name="key")
        self.value = self._dense(config.hidden_size, name="value")
        self.dropout = self._dropout(config.attention_probs_dropout_prob)

    def call(self, hidden: Any, bias: Any, training: bool = False) -> Any:
        """Maps `[rows, seq_len, hidden]` to the heads' contexts side by side."""
        query, key, value = (
            self._split(dense(hidden)) for dense in (self.query, self.key, self.value)
        )
        query = query * (self._head_size**-0.5)
        scores = ops.matmul(query, ops.transpose(key, (0, 1, 3, 2))) + bias
        probabilities = self.dropout(ops.softmax(scores), training=training)
        return self._join(ops.matmul(probabilities, value))

    def _split(self, hidden: Any) -> Any:
        rows, length = ops.shape(hidden)[:2]
        heads = ops.reshape(hidden, (rows, length, self._num_heads, self._head_size))
        return ops.transpose(heads, (0, 2, 1, 3))

    def _join(self, context: Any) -> Any:
        rows, _, length, _ = ops.shape(context)
        size = self._num_heads * self._head_size
        return ops.reshape(ops.transpose(context, (0, 2, 1, 3)), (rows, length, size))


class ResidualOutput(_Part):
    """Projection to the hidden size, dropout, residual, LayerNorm."""

    def __init__(self, config: BertConfig, **kwargs: Any) -> None:
        super().__init__(config, **kwargs)
        self.dense = self._dense(config.hidden_size, name="dense")
        self.dropout = self._dropout(config.hidden_dropout_prob)
        self.norm = self._layer_norm()

    def call(self, inner: Any, residual: Any, training: bool = False) -> Any:
        """Maps `[rows, seq_len, inner]` to `[rows, seq_len, hidden]`."""
        projected = self.dropout(self.dense(inner), training=training)
        return self.norm(projected + residual)


class Intermediate(_Part):
    """The widening half of the feed-forward part."""

    def __init__(self, config: BertConfig, **kwargs: Any) -> None:
        super().__init__(config, **kwargs)
        self.dense = self._dense(
            config.intermediate_size,
            name="dense",
            activation=activation_function(config.hidden_act),
        )

    def call(self, hidden: Any) -> Any:
        """Maps `[rows, seq_len, hidden]` to `[rows, seq_len, intermediate]`."""
        return self.dense(hidden)


class Pooler(_Part):
    """A tanh projection of each example's [CLS] vector."""

    def __init__(self, config: BertConfig, **kwargs: Any) -> None:
        super().__init__(config, **kwargs)
        self.dense = self._dense(config.hidden_size, name="dense", activation="tanh")

    def call(self, hidden: Any, first_positions: Any) -> Any:
        """Maps `[rows, seq_len, hidden]` to `[examples, hidden]`."""
        flat = ops.reshape(hidden, (-1, hidden.shape[-1]))
        return self.dense(ops.take(flat, first_positions, axis=0))
