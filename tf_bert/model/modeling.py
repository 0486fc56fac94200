"""BERT in Keras 3, with the variable names of google-research/bert.

A variable's path is its TF1 name (`bert/encoder/layer_0/attention/self/query/kernel`),
so checkpoints of the original load by name.

Tensors are written `[rows, seq_len, hidden]`. A row may hold several packed examples:
`example_ids` says which example a position belongs to (0 is padding), attention stays
within an example, and `first_positions` says where each example's [CLS] stands.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from keras import ops

from runtime.kernels import layer_stack, portable
from runtime.kernels.attention import attend
from runtime.kernels.fusion import fused
from runtime.kernels.lookup import lookup, take
from tf_bert.model.config import BertConfig
from tf_bert.model.norm import Norm
from tf_bert.model.part import Part, initializer

TOKEN_INPUTS = ("input_ids", "segment_ids", "position_ids", "example_ids")
"""The inputs of shape `[rows, seq_len]`; see `Bert.call`."""

_MASKED = -10000.0  # added to the score of a key that may not be attended


class Bert(Part):
    """Embeddings, transformer layers and pooler.

    Args:
        config: Sizes, activation and dropout rates.

    Source: Devlin et al. 2018, arXiv:1810.04805; google-research/bert, modeling.py.
    """

    def __init__(self, config: BertConfig, **kwargs: Any) -> None:
        super().__init__(config, **kwargs)
        self.embeddings = self.make_part(Embeddings, "embeddings")
        self.encoder = self.make_part(TransformerEncoder, "encoder")
        self.pooler = self.make_part(Pooler, "pooler")

    def call(
        self,
        inputs: Mapping[str, Any],
        training: bool = False,
        pooled_only: bool = False,
    ) -> dict[str, Any]:
        """Encodes rows of tokens.

        Args:
            inputs: int32 tensors.
                input_ids: `[rows, seq_len]`.
                segment_ids: `[rows, seq_len]`, 0 for text_a and 1 for text_b.
                position_ids: `[rows, seq_len]`, restarting with each example.
                example_ids: `[rows, seq_len]`, 1.. within a row, 0 for padding.
                first_positions: `[examples]`, flat positions of the [CLS] tokens.
            training: Whether dropout is on.
            pooled_only: Whether `pooled_output` is all that is wanted; the last layer
                is then computed for the [CLS] tokens alone.

        Returns:
            pooled_output: `[examples, hidden]`; and unless `pooled_only`
            sequence_output: `[rows, seq_len, hidden]`, the last layer.
            encoder_outputs: every layer's `[rows, seq_len, hidden]`.
        """
        hidden = self.embeddings(inputs, training=training)
        bias = attention_bias(inputs["example_ids"], dtype=self.compute_dtype)
        first = inputs["first_positions"]
        if pooled_only:
            last = self.encoder(hidden, bias=bias, positions=first, training=training)
            return {"pooled_output": self.pooler(last[-1][:, 0])}
        layers = self.encoder(hidden, bias=bias, training=training)
        return {
            "pooled_output": self.pooler(tokens_at(layers[-1], first)),
            "sequence_output": layers[-1],
            "encoder_outputs": layers,
        }


def tokens_at(hidden: Any, positions: Any) -> Any:
    """The vectors of some tokens.

    Args:
        hidden: `[rows, seq_len, ...]`.
        positions: int32 `[examples]`, flat positions `row * seq_len + column`.

    Returns:
        `[examples, ...]`.
    """
    flat = ops.reshape(hidden, (-1, *ops.shape(hidden)[2:]))
    return take(flat, positions)


def token_vectors(states: Any, first_positions: Any, *, mask: Any) -> Any:
    """The vectors of each text's tokens, from packed rows.

    Args:
        states: `[rows, seq_len, ...]`.
        first_positions: int32 `[texts]`, the flat position of each text's first token.
        mask: `[texts, tokens]`, 1 for a token.

    Returns:
        float32 `[texts, tokens, ...]`, 0 where there is no token.
    """
    columns = ops.arange(ops.shape(mask)[1], dtype="int32")
    places = ops.where(mask > 0, first_positions[:, None] + columns, 0)
    found = ops.cast(tokens_at(states, places), "float32")
    real = ops.reshape(mask > 0, (*ops.shape(mask), *[1] * (len(states.shape) - 2)))
    return ops.where(real, found, 0.0)


def mean_of(tokens: Any, mask: Any) -> Any:
    """The mean of each text's tokens, `[texts, hidden]`; see `token_vectors`."""
    counts = ops.sum(ops.cast(mask, "float32"), axis=1, keepdims=True)
    return ops.sum(tokens, axis=1) / ops.maximum(counts, 1.0)


