import keras
import numpy as np

from runtime.engine.objectives import cross_entropy
from tests import rounding


def log_softmax(logits):
    logits = logits.astype(np.float64)
    return logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))


def test_cross_entropy_is_minus_the_log_probability_of_the_label():
    logits = np.array([[2, -1, 0.5], [0, 0, 0], [30, -30, 0]], np.float32)
    labels = np.array([0, 2, 1], np.int32)
    found = keras.ops.convert_to_numpy(cross_entropy(logits, labels))
    expected = -log_softmax(logits)[np.arange(3), labels]
    for ours, theirs in zip(found, expected, strict=True):
        rounding.assert_near(ours, theirs, operations=rounding.of_cross_entropy(3))
