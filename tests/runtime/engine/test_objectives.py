import keras
import numpy as np
import pytest

from processors.labels.targets import Targets
from runtime.engine.objectives import (
    ClassificationObjective,
    MultiLabelObjective,
    RegressionObjective,
    cross_entropy,
    of_targets,
    smoothed_cross_entropy,
)
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


LOGITS = np.array([[2, -1, 0.5], [0, 0, 0], [3, -3, 0], [0.2, 0.1, -4]], np.float32)
LABEL_IDS = np.array([0, 2, 1, 0], np.int32)
OF_SMOOTHED = rounding.of_cross_entropy(3) + 9


def torch_smoothed(logits, label_ids, smoothing):
    """CrossEntropyLoss(label_smoothing=..., reduction="none") of torch."""
    log_probabilities = log_softmax(logits)
    own = -log_probabilities[np.arange(len(logits)), label_ids]
    smooth = -log_probabilities.sum(axis=-1)
    return (1 - smoothing) * own + smoothing / logits.shape[-1] * smooth


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.9])
def test_label_smoothing_is_torchs(smoothing):
    found = smoothed_cross_entropy(LOGITS, LABEL_IDS, label_smoothing=smoothing)
    expected = torch_smoothed(LOGITS, LABEL_IDS, smoothing)
    found = keras.ops.convert_to_numpy(found)
    rounding.assert_near(found, expected, operations=OF_SMOOTHED, size=6)


def as_model(block, *, training):
    """What stands in for a model: the logits are the inputs."""
    del training
    return keras.ops.convert_to_tensor(block["inputs"])


def block(weights):
    """A block whose examples have these shares."""
    return {
        "inputs": LOGITS,
        "label_ids": LABEL_IDS,
        "loss_weight": np.float32(weights),
    }


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_training_smooths_and_evaluation_does_not(smoothing):
    objective = ClassificationObjective(label_smoothing=smoothing)
    shares = [0.4, 0.3, 0.2, 0.1]
    loss = keras.ops.convert_to_numpy(objective.loss(as_model, block(shares)))
    expected = torch_smoothed(LOGITS, LABEL_IDS, smoothing) @ shares
    rounding.assert_near(loss, expected, operations=OF_SMOOTHED + 4, size=6)
    losses = objective.outputs(as_model, block(shares))["losses"]
    rounding.assert_near(
        keras.ops.convert_to_numpy(losses),
        torch_smoothed(LOGITS, LABEL_IDS, 0.0),
        operations=OF_SMOOTHED,
        size=6,
    )


# Several labels, and numbers ---------------------------------------------------------


def torch_binary(logits, targets):
    """BCEWithLogitsLoss(reduction="none") of torch, the mean over labels."""
    logits = logits.astype(np.float64)
    losses = np.maximum(logits, 0) - logits * targets + np.log1p(np.exp(-abs(logits)))
    return losses.mean(axis=-1)


def check_objective(objective, *, inputs, targets, expected, operations):
    """Loss and outputs on a block whose examples have unequal shares."""
    shares = np.array([0.5, 0.25, 0.25, 0], np.float32)
    block = {"inputs": inputs, "targets": targets, "loss_weight": shares}
    loss = keras.ops.convert_to_numpy(objective.loss(as_model, block))
    size = expected.max()
    rounding.assert_near(loss, expected @ shares, operations=operations, size=size)
    outputs = objective.outputs(as_model, block)
    losses = keras.ops.convert_to_numpy(outputs["losses"])
    assert losses.shape == (4,)
    rounding.assert_near(losses, expected, operations=operations, size=size)
    np.testing.assert_array_equal(outputs["logits"], inputs)


def test_several_labels_have_torchs_binary_cross_entropy():
    inputs = LOGITS * np.float32(20)  # also where a sigmoid is 0 or 1
    targets = np.array([[1, 0, 1], [0, 0, 0], [1, 1, 1], [0, 1, 0]], np.float32)
    check_objective(
        MultiLabelObjective(),
        inputs=inputs,
        targets=targets,
        expected=torch_binary(inputs, targets),
        operations=rounding.of_cross_entropy(3) + 8,
    )


def test_a_number_has_its_squared_error():
    inputs = np.array([[0.5], [-2], [3], [0]], np.float32)
    targets = np.array([1.5, 2, 3, -0.25], np.float32)
    check_objective(
        RegressionObjective(),
        inputs=inputs,
        targets=targets,
        expected=(inputs[:, 0] - targets).astype(np.float64) ** 2,
        operations=8,
    )


@pytest.mark.parametrize(
    ("targets", "kind"),
    [
        (Targets.LABEL, ClassificationObjective),
        (Targets.LABELS, MultiLabelObjective),
        (Targets.NUMBER, RegressionObjective),
    ],
)
def test_each_kind_of_target_has_its_objective(targets, kind):
    assert type(of_targets(targets.value)) is kind
