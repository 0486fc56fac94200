"""Read where the toolkit is not: what StableHLO answers to ids."""

from typing import Any

import jax
import numpy as np
from jax import export


def answers(request: dict[str, Any]) -> dict[str, Any]:
    """Answers a request; see `read_back`."""
    content = np.fromfile(f"{request['folder']}/model.stablehlo", np.uint8)
    model = jax.jit(export.deserialize(bytearray(content.tobytes())).call)
    found: list[Any] = []
    for rows in request["blocks"]:
        arrays = [np.array(value, np.int32) for value in rows.values()]
        found += np.asarray(model(*arrays)).tolist()
    return {"ids": found}
