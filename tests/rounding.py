"""How far two computations of the same numbers may lie apart by rounding alone.

Each operation rounds its result by at most the unit roundoff u, half the distance of 1
from the next number: 2**-24 in float32, 2**-8 in bfloat16. After n operations in a row
a value is off by at most n * u, to first order, in units of the largest value on the
way. Rounding errors that are independent and of mean zero add up to less,
5 * sqrt(n) * u but for one value in 270,000, which is the smaller of the two from 25
operations on. Two computations are off in two directions: twice that.

A sum of n products counts n, because whoever computes it may add in any order, with or
without fused multiply and add: what changes with the instructions of a machine and the
number of its threads. An elementary function counts ELEMENTARY, because libraries give
it within about four units in the last place. A gradient takes the operations of the
value it is of once more, backwards.

What an optimizer does with a gradient is not bounded thereby: a weight whose gradient
is rounding alone moves by up to the learning rate in either direction. Weights after
several updates have bounds of their own, far below what the updates move.

Source: N. Higham, Accuracy and Stability of Numerical Algorithms, 3.1; N. Higham and
T. Mary, A New Approach to Probabilistic Rounding Error Analysis, theorem 2.4.
"""

import math

import numpy as np

FLOAT32 = 2.0**-24
ELEMENTARY = 8
_DEVIATIONS = 5


def bound(operations, *, size=1.0, unit=FLOAT32):
    """Largest difference that rounding explains.

    Args:
        operations: How many come after each other, as counted above.
        size: The largest value on the way.
        unit: The unit roundoff.
    """
    return 2 * unit * size * min(operations, _DEVIATIONS * math.sqrt(operations))


def assert_near(found, expected, *, operations, size=None, err_msg=""):
    """Checks that float32 arrays are equal but for rounding.

    Args:
        found: An array or a number.
        expected: What it should be.
        operations: How many come after each other.
        size: The largest value on the way; by default that of `expected`.
        err_msg: What is compared.
    """
    largest = np.abs(expected).max() if size is None else size
    allowed = bound(operations, size=float(largest))
    np.testing.assert_allclose(found, expected, rtol=0, atol=allowed, err_msg=err_msg)


def of_encoder(config, seq_len):
    """Operations of a BERT's encoder, from the embeddings to the pooled output."""
    hidden, inner = config.hidden_size, config.intermediate_size
    norm = 2 * hidden + ELEMENTARY
    head = hidden // config.num_attention_heads
    attention = hidden + head + ELEMENTARY + 2 * seq_len + hidden
    feed_forward = hidden + ELEMENTARY + inner
    layer = attention + norm + feed_forward + norm
    return norm + config.num_hidden_layers * layer + hidden + ELEMENTARY


def of_lstm(steps, *, size, units):
    """Operations of an LSTM from its first step to its last."""
    return steps * (size + units + 3 * ELEMENTARY)


def of_cross_entropy(classes):
    """Operations of a softmax cross entropy from its logits."""
    return classes + 3 * ELEMENTARY
