"""A stack of equal layers as one loop on the device."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import jax
import keras
from jax import lax
from jax import numpy as jnp

from runtime.kernels import dropout
from runtime.kernels.layer_stack import Call

KEPT = "kept"
"""Name of values that are kept for the gradient; see `jax.ad_checkpoint`."""

_policies = jax.checkpoint_policies

# Kept: what matrix products gave, or a kernel in their place. Keeping everything took
# twice the memory for BERT-base on a TPU v5e; the rest is cheap to compute again.
_WHAT_IS_KEPT = _policies.save_from_both_policies(
    _policies.dots_saveable, _policies.save_only_these_names(KEPT)
)


def loop(layers: Sequence[Any], hidden: Any, call: Call) -> list[Any]:
    """Scans over the layers' weights; see `runtime.kernels.layer_stack.outputs`.

    The lowest layer lends its code, evaluated with each layer's weights in turn.
    """
    lender = layers[0]
    stacked = [
        jnp.stack([variable.value for variable in same])
        for same in zip(*(layer.weights for layer in layers), strict=True)
    ]

    @functools.partial(jax.checkpoint, policy=_WHAT_IS_KEPT)
    def body(hidden: jax.Array, own: Any) -> tuple[jax.Array, jax.Array]:
        index, values = own
        weights = list(zip(lender.weights, values, strict=True))
        with keras.StatelessScope(weights), dropout.part(index):
            hidden = call(lender, hidden)
        return hidden, hidden

    _, found = lax.scan(body, hidden, (jnp.arange(len(layers)), stacked))
    return list(found)
