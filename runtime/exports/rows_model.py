"""A classifier on plain rows: one text each, from ids to probabilities."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras
from keras import ops

from runtime.engine.engine import named_variables
from runtime.exports.row_inputs import INPUTS, Reading

_READ: dict[Reading, Callable[[Any], Any]] = {
    Reading.ONE: lambda logits: ops.softmax(logits, axis=-1),
    Reading.EACH: ops.sigmoid,
    Reading.NUMBER: lambda logits: logits,
}


class RowsModel(keras.Model):
    """What a classifier answers of rows with one text each.

    Args:
        model: The classifier, which reads rows of packed texts.
        reading: How its logits are read.
    """

    def __init__(self, model: keras.Model, *, reading: Reading) -> None:
        super().__init__(name="served")
        self.model = model
        self._reading = reading

    def call(self, inputs: Mapping[str, Any]) -> Any:
        """Answers rows.

        Args:
            inputs: See `INPUTS`.

        Returns:
            float32 `[rows, outputs]`.
        """
        ids, mask = inputs["input_ids"], inputs["input_mask"]
        rows, length = ops.shape(ids)[0], ops.shape(ids)[1]
        places = ops.arange(length, dtype="int32")
        block = {
            "input_ids": ids,
            "segment_ids": inputs["segment_ids"],
            "position_ids": (mask * 0 + places[None]) * mask,
            "example_ids": mask,
            "first_positions": ops.arange(rows, dtype="int32") * length,
        }
        logits = self.model(block, training=False)
        return _READ[self._reading](ops.cast(logits, "float32"))


def make(
    build: Callable[[], keras.Model],
    *,
    weights: Callable[[Mapping[str, tuple[int, ...]]], Mapping[str, Any]],
    reading: Reading,
) -> RowsModel:
    """A classifier with its trained weights.

    Args:
        build: Makes it, with random ones.
        weights: Gives them, asked for by name and shape.
        reading: How its logits are read.
    """
    model = build()
    variables = named_variables(model)
    found = weights({n: tuple(v.shape) for n, v in variables.items()})
    for name, variable in variables.items():
        variable.assign(found[name])
    served = RowsModel(model, reading=reading)
    two = keras.KerasTensor((1, 2), dtype="int32")
    served(dict.fromkeys(INPUTS, two))
    return served
