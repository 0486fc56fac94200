"""What converters make of a model, beside the model."""

import keras
import numpy as np
import pytest

from runtime.exports import keras_formats, read_back

if keras.config.backend() != "tensorflow":
    pytest.skip("Keras exports these with TensorFlow", allow_module_level=True)

READERS = {"onnx": "onnxruntime", "litert": "ai_edge_litert"}


@pytest.mark.slow
@pytest.mark.parametrize("kind", READERS)
@pytest.mark.filterwarnings("ignore")  # of converters
def test_rows_of_any_number_and_length(model, rows, tmp_path, kind):
    pytest.importorskip(READERS[kind], reason="the extra [export]")
    pytest.importorskip("tf2onnx", reason="the extra [export]")
    keras_formats.write(str(tmp_path), model, kind=kind)
    blocks = [rows(sizes) for sizes in ([2], [3, 7, 1], [24] * 5)]
    request = {
        "folder": str(tmp_path),
        "blocks": [{k: v.tolist() for k, v in block.items()} for block in blocks],
    }
    found = read_back.read(f"read_{kind}", request)["ids"]
    expected = np.concatenate([model(block) for block in blocks])
    np.testing.assert_allclose(found, expected, atol=1e-6)
