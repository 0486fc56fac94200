"""StableHLO by jax.export: one file for CPUs, GPUs and TPUs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
from jax import export

from runtime import storage
from runtime.errors import CompilationError
from runtime.exports.row_inputs import INPUTS
from runtime.exports.rows_model import RowsModel

_struct: Callable[..., Any] = jax.ShapeDtypeStruct  # jax leaves it untyped

FILE = "model.stablehlo"
PLATFORMS = ("cpu", "cuda", "tpu")


def write(folder: str, model: RowsModel) -> None:
    """Writes the file that `jax.export.deserialize` reads; weights are in it.

    Args:
        folder: A folder.
        model: From ids to probabilities.

    Raises:
        CompilationError: The model cannot be lowered with open shapes.
    """
    shape = export.symbolic_shape("rows, length")
    trained = [variable.value for variable in model.trainable_variables]
    others = [variable.value for variable in model.non_trainable_variables]

    def answer(input_ids: Any, input_mask: Any, segment_ids: Any) -> Any:
        block = dict(zip(INPUTS, (input_ids, input_mask, segment_ids), strict=True))
        return model.stateless_call(trained, others, block)[0]

    specs = [_struct(shape, "int32")] * len(INPUTS)
    try:
        made = export.export(jax.jit(answer), platforms=PLATFORMS)(*specs)
    except (ValueError, TypeError, NotImplementedError) as error:
        raise CompilationError(f"jax.export: {error}") from error
    storage.write_bytes(storage.join(folder, FILE), made.serialize())
