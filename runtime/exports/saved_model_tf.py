"""A SavedModel for TensorFlow Serving: strings or ids in, probabilities out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from runtime import storage
from runtime.errors import StorageError
from runtime.exports.row_inputs import INPUTS
from runtime.exports.rows_model import RowsModel
from runtime.exports.text_rows import TextRows
from runtime.files import tfrecord
from runtime.files.protobuf import field_bytes

STRINGS = "serving_default"
IDS = "ids"
"""Names of its signatures."""

_WARM_UP = ("assets.extra", "tf_serving_warmup_requests")
_TOKENS_OF_A_WARM_UP = 8


class _Served(tf.Module):
    """What is saved: the functions, and what they read.

    Args:
        model: From ids to probabilities.
        labels: What those are of.
    """

    def __init__(self, model: RowsModel, *, labels: Sequence[str]) -> None:
        super().__init__()
        # Keras' own tracking would save its layers, which only Keras can load.
        self._call = model.__call__
        self._labels = tf.constant(list(labels))
        self.variables_of_model = [variable.value for variable in model.variables]
        self.resources: list[Any] = []

    def answer(self, block: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Probabilities float32 `[rows, outputs]`, and the label of each."""
        found = self._call(block)
        labels = tf.broadcast_to(self._labels[None], tf.shape(found))
        return {"probabilities": found, "labels": labels}


def write(
    folder: str,
    model: RowsModel,
    *,
    labels: Sequence[str],
    texts: TextRows | None,
    warm_up: Sequence[str] = (),
) -> None:
    """Writes `folder/1`, the version folder that TensorFlow Serving looks for.

    Args:
        folder: A folder of the local disk.
        model: From ids to probabilities.
        labels: What those are of.
        texts: How texts become ids; None where no graph can do that: there is no
            signature of strings then.
        warm_up: Texts, or the two of pairs, that a server answers before any other.

    Raises:
        StorageError: The disk is full, say.
    """
    module = _Served(model, labels=labels)
    signatures: dict[str, Any] = {IDS: _of_ids(module)}
    request = field_bytes(1, field_bytes(3, IDS.encode()))
    row = tf.ones([1, _TOKENS_OF_A_WARM_UP], tf.int32)
    inputs = dict(zip(INPUTS, (row, row, tf.zeros_like(row)), strict=True))
    if texts is not None:
        signatures[STRINGS] = _of_strings(module, texts)
        request = field_bytes(1, field_bytes(3, STRINGS.encode()))
        names = ("text", "text_b")[: 1 + texts.pairs]
        inputs = {n: tf.constant([t]) for n, t in zip(names, warm_up, strict=True)}
    version = storage.join(folder, "1")
    # Nobody trains it on; an LSTM's own gradient cannot be saved at all.
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
    try:
        tf.saved_model.save(module, version, signatures, options)
    except tf.errors.OpError as error:
        raise StorageError(f"Cannot write {version}: {error.message}") from error
    _write_warm_up(storage.join(version, *_WARM_UP), request, inputs)


def _of_ids(module: _Served) -> Callable[..., Any]:
    row = {name: tf.TensorSpec([None, None], tf.int32, name=name) for name in INPUTS}

    @tf.function
    def ids(
        input_ids: tf.Tensor, input_mask: tf.Tensor, segment_ids: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        tensors = (input_ids, input_mask, segment_ids)
        return module.answer(dict(zip(INPUTS, tensors, strict=True)))

    return ids.get_concrete_function(**row)


def _of_strings(module: _Served, texts: TextRows) -> Callable[..., Any]:
    from runtime.exports import text_rows_tf  # which needs the extra [export]

    ids_of, resources = text_rows_tf.tokenizer(texts.tokenizer)
    module.resources += resources
    one = tf.TensorSpec([None], tf.string, name="text")
    other = tf.TensorSpec([None], tf.string, name="text_b")

    @tf.function
    def single(text: tf.Tensor) -> dict[str, tf.Tensor]:
        return module.answer(text_rows_tf.rows(texts, ids_of, text))

    @tf.function
    def pairs(text: tf.Tensor, text_b: tf.Tensor) -> dict[str, tf.Tensor]:
        return module.answer(text_rows_tf.rows(texts, ids_of, text, text_b))

    if texts.pairs:
        return pairs.get_concrete_function(text=one, text_b=other)
    return single.get_concrete_function(text=one)


def _write_warm_up(path: str, spec: bytes, inputs: dict[str, tf.Tensor]) -> None:
    """Writes a request that a server answers before it takes any.

    Source: tensorflow/serving, apis/prediction_log.proto (PredictionLog.predict_log is
        field 6, its request 1) and predict.proto (model_spec 1, inputs 2).
    """
    entries = [
        field_bytes(1, name.encode())
        + field_bytes(2, tf.make_tensor_proto(value.numpy()).SerializeToString())
        for name, value in inputs.items()
    ]
    request = spec + b"".join(field_bytes(2, entry) for entry in entries)
    log = field_bytes(6, field_bytes(1, request))
    storage.write_bytes(path, tfrecord.frame(log))