def attention_bias(
    example_ids: Any, *, dtype: str, keys_of: Any = None, is_causal: bool = False
) -> Any:
    """What is added to attention scores: 0 within an example, else -10000.

    Padding queries attend to every real token, as in the original; nothing reads them.

    Args:
        example_ids: int32 `[rows, queries]`, 0 for padding.
        dtype: Of the result.
        keys_of: int32 `[rows, keys]`, the example ids of the keys; by default they are
            those of the queries.
        is_causal: Whether a query sees no key that stands behind it.

    Returns:
        `[rows, 1, queries, keys]`.
    """
    keys_of = example_ids if keys_of is None else keys_of
    # By indexing, LiteRT would need operations of TensorFlow itself.
    queries = ops.expand_dims(example_ids, (1, 3))
    keys = ops.expand_dims(keys_of, (1, 2))
    allowed = ops.logical_and(
        keys > 0, ops.logical_or(ops.equal(queries, keys), ops.equal(queries, 0))
    )
    if is_causal:
        places = ops.arange(ops.shape(example_ids)[1], dtype="int32")
        allowed = ops.logical_and(allowed, places[:, None] >= places)
    return masked_bias(allowed, dtype=dtype)


def masked_bias(allowed: Any, *, dtype: str) -> Any:
    """What is added to attention scores: 0 where a key may be attended, else -10000.

    Args:
        allowed: bool, any shape.
        dtype: Of the result, which has the same shape.
    """
    return (1.0 - ops.cast(allowed, dtype)) * _MASKED


@fused
def _gelu(inputs: Any) -> Any:
    return ops.gelu(inputs, approximate=True)


@fused
def _gelu_exact(inputs: Any) -> Any:
    if portable.is_asked():  # Keras' own has an operation that tf2onnx lacks
        return 0.5 * inputs * (1.0 + ops.erf(inputs / math.sqrt(2.0)))
    return ops.gelu(inputs, approximate=False)


def activation_function(name: str) -> Any:
    """The activation of a `hidden_act` value, checked by BertConfig."""
    return {
        "gelu": _gelu,
        "gelu_exact": _gelu_exact,
        "relu": ops.relu,
        "tanh": ops.tanh,
        "linear": None,
    }[name]


class Embeddings(Part):
    """Word + segment + position embedding, LayerNorm, dropout."""

    def __init__(self, config: BertConfig, **kwargs: Any) -> None:
        super().__init__(config, **kwargs)
        self.norm = self.make_part(Norm, "LayerNorm")
        self.dropout = self.make_dropout(config.hidden_dropout_prob)

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
                initializer=initializer(config),
                autocast=False,  # cast what is looked up, not the whole table
                name=name,
            )
            setattr(self, name, table)
        self.norm.build()

    def call(self, inputs: Mapping[str, Any], training: bool = False) -> Any:
        """Embeds `input_ids`, `segment_ids` and `position_ids`; see `Bert.call`."""
        words = lookup(self.word_embeddings, inputs["input_ids"])
        segments = take(self.token_type_embeddings, inputs["segment_ids"])
        places = take(self.position_embeddings, inputs["position_ids"])
        total = ops.cast(words + segments + places, self.compute_dtype)
        return self.dropout(self.norm(total), training=training)


