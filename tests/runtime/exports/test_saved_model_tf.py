"""A version folder that TensorFlow Serving loads, and its first request."""

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from tensorflow.core.framework.tensor_pb2 import TensorProto

from runtime.errors import StorageError
from runtime.exports import saved_model_tf


@pytest.fixture(scope="module")
def folder(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved_model")
    saved_model_tf.write(str(folder), model, labels=("x", "y", "z"), texts=None)
    return folder


@pytest.fixture(scope="module")
def signatures(folder):
    return tf.saved_model.load(str(folder / "1")).signatures


@pytest.mark.parametrize("sizes", [[2], [7], [3, 7, 1]])
def test_rows_of_any_number_and_length(signatures, model, rows, sizes):
    block = rows(sizes)
    found = signatures["ids"](**{k: tf.constant(v) for k, v in block.items()})
    np.testing.assert_allclose(found["probabilities"], model(block), atol=1e-6)
    assert found["labels"].numpy().tolist() == [[b"x", b"y", b"z"]] * len(sizes)


def test_there_are_strings_only_with_a_tokenizer(signatures):
    assert list(signatures) == ["ids"]


def log_type():
    """tensorflow_serving.apis.PredictionLog, as far as a request needs it.

    Source: tensorflow/serving, apis/prediction_log.proto, predict.proto, model.proto.
    """
    file = descriptor_pb2.FileDescriptorProto(name="log.proto", syntax="proto3")
    kinds = {"string": 9, "bytes": 12}
    messages = {
        "Spec": [("name", 1, "string"), ("signature_name", 3, "string")],
        "Input": [("key", 1, "string"), ("value", 2, "bytes")],
        "Request": [("model_spec", 1, "Spec"), ("inputs", 2, "Input")],
        "PredictLog": [("request", 1, "Request")],
        "Log": [("predict_log", 6, "PredictLog")],
    }
    for name, fields in messages.items():
        message = file.message_type.add(name=name)
        for field, number, kind in fields:
            added = message.field.add(
                name=field, number=number, type=kinds.get(kind, 11)
            )
            added.label = 3 if field == "inputs" else 1
            if kind not in kinds:
                added.type_name = kind
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("Log"))


def test_the_first_request_is_one_that_it_answers(folder, signatures):
    path = folder / "1" / "assets.extra" / "tf_serving_warmup_requests"
    [record] = tf.data.TFRecordDataset(str(path))
    asked = log_type().FromString(record.numpy()).predict_log.request
    assert asked.model_spec.signature_name == "ids"
    inputs = {
        each.key: tf.constant(tf.make_ndarray(TensorProto.FromString(each.value)))
        for each in asked.inputs
    }
    assert signatures["ids"](**inputs)["probabilities"].shape == (1, 3)


def test_what_cannot_be_written_is_a_sentence(model, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=r"Cannot write .*file/1: "):
        saved_model_tf.write(
            str(tmp_path / "file"), model, labels=("x", "y", "z"), texts=None
        )
