"""Golden models of other programs, and ours with their weights."""

import os

import keras
import numpy as np
import pytest

from tf_bert.classifier.heads import BertClassifier
from tf_bert.formats import find
from tf_bert.formats.weights import read_weights

GOLDEN = os.path.join(os.path.dirname(__file__), "../../golden")


@pytest.fixture(scope="session")
def hugging_face_dir():
    return os.path.join(GOLDEN, "huggingface_bert_tiny")


@pytest.fixture(scope="session")
def keras_hub_dir():
    return os.path.join(GOLDEN, "kerashub_bert_tiny")


@pytest.fixture(scope="session")
def hugging_face_golden(hugging_face_dir):
    with np.load(os.path.join(hugging_face_dir, "golden.npz")) as file:
        return dict(file)


@pytest.fixture(scope="session")
def keras_hub_golden(keras_hub_dir):
    with np.load(os.path.join(keras_hub_dir, "golden.npz")) as file:
        return dict(file)


@pytest.fixture(scope="session")
def outputs_of():
    """What our classifier computes with the weights that lie at a path."""
    return compute


def compute(path, rows, *, allow_partial=False):
    """Outputs on padded rows: sequence, pooled, logits, and the report."""
    config = find.open_source(str(path)).config
    model = BertClassifier(config, num_labels=3)
    model.build_variables()
    shapes = {each.path.partition("/")[2]: each for each in model.trainable_variables}
    initial = read_weights(
        str(path),
        expected={name: tuple(each.shape) for name, each in shapes.items()},
        allow_partial=allow_partial,
    )
    for name, value in initial.values.items():
        shapes[name].assign(value)
    count, length = rows["input_ids"].shape
    places = np.broadcast_to(np.arange(length, dtype=np.int32), (count, length))
    block = {
        "input_ids": rows["input_ids"],
        "segment_ids": rows["segment_ids"],
        "position_ids": places,
        "example_ids": rows["input_mask"],
        "first_positions": np.arange(count, dtype=np.int32) * length,
    }
    outputs = model.bert(block)
    return {
        "sequence": keras.ops.convert_to_numpy(outputs["sequence_output"]),
        "pooled": keras.ops.convert_to_numpy(outputs["pooled_output"]),
        "logits": keras.ops.convert_to_numpy(model(block)),
        "report": initial.report,
    }


@pytest.fixture(scope="session")
def deviation():
    """The largest difference, of the rows' real tokens where a mask is given."""

    def measure(found, expected, mask=None):
        differences = np.abs(found - expected)
        return float((differences if mask is None else differences[mask > 0]).max())

    return measure