class TransformerEncoder(Part):
    """A stack of transformer layers."""

    def __init__(self, config: BertConfig, **kwargs: Any) -> None:
        super().__init__(config, **kwargs)
        self.blocks = [
            self.make_part(TransformerLayer, f"layer_{index}")
            for index in range(config.num_hidden_layers)
        ]

    def call(
        self, hidden: Any, bias: Any, positions: Any = None, training: bool = False
    ) -> list[Any]:
        """Runs the layers one after the other.

        Args:
            hidden: `[rows, seq_len, hidden]`.
            bias: `[rows, 1, seq_len, seq_len]`; see `attention_bias`.
            positions: int32 `[examples]`; where given, the last layer is computed for
                these tokens alone.
            training: Whether dropout is on.

        Returns:
            Every layer's output `[rows, seq_len, hidden]`; the last is
            `[examples, 1, hidden]` where positions are given.
        """
        *below, last = self.blocks

        def call(block: TransformerLayer, hidden: Any) -> Any:
            return block(hidden, keys_from=hidden, bias=bias, training=training)

        if positions is None:
            return layer_stack.outputs(self.blocks, hidden, call)
        outputs = layer_stack.outputs(below, hidden, call)
        keys_from = outputs[-1] if outputs else hidden
        rows = ops.transpose(bias, (0, 2, 1, 3))
        final = last(
            tokens_at(keys_from, positions)[:, None],
            keys_from=keys_from,
            bias=tokens_at(rows, positions)[:, None],
            positions=positions,
            training=training,
        )
        return [*outputs, final]


class TransformerLayer(Part):
    """Attention and feed-forward, each with residual and LayerNorm after it."""

    def __init__(self, config: BertConfig, **kwargs: Any) -> None:
        super().__init__(config, **kwargs)
        self.attention = self.make_part(Attention, "attention")
        self.intermediate = self.make_part(Intermediate, "intermediate")
        self.feed_forward_output = self.make_part(ResidualOutput, "output")

    def call(
        self,
        queries: Any,
        keys_from: Any,
        bias: Any,
        positions: Any = None,
        training: bool = False,
    ) -> Any:
        """Maps queries to the same shape; see `AttentionHeads.call`."""
        attended = self.attention(
            queries,
            keys_from=keys_from,
            bias=bias,
            positions=positions,
            training=training,
        )
        widened = self.intermediate(attended)
        return self.feed_forward_output(widened, residual=attended, training=training)


class Attention(Part):
    """Attention and its output projection."""

    def __init__(self, config: BertConfig, **kwargs: Any) -> None:
        super().__init__(config, **kwargs)
        self.heads = self.make_part(AttentionHeads, "self")
        self.projection = self.make_part(ResidualOutput, "output")

    def call(
        self,
        queries: Any,
        keys_from: Any,
        bias: Any,
        positions: Any = None,
        training: bool = False,
    ) -> Any:
        """Maps queries to the same shape; see `AttentionHeads.call`."""
        context = self.heads(
            queries,
            keys_from=keys_from,
            bias=bias,
            positions=positions,
            training=training,
        )
        return self.projection(context, residual=queries, training=training)


