"""What an exported model reads, and how what it computes is read."""

from __future__ import annotations

import enum

INPUTS = ("input_ids", "input_mask", "segment_ids")
"""int32 `[rows, length]` each: token ids; 1 for a token and 0 for padding after it; 0
for the first text of a pair and 1 for the second."""


class Reading(enum.Enum):
    """How logits become what is answered."""

    ONE = "label"  # probabilities that sum to 1
    EACH = "labels"  # the probability of each label by itself
    NUMBER = "number"  # the logit itself
