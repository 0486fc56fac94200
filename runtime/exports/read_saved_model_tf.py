"""Read where the toolkit is not: a SavedModel's answers to texts and to ids."""

import json
import sys

import tensorflow as tf


def main() -> None:
    """Reads the request on standard input; answers on standard output."""
    request = json.load(sys.stdin)
    if request["texts"]:
        import tensorflow_text  # noqa: F401 - its operations
    signatures = tf.saved_model.load(f"{request['folder']}/1").signatures
    rows = {name: tf.constant(value) for name, value in request["rows"].items()}
    found = {"ids": signatures["ids"](**rows)["probabilities"].numpy().tolist()}
    if request["texts"]:
        texts = {name: tf.constant(value) for name, value in request["texts"].items()}
        answers = signatures["serving_default"](**texts)
        found["texts"] = answers["probabilities"].numpy().tolist()
        found["labels"] = [
            each.decode() for each in answers["labels"].numpy()[0].tolist()
        ]
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
