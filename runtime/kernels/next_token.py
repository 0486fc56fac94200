"""Cross-entropy over a vocabulary, the largest part of a language model's work.

At 20,000 words the logits are 400 times as large as the states they come from. They
are made for real tokens only, and at once turned into the loss and its gradient, in
one pass and in the dtype of the matrix products: what is kept for the backward pass is
that gradient alone, and no float32 logits.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from keras import ops

from runtime.kernels import fusion


def loss(
    states: Any,
    kernel: Any,
    bias: Any,
    target_ids: Any,
    weights: Any,
    *,
    label_smoothing: float = 0.0,
) -> Any:
    """The weighted sum of the targets' cross-entropies.

    Args:
        states: `[targets, units]`, in the dtype of the matrix products.
        kernel: `[units, vocabulary]`, the same dtype.
        bias: float32 `[vocabulary]`.
        target_ids: int32 `[targets]`.
        weights: float32 `[targets]`; 0 for filler.
        label_smoothing: Share of a target that is dealt to the whole vocabulary alike.

    Returns:
        float32 scalar.
    """
    # TensorFlow's gradient functions take no variables, only what is read of them.
    kernel, bias = ops.cast(kernel, states.dtype), ops.cast(bias, "float32")
    fused = fusion.kernel(_smoothed(label_smoothing))

    @ops.custom_gradient
    def weighted(states: Any, kernel: Any, bias: Any) -> Any:
        logits = ops.matmul(states, kernel)
        total, d_logits, d_bias = fused(logits, bias, target_ids, weights)

        def gradient(upstream: Any) -> tuple[Any, ...]:
            scale = ops.cast(upstream, states.dtype)
            d_states = ops.einsum("tv,uv->tu", d_logits, kernel) * scale
            d_kernel = ops.einsum("tu,tv->uv", states * scale, d_logits)
            return d_states, d_kernel, d_bias * upstream

        return total, gradient

    return weighted(states, kernel, bias)


def losses(states: Any, kernel: Any, bias: Any, target_ids: Any) -> Any:
    """The cross-entropy of each target, for evaluation.

    Args:
        states: As for `loss`.
        kernel: As for `loss`.
        bias: As for `loss`.
        target_ids: As for `loss`.

    Returns:
        float32 `[targets]`.
    """
    logits = ops.cast(ops.matmul(states, kernel), "float32") + bias
    return ops.logsumexp(logits, axis=-1) - _picked(logits, target_ids)


@functools.cache
def _smoothed(label_smoothing: float) -> Callable[..., Any]:
    """The same object for the same share, so that compilers can keep it."""
    if label_smoothing == 0:
        return _loss_and_gradients
    return functools.partial(_smoothed_loss_and_gradients, label_smoothing)


def _loss_and_gradients(logits: Any, bias: Any, target_ids: Any, weights: Any) -> Any:
    """The loss, and its gradients by logits (in their dtype) and by bias."""
    wide = ops.cast(logits, "float32") + bias
    shares, found = _shares(wide)
    each = found[:, 0] - _picked(wide, target_ids)
    is_target = _is_target(logits, target_ids)
    d_logits = ops.where(is_target, shares - 1.0, shares) * weights[:, None]
    return _summed(each, d_logits, weights=weights, dtype=logits.dtype)


def _smoothed_loss_and_gradients(
    label_smoothing: float, logits: Any, bias: Any, target_ids: Any, weights: Any
) -> Any:
    """The same, where every word has its part of the target."""
    wide = ops.cast(logits, "float32") + bias
    shares, found = _shares(wide)
    rest, size = 1.0 - label_smoothing, logits.shape[-1]
    aimed_at = rest * _picked(wide, target_ids)
    each = found[:, 0] - aimed_at - label_smoothing * ops.mean(wide, axis=-1)
    is_target = ops.cast(_is_target(logits, target_ids), "float32")
    d_logits = shares - rest * is_target - label_smoothing / size
    return _summed(
        each, d_logits * weights[:, None], weights=weights, dtype=logits.dtype
    )


def _shares(wide: Any) -> tuple[Any, Any]:
    """Each word's probability, and the logarithm of their sum before `[targets, 1]`."""
    largest = ops.max(wide, axis=-1, keepdims=True)
    exponents = ops.exp(wide - largest)
    total = ops.sum(exponents, axis=-1, keepdims=True)
    return exponents / total, ops.log(total) + largest


def _is_target(logits: Any, target_ids: Any) -> Any:
    return ops.arange(logits.shape[-1], dtype="int32") == target_ids[:, None]


def _summed(each: Any, d_logits: Any, *, weights: Any, dtype: Any) -> tuple[Any, ...]:
    return (
        ops.sum(each * weights),
        ops.cast(d_logits, dtype),
        ops.sum(d_logits, axis=0),
    )


def _picked(logits: Any, target_ids: Any) -> Any:
    return ops.take_along_axis(logits, target_ids[:, None], axis=-1)[:, 0]
