"""Two BERTs in a row: one reads a text, the other writes what follows from it.

A variable's path is its side and its TF1 name, such as
`decoder/bert/encoder/layer_0/attention/self/query/kernel`, so a BERT's checkpoint loads
into either side by name.

Rows may hold several packed examples on both sides, with the same numbers: a target
attends to the source of its own example alone.

Source: Rothe et al., Leveraging Pre-trained Checkpoints for Sequence Generation Tasks,
    2020; transformers, modeling_encoder_decoder.py and modeling_bert.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from runtime.kernels import layer_stack, lookup
from tf_bert.model.config import BertConfig
from tf_bert.model.encoder_decoder_config import EncoderDecoderConfig
from tf_bert.model.masked_tokens import MaskedTokens
from tf_bert.model.modeling import (
    Attention,
    Embeddings,
    Intermediate,
    ResidualOutput,
    TransformerEncoder,
    attention_bias,
    tokens_at,
)
from tf_bert.model.part import Part, initializer

SOURCE_INPUTS = ("input_ids", "position_ids", "example_ids")
"""The inputs of shape `[rows, source_len]`; see `BertEncoderDecoder.call`."""

TARGET_INPUTS = ("decoder_input_ids", "decoder_position_ids", "decoder_example_ids")
"""The inputs of shape `[rows, target_len]`; see there."""


class BertEncoderDecoder(keras.Model):
    """An encoder and a decoder, both BERT, with a tied decoder on the targets.

    Args:
        config: The sizes of both.
        dtype: Keras dtype policy.
    """

    def __init__(self, config: EncoderDecoderConfig, *, dtype: str = "float32") -> None:
        super().__init__(name="encoder_decoder", dtype=dtype)
        self.encoder = Encoder(config.encoder, name="encoder", dtype=dtype)
        self.decoder = Decoder(config.decoder, name="decoder", dtype=dtype)
        width = config.decoder.hidden_size
        self.projection = (
            keras.layers.Identity(dtype=dtype)
            if width == config.encoder.hidden_size
            else keras.layers.Dense(
                width,
                kernel_initializer=initializer(config.decoder),
                dtype=dtype,
                name="enc_to_dec_proj",
            )
        )

    def build_variables(self) -> None:
        """Creates every variable by a call on the shape of two tokens."""
        two = keras.KerasTensor((1, 2), dtype="int32")
        one = keras.KerasTensor((1,), dtype="int32")
        grids = dict.fromkeys((*SOURCE_INPUTS, *TARGET_INPUTS), two)
        self({**grids, "target_positions": one})

    def call(self, inputs: Mapping[str, Any], training: bool = False) -> dict[str, Any]:
        """Predicts the tokens of the targets, each from those before it.

        Args:
            inputs: int32 tensors.
                input_ids, position_ids, example_ids: `[rows, source_len]`, as for
                    `Bert.call`; all of one segment.
                decoder_input_ids: `[rows, target_len]`, [CLS] and the target without
                    its last token.
                decoder_position_ids: `[rows, target_len]`, restarting with each
                    example.
                decoder_example_ids: `[rows, target_len]`, numbers of the examples as in
                    `example_ids`, 0 for padding.
                target_positions: `[targets]`, flat positions in `decoder_input_ids` of
                    the tokens whose followers are asked for.
            training: Whether dropout is on.

        Returns:
            logits: float32 `[targets, vocabulary]`.
        """
        states = self.states(inputs, training=training)
        return {"logits": self.logits(states)}

    def states(self, inputs: Mapping[str, Any], *, training: bool) -> Any:
        """What the output layer reads, `[targets, hidden]`; inputs as for `call`."""
        memory = self.encode(inputs, training=training)
        return self.decoder(inputs, memory=memory, training=training)

    def encode(self, inputs: Mapping[str, Any], *, training: bool = False) -> Any:
        """What the decoder reads of the sources.

        Args:
            inputs: Those of shape `[rows, source_len]`; see `call`.
            training: Whether dropout is on.

        Returns:
            `[rows, source_len, decoder's hidden]`.
        """
        return self.projection(self.encoder(inputs, training=training))

    def output_layer(self) -> tuple[Any, Any]:
        """Its kernel `[hidden, vocabulary]` and bias `[vocabulary]`."""
        table = ops.convert_to_tensor(self.decoder.bert.embeddings.word_embeddings)
        bias = ops.convert_to_tensor(self.decoder.head.predictions.output_bias)
        return ops.transpose(ops.cast(table, self.compute_dtype)), bias

    def logits(self, states: Any) -> Any:
        """Scores of every token, float32 `[targets, vocabulary]`."""
        kernel, bias = self.output_layer()
        return ops.cast(ops.matmul(states, kernel), "float32") + bias


class Encoder(Part):
    """A BERT without its pooler."""

    def __init__(self, config: BertConfig, **kwargs: Any) -> None:
        super().__init__(config, **kwargs)
        self.bert = self.make_part(EncoderStack, "bert")

    def call(self, inputs: Mapping[str, Any], training: bool = False) -> Any:
        """Maps tokens to the last layer's `[rows, source_len, hidden]`."""
        return self.bert(inputs, training=training)


class EncoderStack(Part):
    """Embeddings and transformer layers."""

    def __init__(self, config: BertConfig, **kwargs: Any) -> None:
        super().__init__(config, **kwargs)
        self.embeddings = self.make_part(Embeddings, "embeddings")
        self.encoder = self.make_part(TransformerEncoder, "encoder")

    def call(self, inputs: Mapping[str, Any], training: bool = False) -> Any:
        """Maps tokens to the last layer's `[rows, source_len, hidden]`."""
        hidden = self.embeddings(
            {
                "input_ids": inputs["input_ids"],
                "segment_ids": ops.zeros_like(inputs["input_ids"]),
                "position_ids": inputs["position_ids"],
            },
            training=training,
        )
        bias = attention_bias(inputs["example_ids"], dtype=self.compute_dtype)
        return self.encoder(hidden, bias=bias, training=training)[-1]


