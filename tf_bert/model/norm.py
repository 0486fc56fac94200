"""LayerNorm, with the dropout and the residual sum before it in the same kernel."""

from __future__ import annotations

from typing import Any

from keras import ops

from runtime.kernels import dropout
from runtime.kernels.fusion import fused
from tf_bert.model.config import BertConfig
from tf_bert.model.part import Part


class Norm(Part):
    """LayerNorm, of a tensor or of a residual sum; its dropout, if any, is fused in."""

    def __init__(self, config: BertConfig, **kwargs: Any) -> None:
        super().__init__(config, **kwargs)
        self.dropout = self.make_dropout(config.hidden_dropout_prob)

    def build(self, *_: Any) -> None:
        """Creates gamma and beta `[hidden]`."""
        size = (self.config.hidden_size,)
        self.gamma = self.add_weight(
            shape=size, initializer="ones", autocast=False, name="gamma"
        )
        self.beta = self.add_weight(
            shape=size, initializer="zeros", autocast=False, name="beta"
        )

    def call(self, inputs: Any, residual: Any = None, training: bool = False) -> Any:
        """Normalises the last axis.

        Args:
            inputs: `[..., hidden]`; with a residual, dropout is applied to it first.
            residual: `[..., hidden]` or None.
            training: Whether dropout is on.

        Returns:
            `[..., hidden]`.
        """
        gamma, beta = map(ops.convert_to_tensor, (self.gamma, self.beta))
        epsilon = self.config.layer_norm_eps
        if residual is None:
            return _normalised(inputs, gamma, beta, epsilon=epsilon)
        rate = self.dropout.rate
        if not training or rate == 0:
            return _added_normalised(inputs, residual, gamma, beta, epsilon=epsilon)
        bits = self.dropout.bits(inputs)
        return _dropped_added_normalised(
            inputs, bits, residual, gamma, beta, rate=rate, epsilon=epsilon
        )


@fused
def _normalised(inputs: Any, gamma: Any, beta: Any, *, epsilon: float) -> Any:
    return _norm(inputs, gamma, beta, epsilon=epsilon)


@fused
def _added_normalised(
    inputs: Any, residual: Any, gamma: Any, beta: Any, *, epsilon: float
) -> Any:
    return _norm(inputs + residual, gamma, beta, epsilon=epsilon)


@fused
def _dropped_added_normalised(
    inputs: Any,
    bits: Any,
    residual: Any,
    gamma: Any,
    beta: Any,
    *,
    rate: float,
    epsilon: float,
) -> Any:
    kept = dropout.apply(inputs, bits, rate=rate)
    return _norm(kept + residual, gamma, beta, epsilon=epsilon)


def _norm(inputs: Any, gamma: Any, beta: Any, *, epsilon: float) -> Any:
    """LayerNorm over the last axis, in float32 whatever the input's dtype."""
    wide = ops.cast(inputs, "float32")
    centred = wide - ops.mean(wide, axis=-1, keepdims=True)
    variance = ops.mean(ops.square(centred), axis=-1, keepdims=True)
    scaled = centred * ops.rsqrt(variance + epsilon) * gamma + beta
    return ops.cast(scaled, inputs.dtype)
