"""What Keras itself exports: ONNX and LiteRT."""

from __future__ import annotations

import warnings
from typing import Any

import keras

from runtime import storage
from runtime.errors import CompilationError, StorageError
from runtime.exports.row_inputs import INPUTS
from runtime.exports.rows_model import RowsModel
from runtime.kernels import portable

FILES = {"onnx": "model.onnx", "litert": "model.tflite"}


def write(folder: str, model: RowsModel, *, kind: str) -> None:
    """Writes the model's file, with any number of rows and tokens.

    Args:
        folder: A folder of the local disk.
        model: From ids to probabilities.
        kind: onnx or litert, as Keras calls it.

    Raises:
        CompilationError: The exporter, or a converter that it calls, cannot.
        StorageError: The disk is full, say.
    """
    signature = {
        name: keras.InputSpec(shape=(None, None), dtype="int32", name=name)
        for name in INPUTS
    }
    path = storage.join(folder, FILES[kind])
    options: dict[str, Any] = {"input_signature": [signature], "verbose": False}
    try:
        with portable.graphs(), warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # of Keras' own, on numpy
            model.export(path, format=kind, **options)
    except OSError as error:
        raise StorageError(f"Cannot write {path}: {error}") from error
    except Exception as error:
        raise CompilationError(f"Keras' exporter of {kind}: {error!r:.500}") from error