class AttentionHeads(Part):
    """Scaled dot-product attention over several heads."""

    def __init__(self, config: BertConfig, **kwargs: Any) -> None:
        super().__init__(config, **kwargs)
        self._num_heads = config.num_attention_heads
        self._head_size = config.hidden_size // config.num_attention_heads
        self.query = self.make_dense(config.hidden_size, name="query")
        self.key = self.make_dense(config.hidden_size, name="key")
        self.value = self.make_dense(config.hidden_size, name="value")
        self.dropout = self.make_dropout(config.attention_probs_dropout_prob)

    def call(
        self,
        queries: Any,
        keys_from: Any,
        bias: Any,
        positions: Any = None,
        training: bool = False,
    ) -> Any:
        """Lets each query attend to the tokens of its row.

        Args:
            queries: `[rows, queries, hidden]`; or `[examples, 1, hidden]` with
                positions, the tokens that stand there.
            keys_from: `[rows, seq_len, hidden]`.
            bias: Added to the scores `[rows or examples, heads, queries, seq_len]`.
            positions: int32 `[examples]`, flat positions in the rows, or None.
            training: Whether dropout is on.

        Returns:
            The heads' contexts side by side, in the shape of the queries.
        """
        query = self.split_queries(queries)
        key, value = self.keys_and_values(keys_from)
        if positions is not None:
            rows = positions // ops.shape(keys_from)[1]
            key, value = take(key, rows), take(value, rows)
        return self.attend(query, key, value, bias=bias, training=training)

    def split_queries(self, queries: Any) -> Any:
        """What `attend` takes of `[rows, queries, hidden]`: scaled, by heads."""
        return self._split(self.query(queries) * self._head_size**-0.5)

    def keys_and_values(self, keys_from: Any) -> tuple[Any, Any]:
        """What `attend` takes of `[rows, seq_len, hidden]`.

        Returns:
            Twice `[rows, heads, seq_len, head_size]`.
        """
        return self._split(self.key(keys_from)), self._split(self.value(keys_from))

    def attend(
        self, query: Any, key: Any, value: Any, *, bias: Any, training: bool = False
    ) -> Any:
        """Lets queries attend to keys that are computed already.

        Args:
            query: `[rows, heads, queries, head_size]`, from `split_queries`.
            key: `[rows, heads, seq_len, head_size]`, from `keys_and_values`.
            value: The same.
            bias: As for `call`.
            training: Whether dropout is on.

        Returns:
            `[rows, queries, hidden]`.
        """
        dropout = self.dropout if training else None
        return self._join(attend(query, key, value, bias=bias, dropout=dropout))

    def _split(self, hidden: Any) -> Any:
        rows, length = ops.shape(hidden)[:2]
        heads = ops.reshape(hidden, (rows, length, self._num_heads, self._head_size))
        return ops.transpose(heads, (0, 2, 1, 3))

    def _join(self, context: Any) -> Any:
        rows, _, length, _ = ops.shape(context)
        size = self._num_heads * self._head_size
        return ops.reshape(ops.transpose(context, (0, 2, 1, 3)), (rows, length, size))


class ResidualOutput(Part):
    """Projection to the hidden size, dropout, residual, LayerNorm."""

    def __init__(self, config: BertConfig, **kwargs: Any) -> None:
        super().__init__(config, **kwargs)
        self.dense = self.make_dense(config.hidden_size, name="dense")
        self.norm = self.make_part(Norm, "LayerNorm")

    def call(self, inner: Any, residual: Any, training: bool = False) -> Any:
        """Maps `[rows, seq_len, inner]` to `[rows, seq_len, hidden]`."""
        return self.norm(self.dense(inner), residual=residual, training=training)


class Intermediate(Part):
    """The widening half of the feed-forward part."""

    def __init__(self, config: BertConfig, **kwargs: Any) -> None:
        super().__init__(config, **kwargs)
        self.dense = self.make_dense(
            config.intermediate_size,
            name="dense",
            activation=activation_function(config.hidden_act),
        )

    def call(self, hidden: Any) -> Any:
        """Maps `[rows, seq_len, hidden]` to `[rows, seq_len, intermediate]`."""
        return self.dense(hidden)


class Pooler(Part):
    """A tanh projection of each example's [CLS] vector."""

    def __init__(self, config: BertConfig, **kwargs: Any) -> None:
        super().__init__(config, **kwargs)
        self.dense = self.make_dense(
            config.hidden_size, name="dense", activation="tanh"
        )

    def call(self, first: Any) -> Any:
        """Maps `[examples, hidden]` to the same shape."""
        return self.dense(first)
