"""Read where the toolkit is not: what LiteRT answers to ids."""

from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter


def answers(request: dict[str, Any]) -> dict[str, Any]:
    """Answers a request; see `read_back`."""
    interpreter = Interpreter(model_path=f"{request['folder']}/model.tflite")
    found: list[Any] = []
    for rows in request["blocks"]:
        found += _answer(interpreter, rows)
    return {"ids": found}


def _answer(interpreter: Interpreter, rows: dict[str, Any]) -> list[Any]:
    arrays = {
        place["index"]: np.array(
            next(value for name, value in rows.items() if name in place["name"]),
            np.int32,
        )
        for place in interpreter.get_input_details()
    }
    for index, array in arrays.items():
        interpreter.resize_tensor_input(index, array.shape)
    interpreter.allocate_tensors()
    for index, array in arrays.items():
        interpreter.set_tensor(index, array)
    interpreter.invoke()
    [output] = interpreter.get_output_details()
    values: list[Any] = interpreter.get_tensor(output["index"]).tolist()
    return values
