"""Read where the toolkit is not: what LiteRT answers to ids."""

import json
import sys

import numpy as np
from ai_edge_litert.interpreter import Interpreter


def main() -> None:
    """Reads the request on standard input; answers on standard output."""
    request = json.load(sys.stdin)
    interpreter = Interpreter(model_path=f"{request['folder']}/model.tflite")
    arrays = {k: np.array(v, np.int32) for k, v in request["rows"].items()}
    places = {
        place["index"]: next(v for k, v in arrays.items() if k in place["name"])
        for place in interpreter.get_input_details()
    }
    for index, array in places.items():
        interpreter.resize_tensor_input(index, array.shape)
    interpreter.allocate_tensors()
    for index, array in places.items():
        interpreter.set_tensor(index, array)
    interpreter.invoke()
    [output] = interpreter.get_output_details()
    json.dump({"ids": interpreter.get_tensor(output["index"]).tolist()}, sys.stdout)


if __name__ == "__main__":
    main()
