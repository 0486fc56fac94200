"""Which positions of a batch a model is to predict a token at.

Logits are made for these alone. Their number varies from batch to batch and is rounded
up, so that few shapes are compiled.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np


def gather(
    is_predicted: np.ndarray, followers: np.ndarray, *, max_row_shapes: int
) -> dict[str, np.ndarray]:
    """Lists the positions and what stands there.

    Args:
        is_predicted: bool `[updates, accumulation, replicas, rows, row_length]`.
        followers: The token to predict at each, of the same shape.
        max_row_shapes: About how many sizes there may be; see `Placement`.

    Returns:
        Of `[..., targets]` for each replica: `target_positions` int32, counted along
        the rows laid end to end; `target_ids` int32; `target_weight` float32, which
        sums to 1 over an update. Filler has 0.
    """
    size = is_predicted.shape[-2] * is_predicted.shape[-1]
    chosen = is_predicted.reshape(*is_predicted.shape[:-2], size)
    counts = chosen.sum(axis=-1)
    unit = math.ceil(size / max_row_shapes)
    capacity = min(math.ceil(max(counts.max(), 1) / unit) * unit, size)
    places = np.argsort(~chosen, axis=-1, kind="stable")[..., :capacity]
    is_real = np.arange(capacity) < counts[..., np.newaxis]
    positions = np.where(is_real, places, 0)
    ids = np.take_along_axis(followers.reshape(chosen.shape), positions, axis=-1)
    in_update = np.maximum(counts.sum(axis=(1, 2)), 1).reshape(-1, 1, 1, 1)
    return {
        "target_positions": positions.astype(np.int32),
        "target_ids": np.where(is_real, ids, 0).astype(np.int32),
        "target_weight": (is_real / in_update).astype(np.float32),
    }


def of_decoder(
    arrays: Mapping[str, np.ndarray], *, start_id: int, max_row_shapes: int
) -> dict[str, np.ndarray]:
    """Replaces the texts that are learned by what a decoder reads and predicts.

    Args:
        arrays: Batch arrays `[updates, accumulation, replicas, ...]`.
        start_id: Of the token that every text is begun with, in place of its last one.
        max_row_shapes: See `gather`.

    Returns:
        The others as they are; `decoder_input_ids`, `decoder_position_ids` and
        `decoder_example_ids`, int32 `[..., rows, target_length]`; and those of
        `gather`.
    """
    found = dict(arrays)
    texts = found.pop("decoder_target_ids")
    is_token = found["decoder_example_ids"] > 0
    before = np.zeros_like(texts)
    before[..., 1:] = texts[..., :-1]
    before[is_token & (found["decoder_position_ids"] == 0)] = start_id
    found["decoder_input_ids"] = np.where(is_token, before, 0)
    return found | gather(is_token, texts, max_row_shapes=max_row_shapes)
