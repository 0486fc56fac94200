"""Read where the toolkit is not: a SavedModel's answers to texts and to ids."""

from typing import Any

import tensorflow as tf


def answers(request: dict[str, Any]) -> dict[str, Any]:
    """Answers a request; see `read_back`."""
    if request["texts"]:
        import tensorflow_text  # noqa: F401 - its operations
    signatures = tf.saved_model.load(f"{request['folder']}/1").signatures
    found = [_answer(signatures["ids"], rows) for rows in request["blocks"]]
    ids = [row for answer in found for row in answer["probabilities"].tolist()]
    labels = [label.decode() for label in found[0]["labels"][0].tolist()]
    read = {"ids": ids, "labels": labels}
    if request["texts"]:
        answer = _answer(signatures["serving_default"], request["texts"])
        read["texts"] = answer["probabilities"].tolist()
    return read


def _answer(signature: Any, inputs: dict[str, Any]) -> dict[str, Any]:
    found = signature(**{name: tf.constant(value) for name, value in inputs.items()})
    return {name: value.numpy() for name, value in found.items()}
