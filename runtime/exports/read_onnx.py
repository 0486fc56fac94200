"""Read where the toolkit is not: what ONNX Runtime answers to ids."""

import json
import sys

import numpy as np
import onnxruntime


def main() -> None:
    """Reads the request on standard input; answers on standard output."""
    request = json.load(sys.stdin)
    session = onnxruntime.InferenceSession(f"{request['folder']}/model.onnx")
    # Named by their own names, or as tf2onnx counts them in the order of the names.
    names = [each.name for each in session.get_inputs()]
    rows = request["rows"]
    feed = {
        name: np.array(next(v for k, v in rows.items() if k in name), np.int32)
        for name in names
    }
    [found] = session.run(None, feed)
    json.dump({"ids": found.tolist()}, sys.stdout)


if __name__ == "__main__":
    main()
