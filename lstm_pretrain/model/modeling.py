"""The encoder: an embedding and stacks of LSTMs, in Keras' own layers and names."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from lstm_pretrain.model import recurrence
from lstm_pretrain.model.config import Dropouts, LstmConfig
from runtime.kernels.dropout import SharedDropout
from runtime.kernels.lookup import take


@dataclasses.dataclass(frozen=True, kw_only=True)
class RowLayout:
    """How rows are laid out and computed.

    Attributes:
        packed: Whether a row may hold several texts.
        cudnn: Whether cuDNN is there. It knows no packed rows.
    """

    packed: bool = False
    cudnn: bool = False


class LSTM(keras.layers.LSTM):
    """Keras' LSTM, whose time loop is `lstm_pretrain.model.recurrence`'s.

    On GPUs, which this was never run on, Keras' own call takes cuDNN where rows are not
    packed.

    Args:
        units: Width of the state.
        input_dropout: Share of the inputs that is dropped, one mask for a row.
        cudnn: Whether to leave rows of one text to Keras and cuDNN.
    """

    def __init__(
        self, units: int, *, input_dropout: float, cudnn: bool, **kwargs: Any
    ) -> None:
        super().__init__(
            units,
            return_sequences=True,
            use_cudnn="auto" if cudnn else False,
            **kwargs,
        )
        self.leaves_to_keras = cudnn
        self.input_dropout = SharedDropout(input_dropout, dtype=self.dtype_policy)

    def build(self, sequences_shape: Any) -> None:
        """Creates the variables."""
        super().build(sequences_shape)

    def call(self, sequences: Any, keep: Any = None, training: bool = False) -> Any:
        """Runs over the time.

        Args:
            sequences: `[rows, time, features]`, texts at the start of their rows.
            keep: float32 `[rows, time, 1]`, 0 where the state starts anew; None where
                it never does.
            training: Whether dropout is on.

        Returns:
            `[rows, time, units]`.
        """
        sequences = self.input_dropout(sequences, training=training)
        if self.leaves_to_keras and keep is None:
            return super().call(sequences, training=training)
        kernel, recurrent_kernel, bias = map(ops.convert_to_tensor, self.cell.weights)
        projected = _time_first(ops.matmul(sequences, kernel) + bias)
        if keep is not None:
            keep = _time_first(keep)
        return _time_first(recurrence.lstm(projected, recurrent_kernel, keep=keep))


class LstmEncoder(keras.layers.Layer):
    """What an LSTM makes of each token of a text.

    Args:
        config: Sizes.
        dropouts: What is dropped in training.
        layout: How rows are laid out.
    """

    def __init__(
        self,
        config: LstmConfig,
        *,
        dropouts: Dropouts,
        layout: RowLayout,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._packed = layout.packed
        self.embedding = _Embedding(
            config.vocab_size,
            config.embedding_size,
            dtype=self.dtype_policy,
            name="embedding",
        )
        self.stacks = [
            [
                LSTM(
                    config.hidden_size,
                    input_dropout=dropouts.inputs,
                    cudnn=layout.cudnn,
                    dtype=self.dtype_policy,
                    name=f"{direction}_{level}",
                )
                for level in range(config.num_layers)
            ]
            for direction in config.directions
        ]

    def call(self, inputs: Mapping[str, Any], training: bool = False) -> list[Any]:
        """Encodes texts.

        Args:
            inputs: int32 `[rows, time]`: `input_ids`, and `example_ids`, which is 0 for
                padding and else tells the texts of a row apart.
            training: Whether dropout is on.

        Returns:
            For each direction `[rows, time, hidden]`. What stands at padding has no
            meaning.
        """
        embedded = self.embedding(inputs["input_ids"])
        examples = inputs["example_ids"]
        forward, *backward = self.stacks
        keep = _keep(examples) if self._packed else None
        found = [_run(forward, embedded, keep=keep, training=training)]
        for stack in backward:
            # From its end a row starts with padding, so states always start anew.
            reversed_states = _run(
                stack,
                _reversed(embedded),
                keep=_keep(_reversed(examples)),
                training=training,
            )
            found.append(_reversed(reversed_states))
        return found


class _Embedding(keras.layers.Embedding):
    """Keras' own, with its rows taken as the engine takes them."""

    def call(self, inputs: Any) -> Any:
        """The rows of ids `[rows, time]`, in the compute dtype."""
        return ops.cast(take(self.embeddings, inputs), self.compute_dtype)


def _run(stack: list[LSTM], states: Any, *, keep: Any, training: bool) -> Any:
    for layer in stack:
        states = layer(states, keep=keep, training=training)
    return states


def _keep(examples: Any) -> Any:
    """0 where another example than the one before begins, float32 `[rows, time, 1]`."""
    same = ops.cast(examples[:, 1:] == examples[:, :-1], "float32")
    # By indexing, LiteRT would need operations of TensorFlow itself.
    return ops.expand_dims(ops.pad(same, [(0, 0), (1, 0)]), -1)


def _reversed(values: Any) -> Any:
    """Rows from their end, `[rows, time, ...]`."""
    return ops.flip(values, axis=1)


def _time_first(values: Any) -> Any:
    """Rows and time in each other's place."""
    return ops.swapaxes(values, 0, 1)