class Decoder(Part):
    """A BERT that sees no later token and attends to an encoder, and its head."""

    def __init__(self, config: BertConfig, **kwargs: Any) -> None:
        super().__init__(config, **kwargs)
        self.bert = self.make_part(DecoderStack, "bert")
        self.head = self.make_part(Head, "cls")

    def call(
        self, inputs: Mapping[str, Any], memory: Any, training: bool = False
    ) -> Any:
        """What the output layer reads, `[targets, hidden]`; see `DecoderStack.call`."""
        written = self.bert(inputs, memory=memory, training=training)
        return self.head(tokens_at(written, inputs["target_positions"]))


class Head(Part):
    """What the output layer reads of a token; holds the output layer's bias."""

    def __init__(self, config: BertConfig, **kwargs: Any) -> None:
        super().__init__(config, **kwargs)
        self.predictions = self.make_part(MaskedTokens, "predictions")

    def call(self, hidden: Any) -> Any:
        """Maps `[targets, hidden]` to the same shape."""
        return self.predictions(hidden)


class DecoderStack(Part):
    """Embeddings and decoder layers."""

    def __init__(self, config: BertConfig, **kwargs: Any) -> None:
        super().__init__(config, **kwargs)
        self.embeddings = self.make_part(Embeddings, "embeddings")
        self.encoder = self.make_part(DecoderLayers, "encoder")

    def call(
        self, inputs: Mapping[str, Any], memory: Any, training: bool = False
    ) -> Any:
        """Runs over targets whose tokens are all known.

        Args:
            inputs: See `BertEncoderDecoder.call`.
            memory: `[rows, source_len, hidden]`.
            training: Whether dropout is on.

        Returns:
            The last layer, `[rows, target_len, hidden]`.
        """
        hidden = self.embed(
            inputs["decoder_input_ids"],
            inputs["decoder_position_ids"],
            training=training,
        )
        own = inputs["decoder_example_ids"]
        return self.encoder(
            hidden,
            memory=memory,
            bias=attention_bias(own, dtype=self.compute_dtype, is_causal=True),
            memory_bias=attention_bias(
                own, dtype=self.compute_dtype, keys_of=inputs["example_ids"]
            ),
            training=training,
        )

    def embed(self, ids: Any, positions: Any, *, training: bool = False) -> Any:
        """Embeds int32 tokens `[rows, tokens]` of segment 0."""
        inputs = {
            "input_ids": ids,
            "segment_ids": ops.zeros_like(ids),
            "position_ids": positions,
        }
        with lookup.unmeasured():  # the embedding is the output layer, too
            return self.embeddings(inputs, training=training)


class DecoderLayers(Part):
    """A stack of decoder layers."""

    def __init__(self, config: BertConfig, **kwargs: Any) -> None:
        super().__init__(config, **kwargs)
        self.blocks = [
            self.make_part(DecoderLayer, f"layer_{index}")
            for index in range(config.num_hidden_layers)
        ]

    def call(
        self,
        hidden: Any,
        memory: Any,
        bias: Any,
        memory_bias: Any,
        training: bool = False,
    ) -> Any:
        """Runs the layers one after the other; see `DecoderLayer.call`."""

        def call(block: DecoderLayer, hidden: Any) -> Any:
            return block(
                hidden,
                memory=memory,
                bias=bias,
                memory_bias=memory_bias,
                training=training,
            )

        return layer_stack.outputs(self.blocks, hidden, call)[-1]


class DecoderLayer(Part):
    """Self-attention, attention to the encoder, feed-forward; LayerNorm after each."""

    def __init__(self, config: BertConfig, **kwargs: Any) -> None:
        super().__init__(config, **kwargs)
        self.attention = self.make_part(Attention, "attention")
        self.crossattention = self.make_part(Attention, "crossattention")
        self.intermediate = self.make_part(Intermediate, "intermediate")
        self.feed_forward_output = self.make_part(ResidualOutput, "output")

    def call(
        self,
        hidden: Any,
        memory: Any,
        bias: Any,
        memory_bias: Any,
        training: bool = False,
    ) -> Any:
        """Maps targets to the same shape.

        Args:
            hidden: `[rows, target_len, hidden]`.
            memory: `[rows, source_len, hidden]`.
            bias: `[rows, 1, target_len, target_len]`; see `attention_bias`.
            memory_bias: `[rows, 1, target_len, source_len]`.
            training: Whether dropout is on.
        """
        attended = self.attention(
            hidden, keys_from=hidden, bias=bias, training=training
        )
        informed = self.crossattention(
            attended, keys_from=memory, bias=memory_bias, training=training
        )
        return self.feed_forward(informed, training=training)

    def feed_forward(self, informed: Any, *, training: bool = False) -> Any:
        """The last part of the layer, in the shape of its input."""
        widened = self.intermediate(informed)
        return self.feed_forward_output(widened, residual=informed, training=training)


def build_encoder_decoder(
    config: EncoderDecoderConfig, *, dtype: str
) -> BertEncoderDecoder:
    """A model with all its variables, with random weights.

    Args:
        config: The sizes of both sides.
        dtype: Keras dtype policy.
    """
    model = BertEncoderDecoder(config, dtype=dtype)
    model.build_variables()
    return model
