"""Finds the devices of a run and times them; a program of its own.

    python -m runtime.doctor.device_probe '{"accelerator": "auto", "backend": "auto"}'

A framework that does not fit its driver can end the process that imports it, so
`device_check` starts this one for it. The last line it prints is a JSON object.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import numpy as np

from runtime.devices.placement import Accelerator, Backend, Placement, place
from runtime.errors import PlacementError

_SIZES = {Accelerator.CPU: 2048}
_LARGE_SIZE = 8192  # keeps a GPU or TPU busy for milliseconds


def probe(*, accelerator: str, backend: str, seconds: float) -> dict[str, Any]:
    """Places a run and times a matrix product in each precision.

    Args:
        accelerator: Value of the flag --accelerator.
        backend: Value of the flag --backend.
        seconds: How long to multiply in each precision.

    Returns:
        The placement and `teraflops` by precision, or `error`.
    """
    try:
        placement = place(Accelerator(accelerator), backend=Backend(backend))
    except PlacementError as error:
        return {"error": str(error)}
    return {
        "backend": placement.backend.value,
        "accelerator": placement.accelerator.value,
        "devices": list(placement.devices),
        "description": placement.describe(),
        "teraflops": {
            dtype: _teraflops(placement, dtype=dtype, seconds=seconds)
            for dtype in ("float32", "bfloat16")
        },
    }


def _teraflops(placement: Placement, *, dtype: str, seconds: float) -> float:
    """Measured 10^12 operations a second of the first device."""
    import keras  # only now that `place` has bound it to the backend

    size = _SIZES.get(placement.accelerator, _LARGE_SIZE)
    scale = size**-0.5  # keeps the products' size
    values = np.random.default_rng(0).normal(scale=scale, size=(size, size))
    with keras.device(placement.devices[0]):
        factor = keras.ops.convert_to_tensor(values, dtype)
        product = _multiply(factor, factor)
        count, start = 0, time.perf_counter()
        while time.perf_counter() - start < seconds or not count:
            product = _multiply(product, factor)
            count += 1
        elapsed = time.perf_counter() - start
    return 2 * size**3 * count / elapsed / 1e12


def _multiply(left: Any, right: Any) -> Any:
    """The product, when it is there: devices work behind the program's back."""
    import keras

    product = keras.ops.matmul(left, right)
    # numpy has no bfloat16 that a tensor of TensorFlow's could become.
    keras.ops.convert_to_numpy(keras.ops.cast(product[0, 0], "float32"))
    return product


if __name__ == "__main__":
    print(json.dumps(probe(**json.loads(sys.argv[1]))))  # noqa: T201 - its result
